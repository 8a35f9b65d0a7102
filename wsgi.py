"""What gunicorn serves; patched first, as whatever is imported before would block the hub."""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402 - after the patching

from app import create_app  # noqa: E402 - the same
from services.worker import life  # noqa: E402 - the same

app = create_app()
life.start(app.extensions["charla"])

# What is loaded by now lives as long as the process: out of the collector's sight it saves about an
# eighth of the CPU of relaying, and a burst of new streams meets no long collection.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
