"""Fields of a request that it can do without: not every server of a format takes them all."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field that may be left out: `path` leads to it, `named` finds it in a refusal.

    `instead` is another name for the same field, which is sent in its place, unless that is not
    taken either.
    """

    name: str
    named: re.Pattern[str]
    path: tuple[str, ...] = ()
    instead: str = ""

    def is_in(self, body: Mapping[str, Any]) -> bool:
        """Tell whether a request has it."""
        *parents, last = self.path or (self.name,)
        return last in _inner(body, parents)

    def leave_out(self, body: Body, omitted: Collection[str]) -> None:
        """Take it out of a request that has it, beside all others that are `omitted`."""
        *parents, last = self.path or (self.name,)
        value = _inner(body, parents).pop(last)
        if self.instead and self.instead not in omitted:
            body[self.instead] = value


def names_of(fields: Sequence[Field]) -> Sequence[str]:
    """Name the fields that a setting may leave out."""
    return tuple(field.name for field in fields)


def _inner(body: Mapping[str, Any], parents: Sequence[str]) -> Any:
    for name in parents:
        body = body.get(name, {})
    return body
