"""The judge of the torture finds what it must find: each lie here is of its own kind."""

from collections.abc import Callable

import pytest
from api.chat_client import Frame, Json
from torture.checker import check
from torture.evidence import Evidence, Question, Transcript
from torture.faults import FaultKind, FaultLog
from torture.store import Stored

SESSION, ANSWER = "session-1", "one two three"
USAGE = {"input_tokens": 7, "output_tokens": 3, "cached_tokens": 0, "reasoning_tokens": 0}


def done(text: str = ANSWER, reason: str = "stop") -> Json:
    return {
        "type": "done",
        "message_id": "answer-1",
        "full_content": text,
        "finish_reason": reason,
        "usage": dict(USAGE),
        "persisted": True,
    }


def as_stored(event: Json) -> Json:
    return {name: what for name, what in event.items() if name not in ("type", "full_content")}


def frames() -> list[Frame]:
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
        greeting = Frame(None, {"type": "resume", "recovered": False, "content": text})
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


def drop_a_word_from_the_store(told: Round) -> None:
    told.answer["content"] = "one two"


def change_a_byte_in_the_store(told: Round) -> None:
    told.answer["content"] = "one twO three"


def leave_the_run_open(told: Round) -> None:
    told.run |= {"status": "streaming", "terminal": None}


def let_run_and_message_differ(told: Round) -> None:
    told.answer["status"] = "interrupted"


def store_another_end(told: Round) -> None:
    told.run["terminal"]["event"]["finish_reason"] = "length"


def store_the_end_under_another_id(told: Round) -> None:
    told.run["terminal_epoch"] = 2


def lose_the_question(told: Round) -> None:
    told.question["content"] = "what nobody asked"


def take_a_refused_question(told: Round) -> None:
    told.asked.run_ids.clear()


def begin_two_runs_for_a_key(told: Round) -> None:
    told.asked.run_ids.add("run-2")


def follow_no_answer(told: Round) -> None:
    told.question["parent_id"] = "another"


def book_it_twice(told: Round) -> None:
    told.booked.append({**told.booked[0], "attempt": 2})


def book_it_never(told: Round) -> None:
    told.booked.clear()


def book_too_much(told: Round) -> None:
    told.booked[0]["output_tokens"] = 4


def book_a_run_that_is_not_there(told: Round) -> None:
    told.booked.append({**told.booked[0], "run_id": "run-9"})


def stop_it_unasked(told: Round) -> None:
    told.run |= {"status": "stopped", "finish_reason": "stopped"}
    told.answer |= {"status": "stopped", "finish_reason": "stopped"}
    told.run["terminal"]["event"]["finish_reason"] = "stopped"
    for sight in told.reader.visits[0].sights:
        if sight.frame.is_terminal:
            sight.frame.event["finish_reason"] = "stopped"


def tell_no_end(told: Round) -> None:
    told.read(frames()[:-1])


def tell_two_ends(told: Round) -> None:
    told.read([*frames(), frames()[-1]])


def tell_another_end_to_a_second_reader(told: Round) -> None:
    forged = frames()[-1]
    forged.event["finish_reason"] = "length"
    told.read([*frames()[:-1], forged])


def skip_an_event(told: Round) -> None:
    told.read([frame for frame in frames() if frame.id != "run-1.1.3"])


def repeat_an_event(told: Round) -> None:
    told.read([*frames()[:3], *frames()[2:]])


def give_an_id_to_two_events(told: Round) -> None:
    told.read([*frames()[:2], Frame("run-1.1.3", {"type": "content", "content": "zwei "})])


def recover_with_a_hole(told: Round) -> None:
    greeting = Frame(None, {"type": "resume", "recovered": True})
    told.read([greeting, *frames()[1:]], is_post=False)


def greet_nobody(told: Round) -> None:
    told.read(frames(), is_post=False)


def tell_events_of_another_run(told: Round) -> None:
    told.reader.visits[0].sights[0].frame.event["x"] = 1
    told.read([Frame("run-7.1.1", {"type": "start"})])


def forget_words_that_were_seen(told: Round) -> None:
    told.keep("one ")


def store_another_end_than_was_told_before(told: Round) -> None:
    told.reader.visits[0].sights[-1].frame.event["persisted"] = False
    store_another_end(told)


def tell_another_text_as_one(told: Round) -> None:
    told.evidence.take_whole({**done(), "content": "one two", "run_id": "run-1"})


LIES: list[Callable[[Round], None]] = [
    drop_a_word_from_the_store,
    change_a_byte_in_the_store,
    leave_the_run_open,
    let_run_and_message_differ,
    store_another_end,
    store_the_end_under_another_id,
    store_another_end_than_was_told_before,
    lose_the_question,
    take_a_refused_question,
    begin_two_runs_for_a_key,
    follow_no_answer,
    book_it_twice,
    book_it_never,
    book_too_much,
    book_a_run_that_is_not_there,
    stop_it_unasked,
    tell_no_end,
    tell_two_ends,
    tell_another_end_to_a_second_reader,
    tell_another_text_as_one,
    skip_an_event,
    repeat_an_event,
    give_an_id_to_two_events,
    recover_with_a_hole,
    greet_nobody,
    tell_events_of_another_run,
    forget_words_that_were_seen,
]


def test_a_round_without_a_lie_has_no_problem() -> None:
    told = Round()
    told.read([Frame(None, {"type": "resume", "recovered": True}), *frames()], is_post=False)
    told.evidence.take_whole({**done(), "content": ANSWER, "run_id": "run-1"})

    assert told.problems() == []


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_is_found(lie: Callable[[Round], None]) -> None:
    told = Round()
    lie(told)

    assert told.problems()


def test_words_may_be_lost_with_the_last_copy_of_them() -> None:
    told = Round()
    with told.faults.note(FaultKind.KILL_REDIS):
        told.faults.note(FaultKind.KILL_WORKER).__enter__()
    told.keep("one ")

    assert told.problems() == []


@pytest.mark.parametrize("kind", [FaultKind.KILL_REDIS, FaultKind.KILL_WORKER])
def test_words_may_not_be_lost_where_a_copy_was_left(kind: FaultKind) -> None:
    told = Round()
    with told.faults.note(kind):
        told.keep("one ")

    assert told.problems()


def test_no_more_is_lost_than_came_since_the_last_beat() -> None:
    told = Round()
    told.reader.pieces[0] = (told.reader.pieces[0][0] - 60.0, 99)
    with told.faults.note(FaultKind.KILL_REDIS), told.faults.note(FaultKind.KILL_WORKER):
        told.keep("one ")

    assert told.problems()


def test_an_end_that_was_told_before_it_was_stored_may_be_lost_with_both_its_copies() -> None:
    told = Round()
    told.keep(ANSWER)
    told.reader.visits[-1].sights[-1].frame.event["persisted"] = False
    told.run["terminal_epoch"] = 2

    assert told.problems()
    with told.faults.note(FaultKind.FLUSH_REDIS), told.faults.note(FaultKind.KILL_SERVER):
        assert told.problems() == []
