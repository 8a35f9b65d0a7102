"""Addresses and names of new accounts: what people see is what they are."""

import re
import unicodedata
from collections.abc import Sequence

import idna

from services.stores.base.accounts.emails import domain_name

MAX_EMAIL_BYTES = 254
"""What fits into a mail's envelope: RFC 5321, 4.5.3.1, without the brackets."""

MAX_LOCAL_BYTES = 64

_FORMLESS = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})

_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show nothing."""

_JOINERS = frozenset("\u200c\u200d")
"""Persian and Indic scripts need them, and emoji of several parts."""

_ESCAPED = re.compile(r"\\(.)")
_NEEDS_NO_QUOTES = re.compile(r"[^\s\"(),:;<>@\[\\\].]+(\.[^\s\"(),:;<>@\[\\\].]+)*")
"""What stands before the @ without quotes: RFC 5322, 3.2.3, and RFC 6531, 3.3."""

_INVISIBLE_IN_EMAIL = "It holds an invisible character or a space."
_INVISIBLE_IN_NAME = "It holds a control character, or one that is invisible."


def refused_email(email: str) -> Sequence[str]:
    """Say what is wrong with the address of a new account; nothing: it may be taken."""
    if any(_is_invisible(one) or one.isspace() or _is_selector(one) for one in email):
        return [_INVISIBLE_IN_EMAIL]
    local, _, domain = email.rpartition("@")
    if _is_spelt_oddly(local):
        return ["Before the @ it holds quotes or backslashes that change nothing: leave them out."]
    name = domain_name(domain)
    if not _is_domain(name):
        return ["Its domain cannot exist."]
    longest = max(len(email.encode()), len(f"{local}@{name}".encode()))
    if longest > MAX_EMAIL_BYTES or len(local.encode()) > MAX_LOCAL_BYTES:
        return [f"Longer than {MAX_LOCAL_BYTES} bytes before the @, or {MAX_EMAIL_BYTES} in all."]
    return []


def refused_name(name: str | None) -> Sequence[str]:
    """Say what is wrong with the name of a new account; nothing: it may be taken."""
    shown = (name or "").strip()
    if any(_is_invisible(one) and one not in _JOINERS for one in name or ""):
        return [_INVISIBLE_IN_NAME]
    is_joined_to_nothing = shown[:1] in _JOINERS or shown[-1:] in _JOINERS
    return [_INVISIBLE_IN_NAME] if shown and is_joined_to_nothing else []


def _is_invisible(character: str) -> bool:
    """Tell whether a character has no form that is known: control, format, private, or a filler."""
    return unicodedata.category(character) in _FORMLESS or character in _FILLERS


def _is_selector(character: str) -> bool:
    """Tell whether a character only chooses how the one before it looks."""
    return unicodedata.name(character, "").startswith(("VARIATION SELECTOR", "MONGOLIAN FREE"))


def _is_spelt_oddly(local: str) -> bool:
    """Tell whether a mailbox is quoted that needs no quotes: another spelling of the same one."""
    if not local.startswith('"'):
        return False
    needless = any(one not in '"\\' for one in _ESCAPED.findall(local))
    return needless or _NEEDS_NO_QUOTES.fullmatch(_ESCAPED.sub(r"\1", local[1:-1])) is not None


def _is_domain(name: str) -> bool:
    try:
        if "xn--" in name:
            idna.decode(name)
    except (idna.IDNAError, UnicodeError):
        return False
    return name.isascii()
