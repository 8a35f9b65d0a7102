"""Takeovers: no log is there, the owner comes back, the store goes away meanwhile."""

import pytest
from gevent.event import Event
from stack.redis_server import RedisServer
from worlds.run_world import MakeWorld, read_to_the_end, said
from worlds.worker_readers import PATIENCE_SECONDS, begin_to_read, follow_on, reader_on

from services.domain.errors.outages import StoreUnavailable
from services.domain.events import Content, Done
from services.domain.sessions import MessageStatus


def test_a_run_that_was_taken_over_before_its_first_flush_is_shown_by_nobody(
    make_worker: MakeWorld,
) -> None:
    zombie, new = make_worker(said("late")), make_worker(worker_id="redis-b")
    begun = zombie.begin()
    new.reap_all_others()

    living = zombie.living(begun)
    events = follow_on(zombie, living.run_id)
    zombie.runner.launch(living)

    assert read_to_the_end(events).events == []
    zombie.wait()
    run, text = new.stored(living)
    assert (run.status, text) == (MessageStatus.INTERRUPTED, "")


def test_a_worker_that_lost_its_run_hears_so_also_where_the_run_has_ended(
    make_worker: MakeWorld, redis_server: RedisServer
) -> None:
    go_on = Event()
    zombie = make_worker([Content("before "), go_on, Content("after"), Event()])
    living = zombie.launch()
    events = follow_on(zombie, living.run_id)
    begin_to_read(events, 2)
    make_worker(worker_id="redis-b").reap_all_others()
    redis_server.flush()

    go_on.set()

    assert read_to_the_end(events).text == ""
    zombie.wait()


def test_a_worker_that_comes_back_keeps_what_it_begins_then(make_worker: MakeWorld) -> None:
    back, new = make_worker([Event()]), make_worker(worker_id="redis-b")
    old = back.begin()
    named = iter([["redis-a"], []])

    assert new.reaper.reap(lambda: next(named)) == 1

    fresh = back.begin()
    assert new.reaper.reap(list) == 0
    assert not new.store.runs.get(old.run.user_id, old.run.id).is_active
    assert new.store.runs.get(fresh.run.user_id, fresh.run.id).is_active


def test_a_settle_whose_reply_was_lost_leaves_no_reader_of_the_reaper_waiting(
    make_worker: MakeWorld,
) -> None:
    dead, new = make_worker([Content("kept"), Event()]), make_worker(worker_id="redis-b")
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 2)
    dead.beat.beat()
    theirs = follow_on(new, living.run_id)
    begin_to_read(theirs, 2)
    new.runs.answers_lost.add("settle_turn")

    with pytest.raises(StoreUnavailable):
        new.reap_all_others()

    assert read_to_the_end(theirs).terminals == []
    new.runs.answers_lost.clear()
    again = reader_on(new, living.run_id)
    new.log.conclude(new.stored(living)[0])
    assert again.has_ended
    assert again.text() == "kept"


def test_a_claim_that_could_not_be_settled_is_settled_the_next_time(
    make_worker: MakeWorld,
) -> None:
    dead, new = make_worker([Content("kept"), Event()]), make_worker(worker_id="redis-b")
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 2)
    dead.beat.beat()
    new.runs.away.add("settle_turn")
    with pytest.raises(StoreUnavailable):
        new.reap_all_others()
    new.runs.away.clear()

    assert new.reaper.reap(list) == 1

    assert new.stored(living)[0].status is MessageStatus.INTERRUPTED


def test_a_told_end_is_kept_where_only_its_outcome_is_left(
    make_worker: MakeWorld, redis_server: RedisServer
) -> None:
    dead = make_worker(said("the ", "whole"), settle_seconds=0.05)
    dead.runs.away.add("settle_turn")
    living = dead.launch()
    told = dead.story_of(living)
    dead.log.flush(PATIENCE_SECONDS)
    redis_server.client().delete(f"charla:run:{living.run_id}")

    make_worker(worker_id="redis-b").reap_all_others()

    run, text = dead.stored(living)
    assert isinstance(run.terminal, Done)
    assert (run.status, text) == (MessageStatus.COMPLETE, "the whole")
    assert (run.terminal_epoch, run.terminal_seq) == (1, told.seqs[-1])


def test_a_told_end_keeps_its_id_over_two_takeovers(make_worker: MakeWorld) -> None:
    dead = make_worker(said("all"), settle_seconds=0.05)
    dead.runs.away.add("settle_turn")
    living = dead.launch()
    told = dead.story_of(living)
    second, third = make_worker(worker_id="redis-b"), make_worker(worker_id="redis-c")
    second.store.runs.claim_dead("redis-b", ["redis-a"], 10)
    second.log.take_over(living.run_id, 2)

    third.reap_all_others()

    run, _ = third.stored(living)
    assert (run.epoch, run.terminal_epoch, run.terminal_seq) == (3, 1, told.seqs[-1])


def test_a_told_end_whose_outcome_is_lost_is_booked_as_it_was_told(
    make_worker: MakeWorld, redis_server: RedisServer
) -> None:
    dead = make_worker(said("all"), settle_seconds=0.05)
    dead.runs.away.add("settle_turn")
    living = dead.launch()
    told = dead.story_of(living)
    dead.log.flush(PATIENCE_SECONDS)
    redis_server.client().delete(f"charla:outcome:{living.run_id}")

    make_worker(worker_id="redis-b").reap_all_others()

    run, _ = dead.stored(living)
    [row] = dead.ledger()
    assert (run.status, run.usage) == (MessageStatus.COMPLETE, told.end.usage)
    assert (row["outcome"], row["output_tokens"]) == ("ok", told.end.usage.output_tokens)


def test_a_record_that_nobody_reads_is_dropped_without_leaving_a_late_reader_waiting(
    make_worker: MakeWorld,
) -> None:
    writer, other = make_worker([Content("a"), Event()]), make_worker(worker_id="redis-b")
    living = writer.launch()
    begin_to_read(follow_on(writer, living.run_id), 2)
    late = reader_on(other, living.run_id)
    for replica in other.log._tail._replicas.values():  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else makes ten seconds pass
        replica.read_at -= 60

    other.log._tail.look_after()  # type: ignore[attr-defined]  # noqa: SLF001 - the same

    assert late.is_abandoned
    assert reader_on(other, living.run_id) is not late
