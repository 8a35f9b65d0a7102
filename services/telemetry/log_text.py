"""Texts of strangers in log lines: none is a command to the terminal, none is endless.

A path, a header or an error may hold an escape sequence that clears the screen, a line break that
forges the next line, or a sign that turns the direction of what follows.
"""

import re
from collections.abc import MutableMapping
from io import StringIO
from typing import Any, TextIO

import structlog
from structlog.typing import ExcInfo

MAX_CHARS = 2000
"""Of one value; the rest of it is counted."""

_PERHAPS_A_CONTROL = re.compile(r"[^ -~]")


def shortened(text: str) -> str:
    """Cut a text that is too long to be told, and say by how much."""
    if len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]}... ({len(text) - MAX_CHARS} more)"


def escaped(text: str) -> str:
    """Write each character that is no visible sign as Python's `ascii` does."""
    return text if text.isprintable() else _PERHAPS_A_CONTROL.sub(_escaped, text)


def escape_controls(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape the names and texts of a line; other values are written by `repr`, which does it."""
    for name, value in [*line.items()]:
        if isinstance(value, str):
            line[name] = escaped(value)
        if not name.isprintable():
            line[escaped(name)] = line.pop(name)
    return line


def indented_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback whose lines, those of messages too, do not look like lines of the log."""
    plain = StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    lines = plain.getvalue().strip("\n").split("\n")
    stream.writelines(f"\n  {escaped(shortened(line))}" for line in lines)


def _escaped(found: re.Match[str]) -> str:
    char = found.group()
    return char if char.isprintable() else ascii(char)[1:-1]
