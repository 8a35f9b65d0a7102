"""What becomes of an upstream's error: a code, and whether the same call may succeed later.

An error with an HTTP status and one inside an answer are judged alike: by what they mean, then by
the status, which an error inside an answer may tell in its own code, or by its name.
"""

import re
from typing import NamedTuple

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.providers.errors.explanations import Explanation
from services.providers.errors.meanings import Meaning, meaning_of

_SERVER_ERRORS = 500
_STATUS = re.compile(r"[45]\d\d", re.ASCII)


class Filtered(ProviderError):
    """A filter refuses the content: that ends an answer, it is no failure.

    `is_refusal`: it came in place of an answer, and nothing was used.
    """

    is_refusal = True


class Judgement(NamedTuple):
    """What went wrong, whether the same call may succeed later, and what we say of it.

    `is_of_key`: the upstream's own words are about the key, and may repeat it.
    """

    code: FailureCode
    may_retry: bool
    meaning: Meaning = Meaning.OTHER
    reason: str = ""
    is_of_key: bool = False

    @property
    def kind(self) -> type[ProviderError]:
        """Give the class of the error: Filtered where a filter refuses the content."""
        return Filtered if self.meaning is Meaning.FILTERED else ProviderError


def _behind_cloudflare(told: str) -> Judgement:
    reason = f": Cloudflare, which stands before it, {told}"
    return Judgement(FailureCode.OVERLOADED, may_retry=True, reason=reason)


_OVERLOADED = Judgement(FailureCode.OVERLOADED, may_retry=True)
_REJECTED = Judgement(FailureCode.REJECTED, may_retry=False)
_REFUSED_KEY = Judgement(FailureCode.UNAUTHORIZED, may_retry=False, is_of_key=True)
_LIMITED = Judgement(FailureCode.RATE_LIMITED, may_retry=True)

_BY_STATUS = {
    401: _REFUSED_KEY,
    403: _REFUSED_KEY,
    408: _OVERLOADED,
    409: _OVERLOADED,
    429: _LIMITED,
    501: Judgement(FailureCode.OVERLOADED, may_retry=False),
    520: _behind_cloudflare("got an answer from it that is none"),
    521: _behind_cloudflare("was refused a connection to it"),
    522: _behind_cloudflare("did not reach it in time"),
    523: _behind_cloudflare("finds no way to it"),
    524: _behind_cloudflare("got no answer from it in time"),
    525: _behind_cloudflare("can agree with it on no TLS"),
    526: _behind_cloudflare("refuses its certificate"),
    529: Judgement(FailureCode.OVERLOADED, may_retry=True, reason=": it is overloaded"),
    530: _behind_cloudflare("cannot find it"),
}
"""5xx are overloads, others final; what is above 511 is told, because few know it by its number."""

_BY_MEANING = {
    Meaning.UNPAID: (FailureCode.RATE_LIMITED, ": its account has no money left for it"),
    Meaning.KEY: (FailureCode.UNAUTHORIZED, ": it refuses the key or its account"),
    Meaning.FILTERED: (FailureCode.REJECTED, ": its filter refuses the content"),
    Meaning.MODEL: (FailureCode.MODEL_NOT_FOUND, ""),
    Meaning.ADDRESS: (FailureCode.UNREACHABLE, ": there is nothing at this address"),
}
"""What is meant goes before the status; all of these are final."""

_BY_NAME = (
    (_LIMITED, re.compile("rate_?limit|too_?many_?requests|throttl|resource_?exhausted|quota")),
    (
        _REFUSED_KEY,
        re.compile("auth(?!or)|authori[sz]|api_?key|permission|forbidden|access_?denied"),
    ),
    (Judgement(FailureCode.MODEL_NOT_FOUND, may_retry=False), re.compile("not_?found|model_?not")),
    (
        _REJECTED,
        re.compile(
            "invalid_?(?!_|response)|bad_?request|validation|unsupported|unprocessable"
            "|too_?(?:large|long)|content_?(?:filter|policy)|moderation"
        ),
    ),
)
"""What is in the names of errors without a status, the first that fits."""


def judged(status: int, told: Explanation) -> Judgement:
    """Judge an error by its HTTP status, which is 300 or more, and by what it says."""
    usual = _BY_STATUS.get(status, _OVERLOADED if status >= _SERVER_ERRORS else _REJECTED)
    return _by_meaning(meaning_of(status, told), usual)


def judged_inside(told: Explanation) -> Judgement | None:
    """Judge an error inside an answer; None: nothing in it tells what it is."""
    # Among several, that of the client's side tells more.
    status = min((int(code) for code in told.codes if _STATUS.fullmatch(code)), default=None)
    meaning = meaning_of(status, told)
    named = [name.replace("-", "_").replace(" ", "_") for name in told.codes]
    for judgement, pattern in _BY_NAME:
        if any(map(pattern.search, named)):
            return _by_meaning(meaning, judgement)
    if meaning is not Meaning.OTHER:
        return _by_meaning(meaning, _REJECTED)
    if status is None or status >= _SERVER_ERRORS:
        return None
    usual = _BY_STATUS.get(status, _REJECTED)
    return None if usual is _OVERLOADED else usual


def _by_meaning(meaning: Meaning, usual: Judgement) -> Judgement:
    if meaning is Meaning.OTHER:
        return usual
    code, reason = _BY_MEANING.get(meaning, (usual.code, ""))
    if meaning is Meaning.TOO_LARGE and code is FailureCode.OVERLOADED:
        code = FailureCode.REJECTED
    is_of_key = usual.is_of_key or meaning is Meaning.KEY
    return Judgement(code, may_retry=False, meaning=meaning, reason=reason, is_of_key=is_of_key)
