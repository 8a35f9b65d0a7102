"""What an upstream says in an error, in whatever form: one sentence, and words for programs.

Servers that speak a vendor's format have errors of their own: `error` as text or object, `detail`
as text or list, `message`, lists of all these, JSON written into a text, plain text, a page.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.providers.errors.pages import text_of_page

MOST_BYTES = 1 << 16
"""What is read of an error's body."""

_MOST_DEPTH = 8
_MOST_PARTS = 100

_SENTENCES = (
    *("error", "message", "detail", "details", "errors", "error_message", "error_description"),
    *("msg", "Message", "error_msg", "description", "title", "fault", "faultstring"),
    "status_msg",
)
"""Where servers put sentences: each is looked at, the likeliest first."""

_WITHIN = (
    *("innererror", "metadata", "raw", "error_details", "provider_specific_fields", "base_resp"),
)
"""Where gateways keep the words of the server behind them, and others all of an error."""

_STATUS = "status"
_NUMBERED = ("code", "status_code", "http_code", "error_code", _STATUS, "statusCode")
_CODES = (*_NUMBERED, "type", "reason", "error_type")
_FINE = ("", "ok", "success")
_FINE_NUMBER = re.compile(r"0*(?:[123]\d\d)?")  # an HTTP status; others count their errors from 1
_FAILED = re.compile(
    "err|fail|abort|cancel|invalid|denied|refus|unavailable|exhaust|exceed|overload|time_?out|false"
)
"""What a status in words has in it where something failed; else it is the state of some work."""

_FIELDS = ("param", "field")
_FRAME = re.compile(r"^(?:data|error):\s*(?=[{\[])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an error says: `message` for people; the rest in lower case, for programs.

    `codes` are the error's names, `fields` those parts of the request that it points at, and
    `whole` is every sentence. `is_page`: it came in no form that an API has, but as plain text or a
    page. Nothing is cleaned of secrets here.
    """

    message: str = ""
    codes: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    whole: str = ""
    is_page: bool = False


def explanation_in(body: bytes) -> Explanation:
    """Read the body of an error; of a page its title is told, or else its text."""
    text = body[:MOST_BYTES].decode(errors="replace").strip()
    begin = _FRAME.search(text)
    try:
        told = json.loads(text[begin.end() :] if begin else text, strict=False)
    except (ValueError, RecursionError):
        page = text_of_page(text)
        said = text if page is None else page
        return Explanation(said, whole=said.lower(), is_page=True)
    return explanation_of(told)


def explanation_of(told: object) -> Explanation:
    """Read an error that is decoded already."""
    found = _Found()
    found.read(told, depth=0, is_quoted=True)
    message = ": ".join(dict.fromkeys(found.quoted))
    return Explanation(
        message=message,
        codes=frozenset(found.codes),
        fields=frozenset(found.fields),
        whole=" ".join([*found.quoted, *found.unquoted]).lower(),
    )


def is_error(told: Mapping[str, Any], *, is_alone: bool) -> bool:
    """Tell whether JSON that is nothing else is an error; `is_alone`: it is in no frame."""
    if is_told(told.get("error")) or is_told(told.get("errors")):
        return True
    if "error" in (told.get("object"), told.get("type"), told.get("event"), told.get("status")):
        return True
    base = told.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):
        return True
    message = explanation_of(told).message
    if message.lower() in _FINE:
        return False
    return is_alone or set(told) == {"detail"} or _has_bad_code(told)


def is_told(error: object) -> bool:
    """Tell whether an `error` field has anything in it: some gateways always send an empty one."""
    if isinstance(error, dict):
        return any(value not in (None, "", 0, False) for value in error.values())
    return bool(error)


def _has_bad_code(told: Mapping[str, Any]) -> bool:
    codes = {name: str(told[name]).lower() for name in _NUMBERED if told.get(name) is not None}
    return any(_is_bad(name, code) for name, code in codes.items())


def _is_bad(name: str, code: str) -> bool:
    if code.isdecimal():
        return not _FINE_NUMBER.fullmatch(code)
    if name == _STATUS:
        return _FAILED.search(code) is not None
    return code not in _FINE


@dataclass(slots=True)
class _Found:
    quoted: list[str] = field(default_factory=list)
    unquoted: list[str] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    parts: int = 0

    def read(self, told: object, *, depth: int, is_quoted: bool) -> None:
        """Look at a part of an error, and at the parts in it, as many as an error may have."""
        self.parts += 1
        if depth > _MOST_DEPTH or self.parts > _MOST_PARTS:
            return
        if isinstance(told, str):
            self._read_text(told, depth, is_quoted=is_quoted)
        elif isinstance(told, list):
            for each in told:
                self.read(each, depth=depth + 1, is_quoted=is_quoted)
        elif isinstance(told, dict):
            self._read_object(told, depth, is_quoted=is_quoted)

    def _read_text(self, text: str, depth: int, *, is_quoted: bool) -> None:
        if text.lstrip()[:1] in ("{", "["):
            try:
                inner = json.loads(text, strict=False)
            except (ValueError, RecursionError):
                pass
            else:
                self.read(inner, depth=depth + 1, is_quoted=is_quoted)
                return
        if said := text.strip():
            (self.quoted if is_quoted else self.unquoted).append(said)

    def _read_object(self, told: Mapping[str, object], depth: int, *, is_quoted: bool) -> None:
        self.codes.update(_words(told, _CODES))
        self.fields.update(_words(told, _FIELDS))
        place = _place(told.get("loc"))
        if place:
            self.fields.add(place)
            said = told.get("msg") or told.get("message")
            (self.quoted if is_quoted else self.unquoted).append(f"{place}: {said}")
            return
        for name in _SENTENCES:
            # The details of Google's errors are for programs.
            is_detail = name == "details" and isinstance(told.get(name), list)
            self.read(told.get(name), depth=depth + 1, is_quoted=is_quoted and not is_detail)
        for name in _WITHIN:
            self.read(told.get(name), depth=depth + 1, is_quoted=is_quoted)
        for violation in _list(told.get("fieldViolations")):
            self.read(violation, depth=depth + 1, is_quoted=False)


def _words(told: Mapping[str, object], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value = told.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield str(value).strip().lower()


def _place(loc: object) -> str:
    """Write where a validator found a mistake, without what stands for the body."""
    parts = [str(part) for part in _list(loc)]
    return ".".join(parts[1:] if parts[:1] == ["body"] else parts)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
