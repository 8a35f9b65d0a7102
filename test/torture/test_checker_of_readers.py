"""The judge of the torture finds each lie that readers were told; each is of its own kind."""

from collections.abc import Callable

import pytest
from api.chat_client import Frame
from torture.answered_round import ANSWER, Round, done, frames


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


def recover_nothing_and_leave_the_id(told: Round) -> None:
    greeting = Frame(None, {"type": "resume", "recovered": False, "content": ANSWER})
    told.read([greeting, frames()[-1]], is_post=False)


def greet_nobody(told: Round) -> None:
    told.read(frames(), is_post=False)


def tell_events_of_another_run(told: Round) -> None:
    told.reader.visits[0].sights[0].frame.event["x"] = 1
    told.read([Frame("run-7.1.1", {"type": "start"})])


def forget_words_that_were_seen(told: Round) -> None:
    told.keep("one ")


def tell_another_text_as_one(told: Round) -> None:
    told.evidence.take_whole({**done(), "content": "one two", "run_id": "run-1"})


LIES: list[Callable[[Round], None]] = [
    stop_it_unasked,
    tell_no_end,
    tell_two_ends,
    tell_another_end_to_a_second_reader,
    tell_another_text_as_one,
    skip_an_event,
    repeat_an_event,
    give_an_id_to_two_events,
    recover_with_a_hole,
    recover_nothing_and_leave_the_id,
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
