"""Settling: stored first, told afterwards, exactly once."""

from dataclasses import replace
from decimal import Decimal

import gevent
import pytest
from gevent.event import Event
from worlds.log_events import DONE, ERROR
from worlds.run_world import MakeWorld, read_to_the_end, said
from worlds.stores import OTHER_WORKER, PRICE, WORKER

from services.domain.costs import Cost
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Done, Finish, Terminal
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.ending.settler import status_of
from services.runs.living.run import Ending


def test_what_the_readers_are_told_is_what_is_stored(make_world: MakeWorld) -> None:
    world = make_world(said("Grüße, ", "你好"))
    living = world.launch()
    story = world.story_of(living)

    run, text = world.stored(living)

    assert text == story.text == "Grüße, 你好"
    assert (run.terminal, run.terminal_seq) == (story.end, story.seqs[-1])
    assert (run.status, run.finish_reason) == (MessageStatus.COMPLETE, FinishReason.STOP)
    assert run.usage == story.end.usage
    assert run.ended_at is not None


def test_the_end_is_stored_before_it_is_told(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    living = world.launch()
    for delivery in (events := world.follow(living)):
        last = delivery
        stored = world.store.runs.get(living.turn.run.user_id, living.run_id)
    events.close()

    assert last.events[-1] == stored.terminal  # type: ignore[union-attr]  # the last is a batch
    assert world.provider.journal.count("settle_turn") == 1


def test_a_failure_is_stored_with_its_text(make_world: MakeWorld) -> None:
    world = make_world([Content("half"), ProviderError("It broke.")])
    living = world.launch()
    end = world.story_of(living).end
    run, text = world.stored(living)
    assert (run.terminal, run.status, run.finish_reason, text) == (
        end,
        MessageStatus.FAILED,
        None,
        "half",
    )


def test_the_cost_of_all_calls_is_told_and_booked(make_world: MakeWorld) -> None:
    busy = ProviderError("Busy.", code=FailureCode.OVERLOADED, may_retry=True)
    world = make_world([busy], said("a", "b"))
    living = world.launch(model="small")

    end = world.story_of(living).end

    assert end.cost == PRICE.cost(end.usage) == Cost(Decimal("0.000045"))
    assert [Decimal(row["amount"]) for row in world.ledger()] == [Decimal(0), end.cost.amount]


def test_the_cost_of_a_model_without_a_price_is_not_known(make_world: MakeWorld) -> None:
    world = make_world(said("a"))
    assert world.story_of(world.launch(model="large")).end.cost is None


def test_the_time_to_the_first_token_and_in_all_is_told(make_world: MakeWorld) -> None:
    world = make_world([0.03, Content("a"), 0.03, Finish(FinishReason.STOP)])
    end = world.story_of(world.launch()).end
    assert isinstance(end, Done)
    assert end.ttft_ms is not None
    assert 30 <= end.ttft_ms <= end.total_ms - 30


def test_readers_of_a_run_with_a_new_owner_end_without_a_terminal_event(
    make_world: MakeWorld,
) -> None:
    world = make_world([Content("a"), Event()])
    living = world.launch()
    events = world.follow(living)
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    world.store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
    world.runner.end(living.run_id, Ending.STOPPED)

    story = read_to_the_end(events)

    assert (story.text, story.terminals) == ("a", [])
    run, _ = world.stored(living)
    assert (run.is_active, run.epoch) == (True, 2)
    assert world.ledger() == []


def test_a_reply_that_was_lost_settles_nothing_twice(make_world: MakeWorld) -> None:
    world = make_world(said("once"), settle_seconds=5)
    world.runs.answers_lost.add("settle_turn")
    living = world.launch()
    events = world.follow(living)
    with gevent.Timeout(10):
        while "settle_turn" not in world.provider.journal:
            gevent.sleep(0.005)
    world.runs.answers_lost.clear()

    end = read_to_the_end(events).end

    assert end.persisted
    assert world.stored(living)[0].terminal == end
    assert len(world.ledger()) == 1


def test_a_run_whose_session_was_deleted_still_ends_for_its_readers(
    make_world: MakeWorld,
) -> None:
    world = make_world(said("gone"), settle_seconds=5)
    world.runs.answers_lost.add("settle_turn")
    living = world.launch()
    events = world.follow(living)
    with gevent.Timeout(10):
        while "settle_turn" not in world.provider.journal:
            gevent.sleep(0.005)
    run = living.turn.run
    world.store.sessions.delete(run.user_id, run.session_id)
    world.runs.answers_lost.clear()

    assert isinstance(read_to_the_end(events).end, Done)


@pytest.mark.parametrize(
    ("terminal", "status"),
    [
        (DONE, MessageStatus.COMPLETE),
        (replace(DONE, finish_reason=FinishReason.LENGTH), MessageStatus.COMPLETE),
        (replace(DONE, finish_reason=FinishReason.CONTENT_FILTER), MessageStatus.COMPLETE),
        (replace(DONE, finish_reason=FinishReason.BUDGET), MessageStatus.COMPLETE),
        (replace(DONE, finish_reason=FinishReason.STOPPED), MessageStatus.STOPPED),
        (replace(ERROR, code="interrupted"), MessageStatus.INTERRUPTED),
        (ERROR, MessageStatus.FAILED),
    ],
)
def test_each_end_has_its_status(terminal: Terminal, status: MessageStatus) -> None:
    assert status_of(terminal) is status
