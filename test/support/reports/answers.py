"""Reports of what real servers send, as data: what comes over the wire, and what it must become.

A step of `sends` is text, or a word for a frame of the report's format: `@say TEXT`, `@think TEXT`,
`@stop`, `@done`. `<FF>` in it is that byte. `format: each` stands for every format.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from reports.table import linked, row_of
from source_tree import ROOT
from wires import anthropic_wire, gemini_wire, openai_wire
from wires.steps import Answer, Step

FOLDER = ROOT / "test" / "contract" / "providers" / "reports"
FORMATS = ("openai", "anthropic", "gemini")

_SAY: Mapping[str, Callable[[str], bytes]] = {
    "openai": lambda text: openai_wire.delta(content=text),
    "anthropic": anthropic_wire.say,
    "gemini": lambda text: gemini_wire.say(text, usage=None),
}
_THINK: Mapping[str, Callable[[str], bytes]] = {
    "openai": lambda text: openai_wire.delta(reasoning_content=text),
    "anthropic": lambda text: anthropic_wire.delta(type="thinking_delta", thinking=text),
    "gemini": lambda text: gemini_wire.parts({"text": text, "thought": True}, usage=None),
}
_STOP = {
    "openai": openai_wire.STOP,
    "anthropic": anthropic_wire.end("end_turn"),
    "gemini": gemini_wire.end("STOP", None),
}
_DONE = {"openai": openai_wire.DONE, "anthropic": anthropic_wire.STOP, "gemini": b""}
_BYTE = re.compile(rb"<([0-9A-F]{2})>")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What an answer must become; `usage` and `ignored` None: whatever it is.

    `ending` is the reason of the end or the code of the failure; `says` is in the failure's words.
    `usage` is input, output, cached, reasoning, with null for a side that is not told.
    """

    text: str = "Hello"
    thoughts: str = ""
    ending: str = "stop"
    retryable: bool = True
    says: str = ""
    usage: Sequence[int | None] | None = None
    ignored: int | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """One fault: who reported it, of which kind it is, what was sent, and what happens now."""

    report: str
    kind: str
    format: str
    sends: Sequence[str]
    now: str
    thread: str = ""
    framing: str = "chunked"
    content_type: str = "text/event-stream"
    expects: Mapping[str, Any] = field(default_factory=dict)

    @property
    def formats(self) -> Sequence[str]:
        """Give the formats that it is played in."""
        return FORMATS if self.format == "each" else (self.format,)

    @property
    def expected(self) -> Expected:
        """Give what must come of it."""
        return Expected(**self.expects)

    def answer(self, name: str) -> Answer:
        """Make the answer in a format."""
        steps: list[Step] = [_bytes_of(step, name) for step in self.sends]
        headers = {}
        if self.framing == "cut":
            steps.append("cut")
        if self.framing == "length":
            headers["Content-Length"] = str(
                sum(len(step) for step in steps if isinstance(step, bytes))
            )
        chunked = self.framing in {"chunked", "cut"}
        return Answer(
            [step for step in steps if step], 200, headers, self.content_type, chunked=chunked
        )

    @property
    def row(self) -> str:
        """Write it as a row of the documented table: report, kind, what happens now."""
        link = f" ({linked(self.thread)})" if self.thread else ""
        where = "every format" if self.format == "each" else self.format
        return row_of(f"{self.report}{link}", f"{self.kind}, {where}", self.now)


def reports_in(path: Path) -> list[Report]:
    """Read a file of reports; its name is their kind."""
    kind = path.stem.replace("-", " ")
    return [Report(kind=kind, **told) for told in yaml.safe_load(path.read_text())]


def answer_reports() -> list[Report]:
    """Read all reports of what came in an answer with a status of 200."""
    paths = sorted((FOLDER / "answers").glob("*.yaml"))
    return [report for path in paths for report in reports_in(path)]


def _bytes_of(step: str, name: str) -> bytes:
    word, _, text = step.partition(" ")
    match word:
        case "@say":
            return _SAY[name](text)
        case "@think":
            return _THINK[name](text)
        case "@stop":
            return _STOP[name]
        case "@done":
            return _DONE[name]
        case _:
            return _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), step.encode())
