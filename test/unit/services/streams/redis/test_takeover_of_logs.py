"""Runs whose worker died or was taken for dead: nothing that it still writes can be seen."""

import gevent
from gevent.event import Event
from stack.redis_server import RedisServer
from worlds.run_world import MakeWorld, RunWorld, read_to_the_end, said
from worlds.stores import PRICE, call
from worlds.worker_readers import PATIENCE_SECONDS, begin_to_read, follow_on, reader_on

from services.domain.events import Content, Done, Error
from services.domain.sessions import MessageStatus
from services.runs.living.run import Living
from services.streams.redis import codec


def half_told(world: RunWorld) -> Living:
    """Make a run of which readers saw more than its checkpoints hold."""
    living = world.launch()
    begin_to_read(follow_on(world, living.run_id), 2)
    world.beat.beat()
    begin_to_read(follow_on(world, living.run_id), 3)
    return living


def test_the_log_has_the_last_words_of_a_dead_worker(make_worker: MakeWorld) -> None:
    pause = Event()
    dead = make_worker([Content("saved "), pause, Content("only told"), Event()])
    new = make_worker(worker_id="redis-b")
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 2)
    dead.beat.beat()
    pause.set()
    begin_to_read(follow_on(dead, living.run_id), 3)
    theirs = gevent.spawn(lambda: read_to_the_end(follow_on(new, living.run_id)))

    assert new.reap_all_others() == 1

    run, text = new.stored(living)
    assert (run.status, run.epoch, text) == (MessageStatus.INTERRUPTED, 2, "saved only told")
    story = theirs.get()
    assert (story.text, story.end) == (text, run.terminal)
    assert story.seqs == [1, 2, 3, 4]
    assert (run.terminal_epoch, run.terminal_seq) == (2, 4)


def test_what_a_worker_writes_after_it_was_taken_for_dead_is_seen_by_nobody(
    make_worker: MakeWorld,
) -> None:
    pause = Event()
    zombie = make_worker([Content("before "), pause, *said("after")])
    new = make_worker(worker_id="redis-b")
    living = zombie.launch()
    begin_to_read(follow_on(zombie, living.run_id), 2)
    its_readers = gevent.spawn(lambda: read_to_the_end(follow_on(zombie, living.run_id)))
    gevent.sleep(0)
    new.reap_all_others()

    pause.set()
    zombie.wait()

    assert its_readers.get().text == "before "
    assert its_readers.get().terminals == []
    run, text = new.stored(living)
    assert (run.status, text) == (MessageStatus.INTERRUPTED, "before ")
    assert read_to_the_end(follow_on(new, living.run_id)).text == "before "
    [row] = new.ledger()
    assert row["outcome"] == "failed"


def test_an_end_that_could_not_be_stored_is_stored_by_the_next_owner(
    make_worker: MakeWorld,
) -> None:
    dead = make_worker(said("the ", "whole"), settle_seconds=0.05)
    dead.runs.away.add("settle_turn")
    living = dead.launch()
    told = dead.story_of(living)
    assert not told.end.persisted
    new = make_worker(worker_id="redis-b")

    assert new.reap_all_others() == 1

    run, text = new.stored(living)
    assert isinstance(run.terminal, Done)
    assert (run.status, text) == (MessageStatus.COMPLETE, "the whole")
    assert (run.terminal_epoch, run.terminal_seq) == (1, told.seqs[-1])
    [row] = new.ledger()
    assert (row["outcome"], row["usage_source"]) == ("ok", "provider")
    assert read_to_the_end(follow_on(new, living.run_id)).events == told.events


def test_an_end_that_nobody_was_told_yet_is_told_by_the_next_owner(
    make_worker: MakeWorld,
) -> None:
    dead = make_worker(said("the ", "whole"), settle_seconds=60)
    dead.runs.away.add("settle_turn")
    living = dead.launch()
    with gevent.Timeout(PATIENCE_SECONDS):
        while not list(dead.folder.glob("outbox/*.json")):
            gevent.sleep(0.01)
    new = make_worker(worker_id="redis-b")
    theirs = gevent.spawn(lambda: read_to_the_end(follow_on(new, living.run_id)))

    new.reap_all_others()

    run, text = new.stored(living)
    assert (run.status, text) == (MessageStatus.COMPLETE, "the whole")
    assert theirs.get().end == run.terminal
    dead.runs.away.clear()


def test_a_log_that_lost_words_is_not_believed_over_the_checkpoints(
    make_worker: MakeWorld, redis_server: RedisServer
) -> None:
    dead = make_worker([Content("one "), Content("two"), Event()])
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 3)
    dead.beat.beat()
    redis_server.flush()
    new = make_worker(worker_id="redis-b")

    new.reap_all_others()

    run, text = new.stored(living)
    assert isinstance(run.terminal, Error)
    assert (run.status, text, run.terminal_seq) == (MessageStatus.INTERRUPTED, "one two", 4)


def test_a_log_that_fell_behind_the_checkpoints_is_brought_to_what_they_hold(
    make_shaky_worker: MakeWorld, own_redis: RedisServer
) -> None:
    pause = Event()
    dead = make_shaky_worker([Content("in both "), pause, Content("saved only"), Event()])
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 2)
    dead.log.flush(PATIENCE_SECONDS)
    own_redis.kill()
    pause.set()
    begin_to_read(follow_on(dead, living.run_id), 3)
    dead.beat.beat()
    dead.log.close()
    own_redis.start()
    new = make_shaky_worker(worker_id="redis-b")
    new.reap_all_others()

    story = read_to_the_end(follow_on(new, living.run_id))
    run, text = new.stored(living)
    assert story.text == text == "in both saved only"
    assert (story.end, story.seqs[-1]) == (run.terminal, run.terminal_seq)


def test_a_log_that_says_something_else_than_the_checkpoints_keeps_nobody_from_the_stored_end(
    make_worker: MakeWorld, redis_server: RedisServer
) -> None:
    dead = make_worker([Content("one "), Content("two"), Event()])
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 3)
    dead.beat.beat()
    redis_server.flush()
    stream = f"charla:run:{living.run_id}"
    redis_server.client().xadd(stream, {"e": codec.encode([Content("other")])}, id="1-1")
    new = make_worker(worker_id="redis-b")
    theirs = follow_on(new, living.run_id)

    new.reap_all_others()

    assert new.stored(living)[1] == "one two"
    assert read_to_the_end(theirs).terminals == []
    again = reader_on(new, living.run_id)
    new.log.conclude(new.stored(living)[0])
    assert (again.is_abandoned, again.has_ended) == (True, False)


def test_calls_that_only_the_log_tells_of_are_booked_by_the_next_owner(
    make_worker: MakeWorld, redis_server: RedisServer
) -> None:
    dead = make_worker([Content("a"), Event()])
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 2)
    dead.beat.beat()
    stream = f"charla:run:{living.run_id}"
    further = call(2, provider="other", model="fallback", price=PRICE)
    redis_server.client().xadd(stream, {"e": codec.encode([further])}, id="1-3")
    new = make_worker(worker_id="redis-b")

    new.reap_all_others()

    run, _ = new.stored(living)
    assert [(one.number, one.model, one.code) for one in run.attempts] == [
        (1, "large", ""),
        (2, "fallback", "interrupted"),
    ]
    assert (run.provider, run.model) == ("other", "fallback")
    assert run.usage is not None
    assert run.cost == PRICE.cost(run.usage)
