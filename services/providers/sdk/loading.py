"""The first use of each vendor's SDK, told in the log: a request may wait seconds for it."""

import contextlib
import sys
from collections.abc import Generator
from time import perf_counter

import structlog

_log = structlog.get_logger(__name__)


@contextlib.contextmanager
def sdk_loading(sdk: str, provider: str) -> Generator[None, None, None]:
    """Log `sdk_loaded` with the seconds that it took, the first time in a process.

    The block imports the SDK (`sdk` is the name of its module) and builds its client.
    """
    if sdk in sys.modules:
        yield
        return
    began = perf_counter()
    yield
    _log.info("sdk_loaded", provider=provider, sdk=sdk, seconds=round(perf_counter() - began, 3))
