"""What gunicorn serves; patched first, as whatever is imported before would block the hub."""

from gevent import monkey

monkey.patch_all()

from app import create_app  # noqa: E402 - after the patching

app = create_app()
app.extensions["charla"].start()
