"""Runs whose worker died: found by another worker, settled with what was saved."""

from decimal import Decimal

import gevent
import pytest
from gevent.event import Event
from worlds.run_world import MakeWorld, RunWorld, read_to_the_end, said
from worlds.stores import NOW, OTHER_WORKER, PRICE

from services.admission.quotas.base import Quota
from services.admission.quotas.local import LocalQuotas
from services.domain.costs import Usage, UsageSource
from services.domain.errors.codes import FailureCode
from services.domain.errors.outages import StoreUnavailable
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Done, Error
from services.domain.runs import Run
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.living.run import Ending, Living

BUSY = ProviderError("Busy.", code=FailureCode.OVERLOADED, may_retry=True)


def half_written(world: RunWorld, model: str = "large") -> Living:
    """Make a run that was half saved when its worker was last seen."""
    living = world.launch(model=model)
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    world.beat.beat()
    return living


def state(world: RunWorld, living: Living) -> tuple[Run, str]:
    """Read what the store has."""
    return world.stored(living)


def test_what_was_saved_is_the_text_of_an_interrupted_answer(make_world: MakeWorld) -> None:
    dead = make_world([Content("Grüße, "), Content("你"), Event()])
    living = half_written(dead)

    assert make_world(worker_id=OTHER_WORKER).reap_all_others() == 1

    run, text = state(dead, living)
    assert isinstance(run.terminal, Error)
    assert (run.status, run.epoch, text) == (MessageStatus.INTERRUPTED, 2, "Grüße, 你")
    assert (run.terminal.code, run.terminal.retryable) == ("interrupted", True)
    assert run.terminal_seq == 4


def test_the_call_that_was_under_way_is_booked_by_estimate(make_world: MakeWorld) -> None:
    dead = make_world([Content("a" * 40), Event()])
    living = half_written(dead, model="small")

    make_world(worker_id=OTHER_WORKER).reap_all_others()

    run, _ = state(dead, living)
    assert run.usage is not None
    assert (run.usage.output_tokens, run.usage.source) == (10, UsageSource.ESTIMATED)
    assert run.usage.input_tokens == sum(m.token_estimate for m in living.plan.first.messages)
    assert run.cost == PRICE.cost(run.usage)
    [row] = dead.ledger()
    assert Decimal(row["amount"]) == PRICE.cost(run.usage).amount
    assert (row["outcome"], row["usage_source"]) == ("failed", "estimated")


def test_calls_that_were_refused_before_are_booked_as_nothing(make_world: MakeWorld) -> None:
    dead = make_world([BUSY], [Content("a"), Event()])
    half_written(dead)

    make_world(worker_id=OTHER_WORKER).reap_all_others()

    assert [(row["attempt"], row["output_tokens"]) for row in dead.ledger()] == [(1, 0), (2, 1)]


def test_a_run_that_was_to_be_stopped_ends_as_stopped(make_world: MakeWorld) -> None:
    dead = make_world([Content("a"), Event()])
    living = half_written(dead)
    asked = living.turn.run
    dead.store.runs.request_stop(asked.user_id, asked.id, asked.created_at)

    make_world(worker_id=OTHER_WORKER).reap_all_others()

    run, text = state(dead, living)
    assert isinstance(run.terminal, Done)
    assert (run.status, run.finish_reason, text) == (
        MessageStatus.STOPPED,
        FinishReason.STOPPED,
        "a",
    )


def test_a_run_that_never_beat_is_settled_empty_with_its_call_booked(
    make_world: MakeWorld,
) -> None:
    dead = make_world([Content("lost"), Event()])
    living = dead.launch(model="small")
    with gevent.Timeout(10):
        dead.provider.is_reached.wait()

    assert make_world(worker_id=OTHER_WORKER).reap_all_others() == 1

    run, text = state(dead, living)
    assert (run.status, run.terminal_seq, text) == (MessageStatus.INTERRUPTED, 1, "")
    sent = sum(message.token_estimate for message in living.plan.first.messages)
    assert run.usage == Usage(sent, 0, source=UsageSource.ESTIMATED)
    [row] = dead.ledger()
    assert (row["attempt"], row["input_tokens"], row["usage_source"]) == (1, sent, "estimated")
    assert Decimal(row["amount"]) == PRICE.cost(run.usage).amount > 0


def test_many_runs_are_settled_in_one_go_and_only_once(make_world: MakeWorld) -> None:
    dead = make_world([Event()])
    begun = [dead.begin() for _ in range(45)]
    new = make_world(worker_id=OTHER_WORKER)

    assert new.reap_all_others() == 45
    assert new.reap_all_others() == 0
    assert new.store.runs.beat(OTHER_WORKER, [], NOW).others == {}
    assert not any(dead.store.runs.get(b.run.user_id, b.run.id).is_active for b in begun)


def test_a_session_takes_a_new_turn_after_its_run_was_reaped(make_world: MakeWorld) -> None:
    dead = make_world([Content("a"), Event()])
    session = dead.new_session()
    dead.begin(session)
    new = make_world(said("again"), worker_id=OTHER_WORKER)
    new.reap_all_others()

    living = new.living(new.begin(session))
    new.runner.launch(living)

    assert new.story_of(living).text == "again"


def test_own_runs_are_not_reaped(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    begun = world.begin()
    assert world.reap_all_others() == 0
    assert world.store.runs.get(begun.run.user_id, begun.run.id).is_active


def test_nothing_that_the_old_owner_does_is_seen_any_more(make_world: MakeWorld) -> None:
    more, last = Event(), Event()
    dead = make_world([Content("saved "), more, Content("not saved"), last])
    living = half_written(dead)
    events = dead.follow(living)
    make_world(worker_id=OTHER_WORKER).reap_all_others()
    before = state(dead, living)
    dead.provider.is_reached.clear()
    more.set()
    with gevent.Timeout(10):
        dead.provider.is_reached.wait()
    dead.runner.end(living.run_id, Ending.STOPPED)

    story = read_to_the_end(events)

    assert story.terminals == []
    assert state(dead, living) == before
    assert len(dead.ledger()) == 1


def test_a_reaper_that_died_between_claim_and_settle_is_followed_by_the_next(
    make_world: MakeWorld,
) -> None:
    dead = make_world([Content("kept"), Event()])
    living = half_written(dead)
    second = make_world(worker_id=OTHER_WORKER)
    second.runs.away.add("settle_turn")
    with pytest.raises(StoreUnavailable):
        second.reap_all_others()

    assert make_world(worker_id="worker-3").reap_all_others() == 1

    run, text = state(dead, living)
    assert (run.status, run.epoch, text) == (MessageStatus.INTERRUPTED, 3, "kept")


def test_one_run_that_cannot_be_settled_keeps_no_server_from_starting(
    make_world: MakeWorld,
) -> None:
    dead = make_world([Event()])
    bad, good = dead.begin(), dead.begin()
    new = make_world(worker_id=OTHER_WORKER)
    new.runs.poisoned.add(bad.run.id)

    assert new.reap_all_others() == 1

    assert dead.store.runs.get(bad.run.user_id, bad.run.id).is_active
    assert not dead.store.runs.get(good.run.user_id, good.run.id).is_active
    new.runs.poisoned.clear()
    new.beat.beat()
    assert not dead.store.runs.get(bad.run.user_id, bad.run.id).is_active


def test_a_run_that_waited_for_room_when_its_worker_died_has_made_no_call(
    make_world: MakeWorld,
) -> None:
    quotas = LocalQuotas({"scripted": Quota(requests=1)}, 60)
    dead = make_world([Content("a"), Event()], quotas=quotas)
    dead.launch()
    waiting = dead.launch()
    with gevent.Timeout(10):
        while not dead.queue.waiting("scripted"):
            gevent.sleep(0.001)
    dead.beat.beat()

    make_world(worker_id=OTHER_WORKER).reap_all_others()

    run, _ = state(dead, waiting)
    assert (run.status, run.attempts) == (MessageStatus.INTERRUPTED, ())
    assert len(dead.ledger()) == 1
