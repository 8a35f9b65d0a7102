"""What providers send, made fit for stores and wires."""

import re

from services.domain.errors import ProviderError

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
QUOTE_CHARS = 200

_UNFIT = re.compile("[\0\ud800-\udfff]")
_CREDENTIALS = re.compile(
    r"(?<=://)[^\s/@]+@"  # user:password in a URL
    r"|\b(?:sk|pk|rk)[-_][\w*.-]{6,}"  # keys as the vendors write them, masked ones too
    r"|(?<=bearer )\S+",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Put U+FFFD for NUL and lone surrogates, which neither UTF-8 nor PostgreSQL can hold.

    ASCII without a NUL, which is most of what comes, is told apart without a search.
    """
    if text.isascii() and "\0" not in text:
        return text
    return _UNFIT.sub(REPLACEMENT, text)


def quote(message: object, secret: str) -> str:
    """Make one short line of what an upstream says, without anything that looks like a secret."""
    text = message if isinstance(message, str) else ""
    if secret:
        text = text.replace(secret, "[key]")
    text = " ".join(clean(_CREDENTIALS.sub("[key]", text)).split())
    return text if len(text) <= QUOTE_CHARS else text[: QUOTE_CHARS - 1] + "…"


def protocol_error(what: str) -> ProviderError:
    """Say what in the upstream's bytes is not its protocol; the same call may well succeed."""
    return ProviderError(what, code="upstream_protocol", may_retry=True)
