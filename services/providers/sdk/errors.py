"""What every vendor's SDK gets from us: a fast transport below, and one judgement of failures.

An SDK shapes and signs its requests. A refusal, a broken connection and a silence mean the same for
every vendor, so they are judged here.
"""

import contextlib
import logging
from collections.abc import Generator, Mapping
from datetime import UTC, datetime

import httpx2

from services.domain.certificates import refused_certificate
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.providers.config import Timeouts
from services.providers.errors.explanations import Explanation, explanation_in
from services.providers.errors.judgements import Filtered, judged
from services.providers.errors.meanings import Meaning
from services.providers.wire.clean_text import quote
from services.providers.wire.retry_after import retry_after_seconds
from services.providers.wire.transport import BODY_EXTENSION, ResponseBody, Urllib3Transport

_REDIRECTS = range(300, 400)
_OF_REQUEST = frozenset({400, 422, 500, 501})  # a template that knows no system prompt fails as 500


class Refused(ProviderError):
    """An upstream answered with a status of 400 and more: `told` is what it said."""

    told = Explanation()
    may_be_of_field = False
    """Whether it may be about a field of the request: its status and meaning allow for that."""


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
    status: int, body: bytes, headers: Mapping[str, str], secret: str, *, is_final: bool = False
) -> ProviderError:
    """Make the error of an HTTP status of 400 and more, by its status and by what the body says.

    It is Filtered or Refused. What it says is quoted without `secret`; nothing is quoted where the
    key is refused, because that message repeats the key, masked or not. `is_final`: a further try
    is pointless, whatever the status.
    """
    told = explanation_in(body)
    found = judged(status, told)
    quoted = "" if found.is_of_key else quote(told.message, secret)
    if status in _REDIRECTS and (goal := headers.get("location")):
        quoted = f"It redirects to {quote(_place_of(goal), secret)}"
    kind = Filtered if found.meaning is Meaning.FILTERED else Refused
    error = kind(
        f"The provider answered with status {status}{found.reason}. {quoted}".rstrip(),
        code=found.code,
        may_retry=found.may_retry and not is_final,
        retry_after=retry_after_seconds(headers, datetime.now(UTC)),
    )
    if isinstance(error, Refused):
        error.told = told
        error.may_be_of_field = found.meaning is Meaning.OTHER and status in _OF_REQUEST
    return error


def _place_of(location: str) -> str:
    """Cut a redirect's goal before its query, which may hold what is nobody's business."""
    return location.partition("?")[0].partition("#")[0]


def unreachable(cause: BaseException | None = None) -> ProviderError:
    """Say that there was no answer, not even a status, and why, where that can be mended here."""
    if refused := refused_certificate(cause):
        return ProviderError(refused, code=FailureCode.UNREACHABLE, may_retry=False)
    return ProviderError(
        "The provider cannot be reached, or speaks no HTTP.",
        code=FailureCode.UNREACHABLE,
        may_retry=True,
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
        raise unreachable(exc) from exc
    except httpx2.TransportError as exc:
        raise ProviderError(
            "The connection to the provider broke off.", code=FailureCode.CUT, may_retry=True
        ) from exc


def keep_quiet(*names: str) -> None:
    """Silence libraries below warnings: they log every request, with its whole URL."""
    for name in (*names, "httpx2", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
