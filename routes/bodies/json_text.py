"""JSON objects of strangers: what reading one may cost is bounded before it is read.

The reader makes an object of every name and value. A megabyte of the shortest ones held up all
other requests for half a second; within these bounds it is a few milliseconds.
"""

import json
from typing import Any, NoReturn

from services.domain.errors.requests import ContentTooLarge, MalformedRequest

MAX_NODES = 12_000
"""Names and values in a body, containers counted twice; metadata cannot have as many."""

MAX_DIGITS = 1000
"""Of a whole number; the time to read one grows with the square of its digits."""

_BYTES_PER_NODE = 2
"""The least that a name or a value takes, with what separates it from the next one."""

_STRUCTURE = b",:[{"
"""Each name and value but the first comes behind one of these, or is one of these."""

_GLIMPSE = 16 * 1024


def read_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object in UTF-8, or raise MalformedRequest; ContentTooLarge: it holds too much.

    What is nested too deeply is malformed, however much of it there is.
    """
    if len(body) > _BYTES_PER_NODE * MAX_NODES and _holds_too_much(body):
        _refuse(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_no_number,
            parse_float=_finite_float,
            parse_int=_whole_number,
        )
    except UnicodeDecodeError as exc:
        raise MalformedRequest("The body is not UTF-8.") from exc
    except RecursionError as exc:
        raise MalformedRequest("The body is nested too deeply.") from exc
    except ValueError as exc:
        raise MalformedRequest(f"The body is not JSON: {exc}.") from exc
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


def _holds_too_much(body: bytes) -> bool:
    if _structure_of(body) <= MAX_NODES:
        return False
    # Much of it may be text. Without its escapes each quotation mark begins or ends a string. Where
    # the body is no JSON this counts wrongly, but only behind the place where the reader gives up.
    most = 2 * MAX_NODES
    parts = body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"', most)
    return len(parts) > most or _structure_of(b"".join(parts[::2])) > MAX_NODES


def _structure_of(text: bytes) -> int:
    return len(text) - len(text.translate(None, _STRUCTURE))


def _refuse(body: bytes) -> NoReturn:
    try:
        json.loads(body[:_GLIMPSE].decode("utf-8", "replace"))
    except RecursionError as exc:
        raise MalformedRequest("The body is nested too deeply.") from exc
    except ValueError:
        pass  # it was cut off
    raise ContentTooLarge(f"The body holds more than {MAX_NODES} names and values.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{digits[:20]} is too large a number")
    return value


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"{digits[:20]}... has more than {MAX_DIGITS} digits")
    return int(digits)
