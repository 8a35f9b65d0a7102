"""What the pump makes of a provider's answer."""

from collections.abc import Generator

import gevent
import pytest
from worlds.played import PlayedProvider
from worlds.run_world import USAGE, MakeWorld, said

from services.domain.costs import Usage, UsageSource
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import (
    Content,
    Done,
    Error,
    Finish,
    ProviderEvent,
    Reasoning,
    UsageReport,
)
from services.domain.runs import AttemptOutcome
from services.domain.sessions import FinishReason, MessageStatus
from services.providers.base import ProviderRequest
from services.runs.asking.attempts import MOST_CHARS
from services.runs.living.run import Ending

STOP = Finish(FinishReason.STOP)


def test_an_answer_comes_out_piece_by_piece_and_ends_once(make_world: MakeWorld) -> None:
    world = make_world([Reasoning("hm"), *said("Grüße, ", "你好")])
    story = world.story_of(world.launch())

    pieces = [event for _, event in story.events[1:-1]]
    assert pieces == [Reasoning("hm"), Content("Grüße, "), Content("你好")]
    assert story.seqs == [1, 2, 3, 4, 5]
    assert isinstance(story.end, Done)
    assert world.provider.journal == ["begin_turn", "called", "closed", "settle_turn"]


@pytest.mark.parametrize("reason", [FinishReason.LENGTH, FinishReason.CONTENT_FILTER])
def test_the_reason_of_the_provider_is_the_reason_of_the_end(
    make_world: MakeWorld, reason: FinishReason
) -> None:
    world = make_world([Content("half"), Finish(reason)])
    end = world.story_of(world.launch()).end
    assert isinstance(end, Done)
    assert end.finish_reason is reason


@pytest.mark.parametrize("kind", [Content, Reasoning])
def test_an_answer_without_an_end_is_ended_as_too_long(
    make_world: MakeWorld, kind: type[Content | Reasoning]
) -> None:
    endless = kind("word " * (MOST_CHARS // 50))
    world = make_world([endless] * 100)

    story = world.story_of(world.launch())

    assert isinstance(story.end, Done)
    assert story.end.finish_reason is FinishReason.LENGTH
    written = sum(len(e.content) for _, e in story.events if isinstance(e, kind))
    assert MOST_CHARS < written <= MOST_CHARS + len(endless.content)
    assert "closed" in world.provider.journal


def test_usage_that_the_provider_reports_is_the_truth_and_its_last_word_counts(
    make_world: MakeWorld,
) -> None:
    world = make_world([UsageReport(Usage(1, 1)), Content("a"), UsageReport(USAGE), STOP])
    assert world.story_of(world.launch()).end.usage == USAGE


def test_a_reported_zero_is_no_missing_figure(make_world: MakeWorld) -> None:
    world = make_world([Content("free"), UsageReport(Usage()), STOP])
    assert world.story_of(world.launch()).end.usage == Usage(source=UsageSource.PROVIDER)


def test_usage_that_nobody_reports_is_estimated_and_marked_so(make_world: MakeWorld) -> None:
    world = make_world([Reasoning("x" * 40), Content("y" * 20), Content("z" * 20), STOP])
    living = world.launch()

    usage = world.story_of(living).end.usage

    asked = sum(message.token_estimate for message in living.plan.first.messages)
    assert usage == Usage(asked, 20, 0, 10, UsageSource.ESTIMATED)


def test_a_stream_without_an_end_is_a_failure_that_keeps_its_text(make_world: MakeWorld) -> None:
    world = make_world([Content("half of ")])
    living = world.launch()

    end = world.story_of(living).end

    assert isinstance(end, Error)
    assert (end.code, end.persisted) == ("upstream_cut", True)
    assert world.stored(living)[1] == "half of "


def test_a_provider_that_breaks_ends_the_run_and_tells_nothing_of_its_insides(
    make_world: MakeWorld,
) -> None:
    world = make_world([Content("a"), ZeroDivisionError("secret")])
    living = world.launch()

    end = world.story_of(living).end

    assert isinstance(end, Error)
    assert (end.code, end.retryable) == ("internal_error", False)
    assert "secret" not in end.message
    run, text = world.stored(living)
    assert (run.status, text) == (MessageStatus.FAILED, "a")
    assert world.provider.journal.count("called") == 1
    [attempt] = living.calls.booked
    assert attempt.outcome is AttemptOutcome.FAILED


def test_a_failure_keeps_code_sentence_and_whether_a_new_try_makes_sense(
    make_world: MakeWorld,
) -> None:
    failure = ProviderError("It broke.", code=FailureCode.PROTOCOL, may_retry=False)
    world = make_world([Content("a"), failure])
    end = world.story_of(world.launch()).end
    assert isinstance(end, Error)
    assert (end.code, end.message, end.retryable) == ("upstream_protocol", "It broke.", False)


class _Flood(PlayedProvider):
    """Never waits, and ends only if nothing has stopped it for much too long."""

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        self.requests.append(request)
        for _ in range(200_000):
            yield Content("a")


def test_an_upstream_that_is_never_waited_for_can_be_stopped_all_the_same(
    make_world: MakeWorld,
) -> None:
    world = make_world(provider=_Flood())
    living = world.launch()
    events = world.follow(living)
    with gevent.Timeout(10):
        next(events)
        next(events)
    events.close()

    world.runner.end(living.run_id, Ending.STOPPED)
    world.wait()

    run, text = world.stored(living)
    assert run.status is MessageStatus.STOPPED
    assert set(text) == {"a"}
