"""What an entry of a models file may say, and how each word of it is read.

A scalar is read as the text that was written, never as what YAML would make of it: to YAML 1.1
`yes` is a truth value, `1e3` a text and `1:30` the number 90. Each rule raises ValueError that says
what it accepts.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from services.domain.catalog import Tier
from services.providers.registry import DEMONSTRATIONS, VENDORS

KINDS = tuple(name for name in VENDORS if name not in DEMONSTRATIONS)
"""The vendors whose models a file may name."""

_MOST_TOKENS = 1_000_000_000
_MOST_DOLLARS = 1_000_000
_MOST_TEMPERATURE = 2.0
_NAME_CHARS = 200

_WHOLE = re.compile(r"[1-9][0-9]*(_[0-9]{3})*", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,12})?", re.ASCII)


def _word(options: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in options:
            raise ValueError(f"one of {', '.join(options)}")
        return text

    return read


def _name(text: str) -> str:
    """Take any printable text; a bare 4.1 is the name "4.1"."""
    if len(text) > _NAME_CHARS or not text.isprintable() or text != text.strip():
        raise ValueError(f"a name of up to {_NAME_CHARS} printable characters")
    return text


def _tokens(text: str) -> int:
    digits = text.replace("_", "")
    # Length first: a number of a hundred thousand digits takes seconds to read.
    too_long = len(digits) > len(str(_MOST_TOKENS))
    if not _WHOLE.fullmatch(text) or too_long or int(digits) > _MOST_TOKENS:
        raise ValueError(f"a whole number of tokens from 1 to {_MOST_TOKENS}, such as 128000")
    return int(digits)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def _temperature(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not 0 < float(text) <= _MOST_TEMPERATURE:
        raise ValueError("a number above 0, up to 2")
    return float(text)


def _day(text: str) -> date | None:
    """Take a day; `never` undoes one that the catalog knows."""
    if text == "never":
        return None
    wrong = ValueError("a day such as 2027-01-14, or never")
    if not _DAY.fullmatch(text):
        raise wrong
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong from None


def _dollars(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text) or Decimal(text) > _MOST_DOLLARS:
        raise ValueError(f"US dollars for a million tokens from 0 to {_MOST_DOLLARS}, such as 0.25")
    return Decimal(text)


Rule = Callable[[str], Any]

MODEL_FIELDS: Mapping[str, Rule] = {
    "tier": lambda text: Tier(_word(tuple(Tier))(text)),
    "window": _tokens,
    "max_output": _tokens,
    "reasons": _flag,
    "sees": _flag,
    "takes_temperature": _flag,
    "max_temperature": _temperature,
    "ends": _day,
}
"""The fields of `Model` that are scalars."""

ENTRY_FIELDS: Mapping[str, Rule] = {
    "provider": _word(KINDS),
    "name": _name,
    **MODEL_FIELDS,
    "default": _flag,
    "remove": _flag,
}
"""All scalars of an entry; the entry also has `price`."""

PRICE_FIELDS: Mapping[str, Rule] = {
    "input": _dollars,
    "output": _dollars,
    "cached_input": _dollars,
}
