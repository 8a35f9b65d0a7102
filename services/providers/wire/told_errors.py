"""What an upstream's error means, told by a status or by the error itself, in whatever form.

The forms: text, `{"error": ...}`, `{"object": "error", ...}`, `{"type": "error", ...}`,
`{"detail": ...}`, `{"code": ..., "message": ...}`, `{"base_resp": ...}`, and one in another.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from services.domain.errors.codes import FailureCode


class Judgement(NamedTuple):
    """What went wrong, and whether the same call may succeed later."""

    code: FailureCode
    may_retry: bool


class ToldError(NamedTuple):
    """An error in the upstream's words; `judgement` None: nothing in it tells what it means."""

    words: str
    judgement: Judgement | None


OVERLOADED = Judgement(FailureCode.OVERLOADED, may_retry=True)
REJECTED = Judgement(FailureCode.REJECTED, may_retry=False)
_LIMITED = Judgement(FailureCode.RATE_LIMITED, may_retry=True)
_UNPAID = Judgement(FailureCode.RATE_LIMITED, may_retry=False)
_REFUSED_KEY = Judgement(FailureCode.UNAUTHORIZED, may_retry=False)
_NO_MODEL = Judgement(FailureCode.MODEL_NOT_FOUND, may_retry=False)

_BY_STATUS = {
    401: _REFUSED_KEY,
    403: _REFUSED_KEY,
    404: _NO_MODEL,
    408: OVERLOADED,
    409: OVERLOADED,
    429: _LIMITED,
}
_SERVER_ERRORS = 500
_STATUSES = range(400, 600)
_UNPAID_STATUS = 402

_NAMES = (
    (
        _UNPAID,
        re.compile("insufficient_(?!system)|balance(?!r)|billing|arrear|unpaid|payment|credit"),
    ),
    (_LIMITED, re.compile("rate_?limit|too_many_requests|throttl|resource_exhausted|quota")),
    (_REFUSED_KEY, re.compile("auth|api_key|permission|forbidden|access_denied")),
    (_NO_MODEL, re.compile("not_found|model_not|no_such_model")),
    (
        REJECTED,
        re.compile(
            "invalid_(?!response)|bad_request|validation|unsupported|unprocessable|too_(large|long)"
            "|context_(length|size|window)|content_(filter|policy)|moderation"
        ),
    ),
)
"""What is in the names of errors, the first that fits; all others are failures of the server."""

_UNPAID_WORDS = re.compile(r"balance is too low|insufficient.{0,12}(balance|credit|quota|fund)")
_NAMED_IN = ("code", "error_code", "status", "error_type", "type")
_NUMBERED_IN = ("code", "status_code", "http_code", "error_code", "status", "statusCode")
_SAID_IN = ("message", "msg", "detail", "error_msg", "status_msg", "error_description", "title")
_FINE = ("", "0", "200", "ok", "success")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_DEEPEST = 5


def by_status(status: int) -> Judgement:
    """Judge an HTTP status of 400 and more: 5xx are overloads, others are final."""
    return _BY_STATUS.get(status, OVERLOADED if status >= _SERVER_ERRORS else REJECTED)


def read_error(error: object) -> ToldError:
    """Read an error for its words and its meaning."""
    layers = list(_layers_of(error))[::-1]
    words = next((said for layer in layers if (said := _said_in(layer))), "")
    if not words and isinstance(error, str):
        words = error
    return ToldError(words, _judgement_of(layers, words))


def error_of_event(data: bytes) -> object:
    """Take the error out of an `error` event; data that are not JSON are the message."""
    text = data.decode(errors="replace")
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return text


def is_error(told: Mapping[str, Any], *, is_alone: bool) -> bool:
    """Tell whether JSON that is nothing else is an error; `is_alone`: it is in no frame."""
    if is_told(told.get("error")) or is_told(told.get("errors")):
        return True
    if "error" in (told.get("object"), told.get("type"), told.get("event"), told.get("status")):
        return True
    base = told.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):
        return True
    if not _said_in(told):
        return False
    return is_alone or set(told) == {"detail"} or _has_bad_code(told)


def is_told(error: object) -> bool:
    """Tell whether an `error` field has anything in it: some gateways always send an empty one."""
    if isinstance(error, dict):
        return any(value not in (None, "", 0, False) for value in error.values())
    return bool(error)


def _layers_of(error: object) -> Iterator[Mapping[str, Any]]:
    """Give an error and the errors in it, the outermost first."""
    for _ in range(_DEEPEST):
        if isinstance(error, list) and error:
            error = error[0]
        if isinstance(error, str):
            yield {"message": error}
        if not isinstance(error, dict):
            return
        yield error
        detail = error.get("detail")
        inner = (*map(error.get, ("error", "errors", "base_resp")), detail)
        error = next((each for each in inner if isinstance(each, str | dict | list) and each), None)
        if error is detail and not isinstance(detail, dict):
            return  # it is said, not told of


def _said_in(layer: Mapping[str, Any]) -> str:
    said = next((value for name in _SAID_IN if (value := layer.get(name))), "")
    if isinstance(said, list):
        said = "; ".join(filter(None, map(_item_of, said)))
    if not isinstance(said, str):
        return ""
    metadata = layer.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f"{said} {raw}" if isinstance(raw, str) else said


def _item_of(item: object) -> str:
    return _said_in(item) if isinstance(item, dict) else str(item)


def _judgement_of(layers: list[Mapping[str, Any]], words: str) -> Judgement | None:
    if _UNPAID_WORDS.search(words.lower()):
        return _UNPAID
    for name in (name for layer in layers for name in _names_in(layer)):
        plain = _HUMP.sub("_", name).lower().replace("-", "_").replace(" ", "_")
        for judgement, pattern in _NAMES:
            if pattern.search(plain):
                return judgement
    for number in (number for layer in layers for number in _numbers_in(layer)):
        if number == _UNPAID_STATUS:
            return _UNPAID
        if number < _SERVER_ERRORS and by_status(number) is not OVERLOADED:
            return by_status(number)
    return None


def _names_in(layer: Mapping[str, Any]) -> Iterator[str]:
    details = layer.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and isinstance(detail.get("reason"), str):
            yield detail["reason"]
    metadata = layer.get("metadata")
    for told in (layer, metadata if isinstance(metadata, dict) else {}):
        yield from (told[name] for name in _NAMED_IN if isinstance(told.get(name), str))


def _numbers_in(layer: Mapping[str, Any]) -> Iterator[int]:
    for told in map(layer.get, _NUMBERED_IN):
        text = str(told)
        if text.isascii() and text.isdigit() and len(text) == len("400"):
            number = int(text)
            if number in _STATUSES:
                yield number


def _has_bad_code(told: Mapping[str, Any]) -> bool:
    codes = [told[name] for name in _NUMBERED_IN if told.get(name) is not None]
    return any(str(code).lower() not in _FINE for code in codes)
