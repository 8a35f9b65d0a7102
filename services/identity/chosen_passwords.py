"""Passwords that are among the first to be guessed are not taken (NIST SP 800-63B, 3.1.1.2)."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

COMMON = Path(__file__).parent / "vendor" / "zxcvbn" / "passwords.txt"
"""The passwords of zxcvbn 4.5.0 with 8 and more characters, in lower case, one on each line."""

SITE = "charla"

SHORT = 20
"""Below this many characters a row of neighbours or a repetition is quickly tried."""

_TAKE_ANOTHER = "take another one, such as a few words that nobody would put together."


def refused_password(
    password: str, email: str, name: str | None, known: Sequence[str] = ()
) -> Sequence[str]:
    """Say what is wrong with a password that is chosen now; nothing: it may be taken.

    `known` are further passwords that everybody knows.
    """
    folded = _folded(password)
    if folded in map(_folded, known) or _is_common(folded) or _is_common(_core(folded)):
        return [f"This password is one of those that are guessed first; {_TAKE_ANOTHER}"]
    if len(folded) < SHORT and _is_pattern(folded):
        return [f"This password is a simple row of characters; {_TAKE_ANOTHER}"]
    if _bare(folded) & set(_own_words(email, name)):
        return [f"This password is an address or a name, or almost; {_TAKE_ANOTHER}"]
    return []


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _core(text: str) -> str:
    """Leave the letters and digits."""
    return "".join(filter(str.isalnum, text))


def _bare(folded: str) -> set[str]:
    """Give what a password is without decoration: no signs, no digits around, no repetition."""
    core = _core(folded)
    without_digits = re.sub(r"^\d+|\d+$", "", core)
    return {core, without_digits, _unit(core), _unit(without_digits)} - {""}


def _unit(text: str) -> str:
    """Give the shortest text that a text repeats."""
    return text[: (text + text).find(text, 1)]


def _is_common(folded: str) -> bool:
    if not folded or "\n" in folded:
        return False
    # Read each time: an account is made rarely, and a set of the lines would hold a megabyte.
    return f"\n{folded}\n" in "\n" + COMMON.read_text(encoding="utf-8")


def _is_pattern(folded: str) -> bool:
    steps = {ord(right) - ord(left) for left, right in pairwise(folded)}
    is_row = len(steps) == 1 and steps <= {-1, 0, 1}
    return is_row or len(_unit(folded)) <= len("ab")


def _own_words(email: str, name: str | None) -> Iterator[str]:
    local, _, domain = email.rpartition("@")
    for word in (email, local, domain, domain.partition(".")[0], name or "", SITE):
        if core := _core(_folded(word)):
            yield core
            yield re.sub(r"^\d+|\d+$", "", core) or core
