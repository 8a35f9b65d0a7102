"""How e-mail addresses are compared: as mail servers do.

Case counts for nothing in ASCII letters, and only there; a domain is what the name service knows
it as, so that its punycode and its Unicode spelling are one. Nothing else is folded: ß is not ss,
and i without its dot is another letter.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import idna
import structlog

from services.stores.base.accounts.users import Credentials

_ASCII_LOWER = str.maketrans({chr(upper): chr(upper + 32) for upper in range(65, 91)})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeptUser:
    """An account as a store has it, and the form of its address that is looked up."""

    credentials: Credentials
    compared: str


def compared(email: str) -> str:
    """Give the form in which an address is compared."""
    local, at, domain = unicodedata.normalize("NFC", email).rpartition("@")
    return f"{local.translate(_ASCII_LOWER)}{at}{domain_name(domain)}"


def domain_name(domain: str) -> str:
    """Give the name of a domain in the name service; one that has none stays, in lower case.

    The dot of the root, which some scripts write as another character, is no part of it.
    """
    if domain.isascii():
        return domain.lower().removesuffix(".")
    try:
        return idna.encode(domain, uts46=True).decode().lower().removesuffix(".")
    except (idna.IDNAError, UnicodeError):
        return domain.translate(_ASCII_LOWER)


def found_by(
    email: str,
    find: Callable[[str], KeptUser | None],
    rewrite: Callable[[KeptUser, str], bool],
) -> Credentials | None:
    """Find the account of an address with a look-up by its compared form.

    Releases before this one folded all letters, as Python's `casefold` does. An account of theirs
    is found as well, and is rewritten. Where two of their accounts have the same address now, none
    is rewritten to what the other has: each is found by the address that it was made with, and the
    log tells of it.
    """
    kept = {one.credentials.user.id: one for form in _forms(email) if (one := find(form))}
    equal = []
    for one in kept.values():
        form = compared(one.credentials.user.email)
        if form != one.compared and not rewrite(one, form):
            log.warning("email_of_two_accounts", user_id=one.credentials.user.id)
        if form == compared(email):
            equal.append(one.credentials)
    exact = [one for one in equal if one.user.email == email]
    return next(iter(exact + equal), None)


def _forms(email: str) -> Iterator[str]:
    form = compared(email)
    yield form
    if email.isascii() and "xn--" not in form:
        return
    yield email.casefold()
    local, at, domain = email.rpartition("@")
    try:
        yield f"{local}{at}{idna.decode(domain_name(domain))}".casefold()
    except (idna.IDNAError, UnicodeError):
        return
