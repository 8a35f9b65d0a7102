"""What the judge of the torture takes for a loss that the faults explain, and what not."""

import pytest
from torture.answered_round import ANSWER, Round
from torture.faults import FaultKind


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
