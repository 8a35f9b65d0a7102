"""The application that gunicorn serves; patches first, as earlier imports would block the hub."""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402 - after the patching

from app import create_app  # noqa: E402 - the same
from services.names.connecting import serve_names  # noqa: E402 - the same
from services.worker import life  # noqa: E402 - the same

serve_names()
app = create_app()
life.start(app.extensions["charla"])

# What is loaded by now lives as long as the process: hiding it from the collector saves about an
# eighth of the CPU of relaying, and spares a burst of new streams a long collection.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
