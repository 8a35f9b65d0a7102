"""What a server does not take of a request, as it is set and as its refusals tell.

A refusal that names such a field says how the next request must look. A server says so in a
validator's words, or in a sentence; it has to name the field and to say that it does not take it,
because a sentence such as "max_tokens is too large" asks for another value.
"""

import re
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence

from services.providers.errors.explanations import Explanation
from services.providers.fields import Body, Field

MOST_MODELS = 1000
"""For how many models it is remembered: their names may come from clients."""

_CODES = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})
_NOT_TAKEN = re.compile(
    r"not supported|(?:does not|doesn't|n't) support|unsupported|no longer supported|deprecated"
    r"|not permitted|extra_forbidden|unrecognized|unexpected|unknown (?:field|name|param|argument)"
    r"|cannot find field|additional propert|not enabled|only enabled|not allowed\b(?! to)"
    r"|cannot both be|may only be set|only (?:the default|1 is allowed)|must be 1\b"
    r"|input should be|invalid (?:field|parameter|argument)|roles must alternate"
    r"|only user and assistant roles"
)
_OTHER_VALUE = re.compile(
    r"(?:less|greater|more|fewer|larger|smaller) than|at (?:most|least)\b|up to \d|out of range"
    r"|too (?:large|high|low|small|big|long)|must be (?:between|in|within|positive|[<>≤≥])|exceed"
)
"""Asks for another value of a field that is taken: such a value may be a single user's."""


class Omissions:
    """What one server does not take, by model: as it is set, and as its refusals have told."""

    def __init__(self, fields: Sequence[Field], always: Collection[str] = ()) -> None:
        """Take the format's fields, and the names of those that are never sent."""
        self._fields = fields
        self._always = frozenset(always)
        self._learned: OrderedDict[str, frozenset[str]] = OrderedDict()

    def apply(self, model: str, body: Body) -> Body:
        """Take out of a new request what the server does not take; give the request."""
        omitted = self._always | self._learned.get(model, frozenset())
        if not omitted:
            return body
        for field in self._fields:
            if field.name in omitted and field.is_in(body):
                field.leave_out(body, omitted)
        return body

    def learn(self, model: str, body: Body, told: Explanation) -> str | None:
        """Remember which field of a request was refused, and give its name; None: no field was.

        A request that was made before another one's refusal told the same is to be made again too.
        """
        if not (told.codes & _CODES or _is_not_taken(told.whole)):
            return None
        known = self._learned.get(model, frozenset())
        for field in self._named(told):
            if field.is_in(body):
                self._learned[model] = known | {field.name}
                self._learned.move_to_end(model)
                if len(self._learned) > MOST_MODELS:
                    self._learned.popitem(last=False)
                return field.name
        return None

    def _named(self, told: Explanation) -> Iterator[Field]:
        """Give the fields that a refusal points at, then those that it mentions, in its order."""
        for place in told.fields:
            yield from (field for field in self._fields if field.named.search(place))
        found = ((field.named.search(told.whole), field) for field in self._fields)
        mentioned = [(match.start(), field) for match, field in found if match]
        yield from (field for _, field in sorted(mentioned, key=lambda pair: pair[0]))


def _is_not_taken(words: str) -> bool:
    return _NOT_TAKEN.search(words) is not None and not _OTHER_VALUE.search(words)
