"""Reads a file of settings (`.env`) as python-dotenv does, and tells the line of each mistake.

python-dotenv itself passes over a line that it does not understand, writes nothing for a variable
that is not set, and looks for `${...}` between single quotes too.
"""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream
from dotenv.variables import Literal, Variable, parse_variables

from services.domain.text_files import NotText, text_of

NAME = ".env"
MAX_BYTES = 1_048_576


@dataclass(slots=True)
class EnvFile:
    """The values of a file by name, and what is wrong with it.

    `misread` has what python-dotenv makes of a value that it must not look into.
    """

    values: dict[str, str] = field(default_factory=dict)
    misread: dict[str, str] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, environ: Mapping[str, str]) -> "EnvFile":
        """Read a file; one that is not there has no values. `${NAME}` means `environ` first."""
        file = cls()
        try:
            text = _text(path)
        except FileNotFoundError:
            return file
        except OSError as exc:
            file.mistakes.append(f"It cannot be read: {exc.strerror}.")
        except NotText as exc:
            file.mistakes.append(f"{_place(exc.line)}{exc} Save it as UTF-8.")
        except ValueError as exc:
            file.mistakes.append(str(exc))
        else:
            file.mistakes += _Reading(file, environ).mistakes_in(text)
        return file

    def below(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Give the values of the environment, and those of this file that are not set there.

        The `flask` command puts the file into the environment first, as python-dotenv reads it.
        """
        given = {
            name: value
            for name, value in environ.items()
            if value and value != self.misread.get(name)
        }
        return self.values | given


def _text(path: Path) -> str:
    """Read the whole text; a named pipe, as some keepers of secrets make, is read like a file."""
    if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISFIFO(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no file"
        raise ValueError(f"It is {kind}: a container's mount makes one where there was no file.")
    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"It is larger than {MAX_BYTES} bytes.")
    return text_of(content)


class _Reading:
    """Goes through the lines in order: a value may name those above it."""

    def __init__(self, file: EnvFile, environ: Mapping[str, str]) -> None:
        self._values = file.values
        self._misread = file.misread
        self._environ = environ

    def mistakes_in(self, text: str) -> Iterator[str]:
        for binding in parse_stream(StringIO(text)):
            line = _line_of(binding)
            if binding.error:
                yield f"{_place(line)}It is not NAME=value: is a quote open, or text behind one?"
            elif binding.value is None:
                if binding.key is not None and not binding.key.isidentifier():
                    yield f"{_place(line)}It has no `=`."
            elif binding.key is not None:
                expanded = self._expanded(binding.value)
                if _is_literal(binding):
                    self._misread[binding.key], expanded = expanded, binding.value
                else:
                    yield from self._untold(binding.value, line)
                self._values[binding.key] = expanded

    def _untold(self, value: str, line: int) -> Iterator[str]:
        for missing in sorted(self._missing(value)):
            yield f"{_place(line)}${{{missing}}} is not set. {_LITERAL}"

    def _missing(self, value: str) -> set[str]:
        return {
            atom.name
            for atom in parse_variables(value)
            if isinstance(atom, Variable) and atom.default is None and not self._has(atom.name)
        }

    def _has(self, name: str) -> bool:
        return name in self._environ or name in self._values

    def _expanded(self, value: str) -> str:
        known = {**self._values, **self._environ}
        atoms = (atom for atom in parse_variables(value) if isinstance(atom, Literal | Variable))
        return "".join(atom.resolve(known) for atom in atoms)


_LITERAL = "Where the text itself is meant, put the value into single quotes; else ${NAME:-}."


def _is_literal(binding: Binding) -> bool:
    """Tell whether a value stands between single quotes."""
    _, _, right = binding.original.string.partition("=")
    return right.lstrip().startswith("'")


def _line_of(binding: Binding) -> int:
    """Give the line of the name: what is blank above it belongs to a binding too."""
    written = binding.original.string
    blank = written[: len(written) - len(written.lstrip())]
    return int(binding.original.line) + len(blank.splitlines())


def _place(line: int) -> str:
    return f"line {line}: " if line else ""
