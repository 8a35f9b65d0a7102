"""What providers send, made fit for stores and wires."""

import re

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
QUOTE_CHARS = 200

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x01-\x1f\x7f-\x9f]")  # of bytes that are no text, or that drive a terminal
_CREDENTIALS = re.compile(
    r"(?<=://)[^\s/@]+@"  # user:password in a URL
    r"|\b(?:sk|pk|rk)[-_][\w*.-]{6,}"  # keys as the vendors write them, also masked
    r"|\bAIza[\w*.-]{6,}"  # Google's
    r"|(?<=bearer )\S+",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Put U+FFFD for NUL and lone surrogates, which neither UTF-8 nor PostgreSQL can hold.

    Two surrogates that belong together become their character.
    """
    if not text.isascii() and _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", REPLACEMENT)


class PieceCleaner:
    """Cleans a text that comes in pieces.

    A server that counts in UTF-16, as those in JavaScript do, may cut an emoji in two. The first
    half waits here for the second.
    """

    def __init__(self) -> None:
        """Start without a half."""
        self._half = ""

    def clean(self, piece: str) -> str:
        """Clean the next piece; empty if it was only a half."""
        if self._half:
            piece = self._half + piece
            self._half = ""
        elif piece.isascii() and "\0" not in piece:
            return piece
        if "\ud800" <= piece[-1] <= "\udbff":
            self._half = piece[-1]
            piece = piece[:-1]
        return clean(piece)

    def rest(self) -> str:
        """Give what stands for a half whose other half never came."""
        half, self._half = self._half, ""
        return clean(half)


def quote(message: object, secret: str) -> str:
    """Make a short line of what an upstream says, without anything that looks like a secret."""
    text = message if isinstance(message, str) else ""
    if secret:
        text = text.replace(secret, "[key]")
    text = " ".join(_CONTROL.sub(" ", clean(_CREDENTIALS.sub("[key]", text))).split())
    return text if len(text) <= QUOTE_CHARS else text[: QUOTE_CHARS - 1] + "…"


def protocol_error(what: str, *, may_retry: bool = True) -> ProviderError:
    """Say what in the upstream's bytes breaks its protocol.

    `may_retry` False: the same call would break it again, and be paid for again.
    """
    return ProviderError(what, code=FailureCode.PROTOCOL, may_retry=may_retry)
