"""What readers see while Redis is away, has forgotten everything, or comes back."""

from typing import Any

import gevent
from gevent.event import Event
from stack.redis_server import RedisServer
from worlds.run_world import MakeWorld, RunWorld, read_to_the_end, said
from worlds.worker_readers import PATIENCE_SECONDS, begin_to_read, follow_on, reader_on

from services.domain.events import Content
from services.domain.runs import Piece
from services.domain.sessions import MessageStatus
from services.streams.base import LogReader


def until(world: RunWorld, *, degraded: bool) -> None:
    """Wait until a worker has noticed."""
    with gevent.Timeout(PATIENCE_SECONDS):
        while world.log.is_degraded != degraded:
            gevent.sleep(0.01)


def text_on(world: RunWorld, run_id: str, text: str) -> LogReader:
    """Wait until a worker's log of a run holds this text."""
    with gevent.Timeout(PATIENCE_SECONDS):
        while (reader := reader_on(world, run_id)).text() != text:
            gevent.sleep(0.01)
    return reader


def test_readers_of_the_own_runs_go_on_while_redis_is_away(
    make_shaky_worker: MakeWorld, own_redis: RedisServer
) -> None:
    go_on = Event()
    writer = make_shaky_worker([Content("before "), go_on, *said("meanwhile")])
    living = writer.launch()
    events = follow_on(writer, living.run_id)
    seen = begin_to_read(events, 2)

    own_redis.kill()
    go_on.set()

    story = read_to_the_end(events)
    assert seen.text + story.text == "before meanwhile"
    assert writer.log.is_degraded
    assert writer.stored(living)[1] == "before meanwhile"


def test_what_was_written_meanwhile_reaches_the_others_when_redis_is_back(
    make_shaky_worker: MakeWorld, own_redis: RedisServer
) -> None:
    go_on, end = Event(), Event()
    writer = make_shaky_worker([Content("before "), go_on, Content("while away "), end, *said("!")])
    other = make_shaky_worker(worker_id="redis-b")
    living = writer.launch()
    theirs = follow_on(other, living.run_id)
    begin_to_read(theirs, 2)

    own_redis.kill()
    go_on.set()
    text_on(writer, living.run_id, "before while away ")
    own_redis.start()
    until(writer, degraded=False)
    writer.log.flush(PATIENCE_SECONDS)
    end.set()

    story = read_to_the_end(theirs)
    assert story.text == "while away !"
    assert story.seqs == [3, 4, 5]


def test_a_log_that_redis_forgot_is_written_again_by_its_owner(
    make_worker: MakeWorld, redis_server: RedisServer
) -> None:
    go_on, end = Event(), Event()
    writer = make_worker([Content("before "), go_on, Content("after"), end, *said()])
    living = writer.launch()
    begin_to_read(follow_on(writer, living.run_id), 2)

    redis_server.flush()
    go_on.set()
    text_on(writer, living.run_id, "before after")
    events = follow_on(make_worker(worker_id="redis-b"), living.run_id)
    end.set()

    story = read_to_the_end(events)
    assert (story.text, story.seqs) == ("before after", [1, 2, 3, 4])


def test_a_log_that_redis_forgot_is_not_written_again_by_who_lost_the_run(
    make_worker: MakeWorld, redis_server: RedisServer
) -> None:
    go_on = Event()
    zombie = make_worker([Content("before "), go_on, *said("after")])
    living = zombie.launch()
    begin_to_read(follow_on(zombie, living.run_id), 2)
    redis_server.flush()
    make_worker(worker_id="redis-b").reap_all_others()

    go_on.set()
    zombie.wait()

    assert zombie.stored(living)[0].status is MessageStatus.INTERRUPTED
    entries: Any = redis_server.client().xrange(f"charla:run:{living.run_id}")
    assert [fields for _, fields in entries] == [{b"f": b""}]  # the fence, and nothing after it


def test_a_run_of_another_worker_is_read_from_its_checkpoints_while_redis_is_away(
    make_shaky_worker: MakeWorld, own_redis: RedisServer
) -> None:
    go_on = Event()
    writer = make_shaky_worker([Content("saved "), go_on, *said("and on")])
    other = make_shaky_worker(worker_id="redis-b")
    living = writer.launch()
    begin_to_read(follow_on(writer, living.run_id), 2)
    writer.beat.beat()
    own_redis.kill()
    until(other, degraded=True)
    run = living.turn.run
    assert other.log.reader(run.id) is None

    so_far = other.store.runs.progress(run.user_id, run.id)
    reader = other.log.follow_from(run, so_far)

    assert so_far == Piece(2, "saved ")
    assert reader is not None
    assert (reader.text(), reader.top, reader.is_whole) == ("saved ", 2, False)
    events = follow_on(other, run.id, after=2)
    own_redis.start()
    go_on.set()
    story = read_to_the_end(events)
    assert (story.text, story.seqs) == ("and on", [3, 4])


def test_a_dead_workers_run_waits_for_a_redis_that_is_away(
    make_shaky_worker: MakeWorld, own_redis: RedisServer
) -> None:
    dead = make_shaky_worker([Content("only in redis"), Event()])
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 2)
    dead.log.flush(PATIENCE_SECONDS)
    new = make_shaky_worker(worker_id="redis-b")
    own_redis.stop()
    until(new, degraded=True)

    assert new.reap_all_others() == 0
    own_redis.start()
    until(new, degraded=False)
    assert new.reap_all_others() == 1

    assert new.stored(living)[1] == "only in redis"


def test_a_dead_workers_run_ends_from_its_checkpoints_where_redis_stays_away(
    make_shaky_worker: MakeWorld, own_redis: RedisServer
) -> None:
    dead = make_shaky_worker([Content("saved"), Event()])
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 2)
    dead.beat.beat()
    new = make_shaky_worker(worker_id="redis-b")
    own_redis.stop()
    until(new, degraded=True)

    with gevent.Timeout(PATIENCE_SECONDS):
        while new.reap_all_others() == 0:
            gevent.sleep(0.05)

    run, text = new.stored(living)
    assert (run.status, text) == (MessageStatus.INTERRUPTED, "saved")
