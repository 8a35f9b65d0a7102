"""The commands of the scripted provider, read from a message."""

import re
from dataclasses import dataclass

WORD_MILLISECONDS = 25
LONGEST_PAUSE_MILLISECONDS = 60_000
MOST_WORDS = 100_000

_ECHO = re.compile(r"/echo[ \n](.*)", re.DOTALL)
_SLOW = re.compile(r"/slow (\d{1,5})(?=[ \r\n]|\Z)")
_LONG = re.compile(r"/long (\d{1,6})(?=[ \r\n]|\Z)")
_ENDING = re.compile(r"/(fail (?:before|during|rate_limited)|stall|cut|filter)(?=[ \r\n]|\Z)")
_FLAG = re.compile(r"/(reasoning|empty)(?=[ \r\n]|\Z)")


@dataclass(slots=True, kw_only=True)
class Script:
    """What a message asks for.

    `text` is the whole message; `ending` is empty, or one of `fail before`, `fail during`,
    `fail rate_limited`, `stall`, `cut`, `filter`.
    """

    text: str
    milliseconds: int = WORD_MILLISECONDS
    word_count: int | None = None
    ending: str = ""
    reasons: bool = False
    is_empty: bool = False
    echo: str | None = None


def read_script(message: str) -> Script:
    """Read the commands of the first line; a line that holds anything else is text."""
    script = Script(text=message)
    rest = message
    while rest and not rest.startswith(("\n", "\r")):
        taken = _take(script, rest)
        if taken == 0:
            return Script(text=message)
        rest = rest[taken:].removeprefix(" ")
    return script


def _take(script: Script, rest: str) -> int:
    """Take the first command of the rest; give its length, 0 if there is none."""
    if found := _ECHO.match(rest):
        script.echo = found[1]
    elif (found := _SLOW.match(rest)) and int(found[1]) <= LONGEST_PAUSE_MILLISECONDS:
        script.milliseconds = int(found[1])
    elif (found := _LONG.match(rest)) and 0 < int(found[1]) <= MOST_WORDS:
        script.word_count = int(found[1])
    elif found := _ENDING.match(rest):
        script.ending = found[1]
    elif found := _FLAG.match(rest):
        script.reasons = script.reasons or found[1] == "reasoning"
        script.is_empty = script.is_empty or found[1] == "empty"
    else:
        return 0
    return found.end()
