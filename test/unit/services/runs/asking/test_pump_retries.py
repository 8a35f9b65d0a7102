"""Further calls: only before the first token, as often and as late as the rules say."""

import time

import gevent
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st
from worlds.played import Step
from worlds.run_world import QUICK_RETRIES, MakeWorld, Story, quick, said

from services.domain.costs import Usage
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Attempt, Content, Done, Error, Finish, Reasoning, StatusState
from services.domain.runs import AttemptOutcome
from services.domain.sessions import FinishReason
from services.runs.asking.retries import RetryRules
from services.runs.living.run import Ending

SLOW_RETRIES = RetryRules(retries=2, min_seconds=60, max_seconds=60, retry_after_max=120)


def refused(retry_after: float | None = None, *, may_retry: bool = True) -> ProviderError:
    """Fail as an overloaded provider does."""
    return ProviderError(
        "Busy.", code=FailureCode.OVERLOADED, may_retry=may_retry, retry_after=retry_after
    )


def calls_of(story: Story) -> list[Attempt]:
    """Give the records of further calls."""
    return [event for _, event in story.events if isinstance(event, Attempt)]


def test_a_call_that_is_refused_is_made_again(make_world: MakeWorld) -> None:
    world = make_world([refused()], [refused()], said("third time"))
    living = world.launch()

    story = world.story_of(living)

    assert isinstance(story.end, Done)
    assert story.text == "third time"
    log = world.log.reader(living.run_id)
    assert log is not None
    written = log.after(0)
    assert written is not None
    assert [type(event) for event in written.events[1:4]] == [Attempt, Attempt, Content]
    assert [event.number for event in written.events if isinstance(event, Attempt)] == [2, 3]
    rows = world.ledger()
    assert [(row["attempt"], row["outcome"]) for row in rows] == [
        (1, "failed"),
        (2, "failed"),
        (3, "ok"),
    ]
    assert [row["output_tokens"] for row in rows] == [0, 0, 2]


def test_each_generator_is_closed_before_the_next_call(make_world: MakeWorld) -> None:
    world = make_world([refused()], said("ok"))
    world.story_of(world.launch())
    assert world.provider.journal[1:] == ["called", "closed", "called", "closed", "settle_turn"]


def test_the_calls_are_counted_out(make_world: MakeWorld) -> None:
    last = ProviderError("Still busy.", code=FailureCode.RATE_LIMITED, may_retry=True)
    world = make_world([refused()], [refused()], [last])

    end = world.story_of(world.launch()).end

    assert isinstance(end, Error)
    assert (end.code, end.message) == ("upstream_rate_limited", "Still busy.")
    assert len(world.provider.requests) == 3
    assert end.usage == Usage()


@pytest.mark.parametrize("piece", [Content("a"), Reasoning("a")])
def test_after_the_first_token_nothing_is_asked_again(
    make_world: MakeWorld, piece: Content | Reasoning
) -> None:
    world = make_world([piece, refused()], said("again"))
    story = world.story_of(world.launch())
    assert isinstance(story.end, Error)
    assert len(world.provider.requests) == 1
    assert "again" not in story.text


def test_a_failure_that_would_come_again_is_not_asked_for(make_world: MakeWorld) -> None:
    world = make_world([refused(may_retry=False)], said("no"))
    assert isinstance(world.story_of(world.launch()).end, Error)
    assert len(world.provider.requests) == 1


def test_a_broken_provider_is_not_called_again(make_world: MakeWorld) -> None:
    world = make_world([KeyError("x")], said("no"))
    assert isinstance(world.story_of(world.launch()).end, Error)
    assert len(world.provider.requests) == 1


def test_the_wait_that_the_provider_asks_for_is_kept(make_world: MakeWorld) -> None:
    world = make_world([refused(retry_after=0.15)], said("ok"))
    started = time.monotonic()
    assert isinstance(world.story_of(world.launch()).end, Done)
    assert time.monotonic() - started >= 0.15


def test_a_wait_that_is_too_long_is_no_wait_but_a_failure(make_world: MakeWorld) -> None:
    world = make_world([refused(retry_after=121)], said("no"))
    end = world.story_of(world.launch()).end
    assert isinstance(end, Error)
    assert (end.code, end.retryable) == ("upstream_overloaded", True)
    assert len(world.provider.requests) == 1


def test_waiting_readers_are_told_and_later_ones_are_not(make_world: MakeWorld) -> None:
    answers = Event()
    world = make_world([refused(retry_after=0.02)], [Content("a"), answers, *said("b")])
    living = world.launch()
    early = world.follow(living)
    story = Story()
    with gevent.Timeout(10):
        while "a" not in story.text:
            story.take(next(early))
    late = gevent.spawn(world.story_of, living)
    gevent.sleep(0.01)
    answers.set()
    for delivery in early:
        story.take(delivery)
    early.close()

    [status] = story.statuses
    assert status.state is StatusState.RETRYING
    assert status.detail == {
        "provider": "scripted",
        "delay": 0.02,
        "attempt": 2,
        "code": "upstream_overloaded",
    }
    assert story.seqs == list(range(1, len(story.events) + 1))
    assert late.get(timeout=10).statuses == []


def test_a_stop_during_the_wait_ends_the_run_at_once(make_world: MakeWorld) -> None:
    world = make_world([refused()], said("no"), rules=SLOW_RETRIES)
    living = world.launch()
    events = world.follow(living)
    with gevent.Timeout(10):
        while not world.log.reader(living.run_id).status():  # type: ignore[union-attr]  # it lives
            next(events)
    events.close()

    world.runner.end(living.run_id, Ending.STOPPED)
    world.wait()

    run, text = world.stored(living)
    assert (run.finish_reason, text) == (FinishReason.STOPPED, "")
    assert len(world.provider.requests) == 1
    assert [attempt.outcome for attempt in living.calls.booked] == [AttemptOutcome.FAILED]


@given(st.integers(1, 20), st.floats(0, 10), st.floats(0, 100))
def test_waits_grow_with_jitter_between_their_bounds(
    tries: int, least: float, longest: float
) -> None:
    rules = RetryRules(retries=2, min_seconds=least, max_seconds=longest, retry_after_max=120)
    delay = rules.delay(refused(), tries)
    assert min(least, longest) <= delay <= min(longest, least * 2**tries)


@given(st.integers(1, 20), st.floats(0, 120))
def test_no_wish_of_the_provider_makes_the_wait_shorter(tries: int, wish: float) -> None:
    rules = RetryRules(retries=2, min_seconds=0.5, max_seconds=8, retry_after_max=120)
    assert max(wish, 0.5) <= rules.delay(refused(retry_after=wish), tries) <= max(wish, 8)


def test_calls_that_are_asked_back_at_once_do_not_come_all_together() -> None:
    rules = RetryRules(retries=2, min_seconds=0.5, max_seconds=8, retry_after_max=120)
    assert len({rules.delay(refused(retry_after=0), 1) for _ in range(20)}) > 10


def test_no_wait_is_asked_for_twice() -> None:
    assert QUICK_RETRIES.delay(refused(retry_after=7.5), 1) == 7.5


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        (ProviderError("No.", code=FailureCode.UNAUTHORIZED), "upstream_unauthorized"),
        (KeyError("x"), "internal_error"),
        (Finish(FinishReason.STOP), "ok"),
    ],
)
def test_each_call_is_counted_by_how_it_ended(
    make_world: MakeWorld, last: Step, outcome: str
) -> None:
    world = make_world([refused()], [last])

    world.story_of(world.launch())
    world.wait()

    text = world.metrics.render().decode()
    for end in ("upstream_overloaded", outcome):
        line = f'charla_provider_attempts_total{{outcome="{end}",provider="scripted"}} 1.0'
        assert line in text


def test_a_call_that_was_stopped_or_took_too_long_is_counted_as_that(
    make_world: MakeWorld,
) -> None:
    world = make_world([Event()])
    stopped = world.launch()
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    world.runner.end(stopped.run_id, Ending.STOPPED)
    world.launch(times=quick(first_token=0.01))
    world.wait()

    text = world.metrics.render().decode()
    for end in ("cancelled", "upstream_timeout"):
        line = f'charla_provider_attempts_total{{outcome="{end}",provider="scripted"}} 1.0'
        assert line in text
