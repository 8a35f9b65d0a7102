"""How an environment variable is declared: once, beside the field that holds its value."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marshmallow.validate import OneOf, Range

Check = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: `kind` names the environs parser, `expects` tells how to fix it.

    `also` is a second name of the variable, which is read where the first is unset.
    """

    name: str
    default: object
    about: str
    expects: str
    kind: str
    check: Check | None = None
    unit: str = ""
    also: str = ""

    def default_text(self) -> str:
        """Write the default as it would stand in an `.env` file; empty: there is none."""
        if self.default is None:
            return ""
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return str(self.default)


@dataclass(frozen=True, slots=True)
class Family:
    """Values that are alike, by name: `members` has the variable for each field of each value."""

    value: Callable[..., object]
    members: Mapping[str, Mapping[str, Variable]]

    def variables(self) -> Iterator[Variable]:
        """List the variables of all of them."""
        return (variable for member in self.members.values() for variable in member.values())

    def read(self, read: Callable[[Variable], object]) -> Mapping[str, object]:
        """Make all of them, of what `read` gives for each variable."""
        return {
            name: self.value(**{key: read(variable) for key, variable in member.items()})
            for name, member in self.members.items()
        }


def whole(
    name: str, default: int | None, span: tuple[int, int], about: str, *, unit: str = ""
) -> Any:
    """Declare a whole number from `span[0]` to `span[1]`."""
    low, high = span
    expects = f"a whole number{_of(unit)} from {low} to {high}"
    return _declare(Variable(name, default, about, expects, "int", _within(low, high), unit))


def number(
    name: str, default: float | None, span: tuple[float, float], about: str, *, unit: str = ""
) -> Any:
    """Declare a number from `span[0]` to `span[1]`."""
    low, high = span
    expects = f"a number{_of(unit)} from {_plain(low)} to {_plain(high)}"
    return _declare(Variable(name, default, about, expects, "float", _within(low, high), unit))


def seconds(name: str, default: float | None, span: tuple[float, float], about: str) -> Any:
    """Declare a time in seconds."""
    return number(name, default, span, about, unit="seconds")


def flag(name: str, about: str, *, default: bool | None) -> Any:
    """Declare something that is on or off; None: unset, which depends on other settings."""
    return _declare(Variable(name, default, about, "true or false", "bool"))


def choice(name: str, default: str | None, among: Iterable[str], about: str) -> Any:
    """Declare one word out of a few."""
    options = [str(word) for word in among]
    check = OneOf(options, error="Unknown: {input}.")
    return _declare(Variable(name, default, about, f"one of {', '.join(options)}", "str", check))


def text(
    name: str, default: str | None, about: str, expects: str, check: Check | None = None
) -> Any:
    """Declare a text that `check` accepts."""
    return _declare(Variable(name, default, about, expects, "str", check))


def secret(
    name: str,
    default: str | None,
    about: str,
    expects: str,
    check: Check | None = None,
    also: str = "",
) -> Any:
    """Declare a text that is never shown."""
    variable = Variable(name, default, about, expects, "str", check, also=also)
    return _declare(variable, shown=False)


def folder(name: str, default: str, about: str) -> Any:
    """Declare a folder."""
    expects = "a folder that this server may write to"
    return _declare(Variable(name, Path(default), about, expects, "path"))


def words(name: str, about: str, expects: str, check: Check) -> Any:
    """Declare a comma-separated list, each part of which `check` accepts; None where unset."""

    def check_all(parts: list[str]) -> None:
        for part in parts:
            check(part.strip())

    return _declare(Variable(name, None, about, expects, "list", check_all))


def family(value: Callable[..., object], declared: Mapping[str, Mapping[str, Any]]) -> Any:
    """Declare a mapping of values that are alike, by name.

    `declared` has for each name the fields of its value, each declared as a variable; a name
    without any is left out.
    """
    members = {
        name: {key: each.metadata["variable"] for key, each in fields.items()}
        for name, fields in declared.items()
        if fields
    }
    made = Family(value, members)
    return field(
        default_factory=lambda: made.read(lambda variable: variable.default),
        metadata={"variable": made},
    )


def _declare(variable: Variable, *, shown: bool = True) -> Any:
    return field(default=variable.default, repr=shown, metadata={"variable": variable})


def _within(low: float, high: float) -> Range:
    return Range(low, high, error="{input} is out of range.")


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _of(unit: str) -> str:
    return f" of {unit}" if unit else ""
