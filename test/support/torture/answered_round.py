"""A round of the torture with one question that was answered well, for the judge to judge."""

from api.chat_client import Frame, Json
from torture.checker import check
from torture.evidence import Evidence, Question, Transcript
from torture.faults import FaultLog
from torture.store import Stored

SESSION, ANSWER = "session-1", "one two three"
USAGE = {"input_tokens": 7, "output_tokens": 3, "cached_tokens": 0, "reasoning_tokens": 0}


def done(text: str = ANSWER, reason: str = "stop") -> Json:
    """Tell the end as readers see it."""
    return {
        "type": "done",
        "message_id": "answer-1",
        "full_content": text,
        "finish_reason": reason,
        "usage": dict(USAGE),
        "persisted": True,
    }


def as_stored(event: Json) -> Json:
    """Tell it as the store keeps it."""
    return {name: what for name, what in event.items() if name not in ("type", "full_content")}


def frames() -> list[Frame]:
    """Give all that a reader saw."""
    pieces = [{"type": "content", "content": piece} for piece in ("one ", "two ", "three")]
    events = [{"type": "start"}, *pieces, done()]
    return [Frame(f"run-1.1.{seq}", event) for seq, event in enumerate(events, 1)]


class Round:
    """A question that was answered well, to be made worse."""

    def __init__(self) -> None:
        """Have it answered."""
        self.evidence = Evidence()
        self.asked = self.evidence.ask(Question(SESSION, ANSWER, 5, key="a key"))
        self.asked.run_ids.add("run-1")
        self.reader = self.read(frames())
        event = {
            name: what for name, what in done().items() if name not in ("type", "full_content")
        }
        self.run: Json = {
            "id": "run-1",
            "session_id": SESSION,
            "user_message_id": "question-1",
            "message_id": "answer-1",
            "status": "complete",
            "finish_reason": "stop",
            "usage": dict(USAGE),
            "terminal": {"type": "done", "event": event},
            "terminal_epoch": 1,
            "terminal_seq": 5,
        }
        self.question: Json = {
            "id": "question-1",
            "session_id": SESSION,
            "parent_id": None,
            "role": "user",
            "content": self.asked.question.content,
            "status": "complete",
            "finish_reason": None,
        }
        self.answer: Json = {
            **self.question,
            "id": "answer-1",
            "parent_id": "question-1",
            "role": "assistant",
            "content": ANSWER,
            "finish_reason": "stop",
        }
        self.booked: list[Json] = [{"run_id": "run-1", "attempt": 1, **USAGE}]
        self.faults = FaultLog()

    def read(self, seen: list[Frame], *, is_post: bool = True) -> Transcript:
        """Add a reader who saw these in one connection."""
        reader = self.evidence.read("run-1", SESSION)
        reader.visit("server", is_post=is_post)
        for frame in seen:
            reader.take(frame)
        return reader

    def keep(self, text: str) -> None:
        """Have an interrupted answer stored, and told to the reader, with this text."""
        self.run["status"] = self.answer["status"] = "interrupted"
        self.run["finish_reason"] = self.answer["finish_reason"] = None
        end = {**done(text), "type": "error", "code": "interrupted"}
        del end["finish_reason"]
        self.run["terminal"] = {"type": "error", "event": as_stored(end)}
        self.answer["content"] = text
        greeting = Frame("", {"type": "resume", "recovered": False, "content": text})
        self.reader.terminal = None
        self.reader.visits[0].sights.pop()
        self.reader.visit("server", is_post=False)
        self.reader.take(greeting)
        self.reader.take(Frame("run-1.1.5", end))

    def problems(self) -> list[str]:
        """Judge."""
        runs = {"run-1": self.run}
        messages = {row["id"]: row for row in (self.question, self.answer)}
        stored = Stored(runs, messages, self.booked)
        return check(self.evidence, stored, self.faults)
