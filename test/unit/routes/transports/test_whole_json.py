"""The blocking counterpart of a stream: one JSON, or a problem with the text so far."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import gevent
import pytest
from worlds.followed import Followed
from worlds.log_events import DONE, ERROR, RETRYING, START

from routes.transports.whole_json import RunFailed, WholeAnswer, whole_answer
from services.domain.costs import Cost, Usage
from services.domain.deliveries import EventStream
from services.domain.events import Content, Reasoning
from services.domain.runs import Run
from services.domain.sessions import MessageStatus
from services.streams.follow import ReaderRequest

RUN = Run(
    id="run",
    session_id="session",
    user_id="user",
    message_id="answer",
    user_message_id="question",
    epoch=1,
    status=MessageStatus.STREAMING,
    provider="scripted",
    model="large",
    created_at=datetime(2026, 11, 20, tzinfo=UTC),
)
WHERE = {"session_id": "session", "run_id": "run", "message_id": "answer"}


def answer(events: EventStream) -> object:
    """Wait for the answer."""
    with gevent.Timeout(10):
        return whole_answer(RUN, events)


@pytest.fixture
def followed() -> Followed:
    """Make a run that has begun."""
    followed = Followed()
    followed.writer.append(START)
    return followed


def test_the_answer_is_waited_for_and_given_whole(followed: Followed) -> None:
    def write() -> None:
        followed.writer.announce(RETRYING)
        gevent.sleep(0.005)
        for event in (Reasoning("hm"), Content("one "), Content("two")):
            followed.writer.append(event)
            gevent.sleep(0.001)
        cost = Cost(Decimal("0.000045"))
        followed.writer.append(replace(DONE, usage=Usage(10, 2), cost=cost))

    events = followed.follow()
    events.ping()
    gevent.spawn(write)

    assert answer(events) == {
        **WHERE,
        "content": "one two",
        "finish_reason": "stop",
        "usage": {
            "input_tokens": 10,
            "output_tokens": 2,
            "cached_tokens": 0,
            "reasoning_tokens": 0,
            "source": "provider",
        },
        "cost": {"amount": "0.000045", "currency": "USD"},
        "model": "large",
        "provider": "scripted",
    }
    assert len(followed.followers) == 0


@pytest.mark.parametrize(("code", "status"), [("upstream_cut", 502), ("upstream_timeout", 504)])
def test_a_failed_run_is_a_problem_with_its_partial_text(
    followed: Followed, code: str, status: int
) -> None:
    followed.writer.append(Content("half"))
    followed.writer.append(replace(ERROR, code=code))

    with pytest.raises(RunFailed) as failed:
        answer(followed.follow())

    assert (failed.value.status, failed.value.code, failed.value.retryable) == (status, code, True)
    assert failed.value.detail == ERROR.message
    assert failed.value.extra() == {**WHERE, "content": "half"}
    assert len(followed.followers) == 0


def test_a_status_of_504_is_that_failure_s_alone(followed: Followed) -> None:
    followed.writer.append(replace(ERROR, code="upstream_timeout"))
    with pytest.raises(RunFailed):
        answer(followed.follow())
    assert RunFailed.status == 502


def test_events_that_end_without_an_end_are_a_problem_with_what_there_is(
    followed: Followed,
) -> None:
    followed.writer.append(Content("half"))
    events = followed.follow()
    followed.writer.abandon()

    with pytest.raises(RunFailed) as failed:
        answer(events)

    assert (failed.value.status, failed.value.code) == (502, "interrupted")
    assert failed.value.retryable
    assert failed.value.extra() == {**WHERE, "content": "half"}
    assert len(followed.followers) == 0


def test_a_login_that_was_revoked_waits_no_longer(followed: Followed) -> None:
    events = followed.follow(ReaderRequest(user_id="user", may_go_on=lambda: False))
    gevent.spawn_later(0.01, events.ping)
    with pytest.raises(RunFailed):
        answer(events)
    assert len(followed.followers) == 0


def test_where_the_end_takes_longer_than_asked_nothing_is_given_and_the_wait_can_go_on(
    followed: Followed,
) -> None:
    events = followed.follow()

    def ping() -> None:
        while True:
            gevent.sleep(0.01)
            events.ping()

    pinging = gevent.spawn(ping)
    waiting = WholeAnswer(RUN, events)
    with gevent.Timeout(10):
        assert waiting.wait(0.05) is None
        followed.writer.append(Content("late"))
        followed.writer.append(DONE)
        told = waiting.wait(0.05)
    pinging.kill()

    assert told is not None
    assert told["content"] == "late"
    waiting.close()
    assert len(followed.followers) == 0
