"""Calls over several endpoints: the least busy is asked, and an end from outside frees it."""

from collections.abc import Callable

import pytest
from subjects.spread import GOOD, Spread, Stream


def test_calls_one_after_the_other_go_round() -> None:
    spread = Spread([GOOD], [GOOD], [GOOD])

    outcomes = [spread.ask() for _ in range(6)]

    assert [outcome.text for outcome in outcomes] == ["ab"] * 6
    assert spread.asked == [2, 2, 2]


def test_calls_at_once_go_where_the_fewest_are_under_way() -> None:
    spread = Spread([GOOD], [GOOD])
    streams = [spread.open() for _ in range(4)]
    for stream in streams:
        next(stream)
    streams[0].close()
    streams[2].close()

    next(spread.open())
    next(spread.open())

    assert spread.asked == [4, 2]


def test_nothing_goes_out_before_the_first_event_is_asked_for() -> None:
    spread = Spread([GOOD])

    spread.open().close()

    assert spread.asked == [0]


def end_by_closing(stream: Stream) -> None:
    stream.close()


def end_by_throwing(stream: Stream) -> None:
    with pytest.raises(KeyError):
        stream.throw(KeyError("mine"))


@pytest.mark.parametrize("end", [end_by_closing, end_by_throwing])
@pytest.mark.parametrize("events", [1, 2])
def test_an_end_from_outside_closes_the_endpoints_stream_and_frees_it(
    end: Callable[[Stream], None], events: int
) -> None:
    spread = Spread([GOOD], [GOOD])
    stream = spread.open()
    for _ in range(events):
        next(stream)

    end(stream)
    spread.ask()
    spread.ask()

    assert spread.played[0].journal[:2] == ["called", "closed"]
    assert spread.asked == [2, 1]
