"""What clients were told while servers were tortured, for `torture.checker` to judge."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from api.chat_client import Frame, Json


@dataclass(frozen=True, slots=True)
class Question:
    """A message whose answer is known beforehand and like no other.

    `key` is sent as Idempotency-Key; without a key the message is sent only once. `stop_after`: the
    client asks for a stop after so many pieces. `is_blocking`: it wants the answer as one JSON.
    """

    session: str
    answer: str
    milliseconds: int
    key: str | None = None
    stop_after: int | None = None
    is_blocking: bool = False

    @property
    def content(self) -> str:
        """The message itself."""
        return f"/slow {self.milliseconds} /echo {self.answer}"


@dataclass(frozen=True, slots=True)
class Sight:
    """A frame, and when it was seen by the monotonic clock."""

    frame: Frame
    at: float


@dataclass(slots=True)
class Visit:
    """One connection: what it asked for, and all frames that arrived whole.

    `is_post`: it sent the message. `after` is the Last-Event-ID that it sent.
    """

    server: str
    is_post: bool
    after: str | None = None
    sights: list[Sight] = field(default_factory=list)


class Transcript:
    """One reader of one run over all its connections, put together as the contract says."""

    def __init__(self, run_id: str, session: str) -> None:
        """Begin with nothing seen."""
        self.run_id = run_id
        self.session = session
        self.visits: list[Visit] = []
        self.text = ""
        self.last_id: str | None = None
        self.terminal: Sight | None = None
        self.pieces: list[tuple[float, int]] = []
        """Pairs of a time and the length of the text then: a word that was seen must not go."""

    def visit(self, server: str, *, is_post: bool) -> None:
        """Note a new connection."""
        self.visits.append(Visit(server, is_post, None if is_post else self.last_id))

    def take(self, frame: Frame) -> None:
        """Add the next frame of the newest connection."""
        sight = Sight(frame, time.monotonic())
        self.visits[-1].sights.append(sight)
        if frame.id is not None:
            self.last_id = frame.id or None
        if frame.type == "start":
            self.text = ""
        elif frame.type == "content":
            self.text += frame.event["content"]
            self.pieces.append((sight.at, len(self.text)))
        elif frame.type == "resume" and not frame.event["recovered"]:
            self.text = frame.event["content"]
        elif frame.is_terminal:
            self.terminal = sight


@dataclass(slots=True)
class Asked:
    """A question as it was sent.

    `run_ids` are the runs that servers answered with; `unsure`: a turn may have begun although no
    answer came; `stopped`: the client asked for a stop.
    """

    question: Question
    run_ids: set[str] = field(default_factory=set)
    unsure: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that came as one JSON, and when it came."""

    reply: Json
    at: float


class Evidence:
    """All evidence of a round; clients in many threads write into it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self.asked: list[Asked] = []
        self.transcripts: list[Transcript] = []
        self.wholes: list[Whole] = []
        self.problems: list[str] = []

    def ask(self, question: Question) -> Asked:
        """Note that a question is about to be sent."""
        asked = Asked(question)
        with self._lock:
            self.asked.append(asked)
        return asked

    def read(self, run_id: str, session: str) -> Transcript:
        """Note a new reader."""
        transcript = Transcript(run_id, session)
        with self._lock:
            self.transcripts.append(transcript)
        return transcript

    def take_whole(self, reply: Json) -> None:
        """Note an answer that came as one JSON."""
        with self._lock:
            self.wholes.append(Whole(reply, time.monotonic()))

    def blame(self, problem: str) -> None:
        """Note at once something that must never happen."""
        with self._lock:
            self.problems.append(problem)

    def of_run(self) -> dict[str, list[Transcript]]:
        """Give the readers of each run."""
        readers: dict[str, list[Transcript]] = {}
        for transcript in self.transcripts:
            readers.setdefault(transcript.run_id, []).append(transcript)
        return readers

    def terminals(self) -> Iterator[tuple[Transcript, Json]]:
        """Go through the ends that were told."""
        for transcript in self.transcripts:
            if transcript.terminal is not None:
                yield transcript, transcript.terminal.frame.event
