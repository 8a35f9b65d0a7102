"""What every vendor's SDK gets from us: a fast transport below, and one judgement of failures.

An SDK shapes and signs its requests. A refusal, a broken connection and a silence mean the same for
every vendor, so they are judged here.
"""

import contextlib
import logging
from collections.abc import Generator, Mapping
from datetime import UTC, datetime

import httpx2

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.providers.config import Timeouts
from services.providers.wire.clean_text import quote
from services.providers.wire.retry_after import retry_after_seconds
from services.providers.wire.told_errors import by_status
from services.providers.wire.transport import BODY_EXTENSION, ResponseBody, Urllib3Transport


def timeout_of(timeouts: Timeouts) -> httpx2.Timeout:
    """Write the times as httpx2 takes them."""
    return httpx2.Timeout(timeouts.read_seconds, connect=timeouts.connect_seconds)


def http_client(timeouts: Timeouts, transport: Urllib3Transport | None = None) -> httpx2.Client:
    """Make the client that an SDK sends with: no proxies of the environment, no redirects."""
    return httpx2.Client(
        transport=transport or Urllib3Transport(),
        timeout=timeout_of(timeouts),
        trust_env=False,
        follow_redirects=False,
    )


def body_of(response: httpx2.Response) -> ResponseBody:
    """Give the bytes of an answer, whatever it is said to be: only its bytes tell what it is."""
    body: ResponseBody = response.extensions[BODY_EXTENSION]
    return body


def refusal(
    status: int,
    said: object,
    headers: Mapping[str, str],
    secret: str,
    *,
    is_final: bool = False,
    code: FailureCode | None = None,
) -> ProviderError:
    """Make the error of an HTTP status of 400 and more.

    `said` is the upstream's message, quoted without `secret`. `is_final`: the body says that a
    further try is pointless, whatever the status. `code` is what the body means; None: what the
    status means.
    """
    usual, may_retry = by_status(status)
    # The message about a refused key repeats the key, masked or not.
    quoted = "" if usual is FailureCode.UNAUTHORIZED else quote(said, secret)
    return ProviderError(
        f"The provider answered with status {status}. {quoted}".rstrip(),
        code=code or usual,
        may_retry=may_retry and not is_final,
        retry_after=retry_after_seconds(headers, datetime.now(UTC)),
    )


def unreachable() -> ProviderError:
    """Say that nothing was sent."""
    return ProviderError(
        "No connection to the provider could be made.", code=FailureCode.UNREACHABLE, may_retry=True
    )


def timed_out() -> ProviderTimeout:
    """Say that nothing came."""
    return ProviderTimeout("The provider did not answer in time.")


@contextlib.contextmanager
def transport_errors() -> Generator[None, None, None]:
    """Map what httpx2 raises to ProviderErrors; an SDK's own mapping goes inside of it."""
    try:
        yield
    except httpx2.TimeoutException as exc:
        raise timed_out() from exc
    except httpx2.ConnectError as exc:
        raise unreachable() from exc
    except httpx2.TransportError as exc:
        raise ProviderError(
            "The connection to the provider broke off.", code=FailureCode.CUT, may_retry=True
        ) from exc


def keep_quiet(*names: str) -> None:
    """Silence libraries below warnings: they log every request, with its whole URL."""
    for name in (*names, "httpx2", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
