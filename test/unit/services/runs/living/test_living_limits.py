"""What a time limit that passes does to a run: its call ends, upstream is closed, it is settled.

Which time counts towards a limit is tested in test_clock.py.
"""

import time
from collections.abc import Generator

import gevent
import pytest
from gevent.event import Event
from worlds.played import PlayedProvider, Step
from worlds.run_world import QUICK_RETRIES, MakeWorld, RunWorld, quick, said

from services.domain.costs import Usage, UsageSource
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Content, Done, Error, ProviderEvent, Reasoning, UsageReport
from services.domain.runs import AttemptOutcome
from services.domain.sessions import FinishReason, MessageStatus
from services.providers.base import ProviderRequest
from services.runs.asking.retries import RetryRules
from services.runs.living.clock import RunTimes
from services.runs.living.run import Ending, Living

NO_RETRIES = RetryRules(retries=0, min_seconds=0, max_seconds=0, retry_after_max=120)
BUSY = ProviderError("Busy.", code=FailureCode.OVERLOADED, may_retry=True)


def silence() -> Event:
    """Give an event that is never set."""
    return Event()


def failed(world: RunWorld, times: RunTimes) -> tuple[Living, Error, float]:
    """Make a run that fails; give it with its end and the seconds that it took."""
    started = time.monotonic()
    living = world.launch(times)
    end = world.story_of(living).end
    assert isinstance(end, Error)
    assert world.provider.journal.count("called") == world.provider.journal.count("closed")
    return living, end, time.monotonic() - started


def test_a_first_token_that_does_not_come_ends_the_call(make_world: MakeWorld) -> None:
    world = make_world([silence()], rules=NO_RETRIES)
    living, end, took = failed(world, quick(first_token=0.1))
    assert (end.code, end.retryable) == ("upstream_timeout", True)
    assert "first token" in end.message
    assert 0.1 <= took < 5
    assert [attempt.outcome for attempt in living.calls.booked] == [AttemptOutcome.FAILED]


def test_the_time_for_the_first_token_is_used_up_once(make_world: MakeWorld) -> None:
    world = make_world([silence()], rules=QUICK_RETRIES)
    _, end, _ = failed(world, quick(first_token=0.06))
    assert end.code == "upstream_timeout"
    assert len(world.provider.requests) == 1


def test_the_second_call_may_succeed(make_world: MakeWorld) -> None:
    world = make_world([ProviderTimeout("Silent.")], said("late but well"))
    living = world.launch(quick(first_token=5))
    story = world.story_of(living)
    assert isinstance(story.end, Done)
    assert story.text == "late but well"
    first, second = world.ledger()
    assert (first["outcome"], second["outcome"]) == ("failed", "ok")
    assert (first["usage_source"], first["output_tokens"]) == ("estimated", 0)
    assert first["input_tokens"] > 0


@pytest.mark.parametrize("last", [Content("a"), Reasoning("a")])
def test_a_stall_after_the_first_piece_ends_the_run(
    make_world: MakeWorld, last: Content | Reasoning
) -> None:
    world = make_world([Content("half "), last, silence()], said("again"))
    living, end, took = failed(world, quick(first_token=0.05, content=0.15))
    assert (end.code, end.retryable) == ("upstream_timeout", True)
    assert "content" in end.message
    assert took >= 0.15
    assert len(world.provider.requests) == 1
    assert world.stored(living)[1].startswith("half ")


def test_usage_is_a_sign_of_life_but_no_content(make_world: MakeWorld) -> None:
    alive: list[Step] = [0.03, UsageReport(Usage(1, 1))]
    world = make_world([Content("a"), *alive * 20, *said("too late")])
    _, end, _ = failed(world, quick(content=0.1))
    assert end.code == "upstream_timeout"


def test_the_limit_of_the_whole_run_holds_while_content_comes(make_world: MakeWorld) -> None:
    slow: list[Step] = [0.02, Content("a ")]
    world = make_world([*slow * 500])
    living, end, took = failed(world, quick(run=0.2))
    assert (end.code, end.retryable) == ("upstream_timeout", False)
    assert "in all" in end.message
    assert 0.2 <= took < 5
    run, text = world.stored(living)
    assert run.status is MessageStatus.FAILED
    assert text.startswith("a a ")


def test_the_limit_of_the_whole_run_ends_a_wait_between_calls(make_world: MakeWorld) -> None:
    slow = RetryRules(retries=2, min_seconds=60, max_seconds=60, retry_after_max=120)
    world = make_world([BUSY], rules=slow)
    _, end, took = failed(world, quick(run=0.1))
    assert "in all" in end.message
    assert took < 5
    assert len(world.provider.requests) == 1


class _Clinging(PlayedProvider):
    """Never finishes closing its upstream."""

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        self.requests.append(request)
        try:
            yield Content("all there is")
            self.is_reached.set()
            Event().wait()
        finally:
            Event().wait()


def test_a_provider_that_cannot_be_closed_holds_up_no_end(make_world: MakeWorld) -> None:
    world = make_world(provider=_Clinging(), close_seconds=0.05)
    living = world.launch()
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    world.runner.end(living.run_id, Ending.STOPPED)

    end = world.story_of(living).end

    assert isinstance(end, Done)
    assert end.finish_reason is FinishReason.STOPPED
    assert world.stored(living)[1] == "all there is"
    [row] = world.ledger()
    assert (row["outcome"], row["usage_source"]) == ("cancelled", UsageSource.ESTIMATED)
    assert row["output_tokens"] > 0


class _Deaf(PlayedProvider):
    """Goes on when it is told to end."""

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        self.requests.append(request)
        while True:
            try:
                self.is_reached.set()
                gevent.sleep(0.01)
            except gevent.GreenletExit:
                gevent.sleep(0.1)
            yield Content("a")


def test_nothing_is_written_by_a_provider_that_was_given_up(make_world: MakeWorld) -> None:
    world = make_world(provider=_Deaf(), close_seconds=0.02, settle_seconds=5)
    living = world.launch()
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    world.runs.away.add("settle_turn")
    world.runner.end(living.run_id, Ending.STOPPED)
    gevent.spawn_later(0.3, world.runs.away.clear)
    story = world.story_of(living)

    run, text = world.stored(living)
    assert (run.terminal, run.terminal_seq, text) == (story.end, story.seqs[-1], story.text)
    assert len(world.ledger()) == 1
