"""What gunicorn serves. Patching comes first: whatever is imported before it would block the hub."""  # noqa: E501

from gevent import monkey

monkey.patch_all()

from app import create_app  # noqa: E402 - after the patching

app = create_app()
app.extensions["charla"].start()
