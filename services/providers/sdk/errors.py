"""What every vendor's SDK gets from us: a fast transport below, and one judgement of failures.

An SDK shapes and signs its requests. A refusal, a broken connection and a silence mean the same for
every vendor, so they are judged here.
"""

import contextlib
import json
import logging
from collections.abc import Generator, Mapping
from datetime import UTC, datetime

import httpx2

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.providers.config import Timeouts
from services.providers.sdk.meanings import Meaning, meaning_of
from services.providers.wire.clean_text import failed_before_answer, protocol_error, quote
from services.providers.wire.explanations import Explanation, explanation_in
from services.providers.wire.retry_after import retry_after_seconds
from services.providers.wire.transport import BODY_EXTENSION, ResponseBody, Urllib3Transport

MOST_ERROR_BYTES = 1 << 16
_SERVER_ERRORS = 500
_OF_REQUEST = frozenset({400, 422, 500, 501})  # a template that knows no system prompt fails as 500

_BY_STATUS = {
    401: (FailureCode.UNAUTHORIZED, False),
    403: (FailureCode.UNAUTHORIZED, False),
    408: (FailureCode.OVERLOADED, True),
    409: (FailureCode.OVERLOADED, True),
    429: (FailureCode.RATE_LIMITED, True),
    501: (FailureCode.OVERLOADED, False),
}
"""Status -> code, and whether the same call may succeed later; 5xx are overloads, others final."""

_BY_MEANING = {
    Meaning.UNPAID: (FailureCode.RATE_LIMITED, ": its account has no money left for it"),
    Meaning.KEY: (FailureCode.UNAUTHORIZED, ": it refuses the key or its account"),
    Meaning.FILTERED: (FailureCode.REJECTED, ": its filter refuses the content"),
    Meaning.MODEL: (FailureCode.MODEL_NOT_FOUND, ""),
    Meaning.ADDRESS: (FailureCode.UNREACHABLE, ": there is nothing at this address"),
}
"""Meaning -> code, whatever the status is, and what we say of it; all of these are final."""


class Refused(ProviderError):
    """An upstream answered with a status of 400 and more: `told` is what it said."""

    told = Explanation()
    meaning = Meaning.OTHER
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


def body_of(response: httpx2.Response, secret: str) -> ResponseBody:
    """Give the bytes of a streamed answer; an answer of another type is a ProviderError.

    Some servers report an error as JSON with a success status: it is quoted without `secret`.
    """
    body: ResponseBody = response.extensions[BODY_EXTENSION]
    kind = response.headers.get("content-type", "")
    if kind.startswith("application/json"):
        raise _told_in_json(body, secret)
    if kind.startswith("text/html"):
        raise protocol_error("The provider answered with something that is no stream.")
    return body


def _told_in_json(body: ResponseBody, secret: str) -> ProviderError:
    text = b""
    for piece in body.pieces():
        text += piece
        if len(text) > MOST_ERROR_BYTES:
            break
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(text)
        error = told.get("error") if isinstance(told, dict) else None
        if error:
            said = error.get("message") if isinstance(error, dict) else error
            return failed_before_answer(said, secret)
    return protocol_error("The provider answered with something that is no stream.")


def refusal(
    status: int, body: bytes, headers: Mapping[str, str], secret: str, *, is_final: bool = False
) -> Refused:
    """Make the error of an HTTP status of 400 and more, by its status and by what the body says.

    What it says is quoted without `secret`; nothing is quoted where the key is refused, because
    that message repeats the key, masked or not. `is_final`: a further try is pointless, whatever
    the status.
    """
    told = explanation_in(body)
    meaning = meaning_of(status, told)
    usual, may_retry = _BY_STATUS.get(status, _rule_for(status))
    code, reason = _BY_MEANING.get(meaning, (usual, ""))
    if meaning is Meaning.TOO_LARGE and usual is FailureCode.OVERLOADED:
        code = FailureCode.REJECTED
    is_of_key = FailureCode.UNAUTHORIZED in (usual, code)
    quoted = "" if is_of_key else quote(told.message, secret)
    error = Refused(
        f"The provider answered with status {status}{reason}. {quoted}".rstrip(),
        code=code,
        may_retry=may_retry and not is_final and meaning is Meaning.OTHER,
        retry_after=retry_after_seconds(headers, datetime.now(UTC)),
    )
    error.told, error.meaning = told, meaning
    error.may_be_of_field = meaning is Meaning.OTHER and status in _OF_REQUEST
    return error


def _rule_for(status: int) -> tuple[FailureCode, bool]:
    if status >= _SERVER_ERRORS:
        return FailureCode.OVERLOADED, True
    return FailureCode.REJECTED, False


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
