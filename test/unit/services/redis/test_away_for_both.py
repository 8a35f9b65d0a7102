"""Streams and limits of a worker have one Redis: what one of them finds out, both know."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import gevent
import pytest
from gevent.event import Event
from stack.redis_server import RedisServer
from worlds.redis_logs import redis_log
from worlds.run_world import MakeWorld, RunWorld, read_to_the_end, said
from worlds.worker_readers import PATIENCE_SECONDS, begin_to_read, follow_on

from services.admission.shared_link import SharedLink, SharedTimes
from services.admission.windows.shared import SharedWindows
from services.domain.events import Content
from services.domain.limits import Limit
from services.redis.worker_redis import WorkerRedis
from services.streams.redis.degradation import Degradation
from services.telemetry.metrics import Metrics

SIX = Limit("6 per minute", 6, 60)
LONG_SECONDS = 60.0
"""With readers so patient, a worker looks at Redis by itself only after the end of a test."""


@dataclass
class Worker:
    """Streams, with a run if there is a script, and limits; `changes` are those of limits."""

    world: RunWorld
    windows: SharedWindows
    redis: WorkerRedis
    changes: list[bool] = field(default_factory=list)

    @property
    def is_degraded(self) -> bool:
        """Tell what `/ready` would."""
        return self.world.log.is_degraded

    def takes(self, times: int = 8) -> int:
        """Take, and count how often there was room."""
        return sum(self.windows.take("ann", [SIX]).fits for _ in range(times))


MakeWorker = Callable[..., Worker]


@pytest.fixture
def server(make_redis: Callable[..., RedisServer]) -> RedisServer:
    """Give a Redis that may be broken."""
    return make_redis()


@pytest.fixture
def make_worker(make_world: MakeWorld, server: RedisServer) -> Iterator[MakeWorker]:
    """Make one of three workers: `make_worker(script, patience=60, answer=0.05)`."""
    made: list[Worker] = []

    def make(*scripts: object, patience: float = 0.25, answer: float = 0.25) -> Worker:
        redis, changes = WorkerRedis(server.url, patience), list[bool]()
        link = SharedLink(redis, 3, changes.append, SharedTimes(answer=answer, retry=0.05))
        world = make_world(
            *scripts,
            open_log=lambda runs, metrics: redis_log(redis, runs, metrics, patience=patience),
        )
        made.append(Worker(world, SharedWindows(link), redis, changes))
        gevent.sleep(0)  # so that all that runs beside the requests has begun
        return made[-1]

    yield make
    for worker in made:
        worker.windows.close()


def until(holds: Callable[[], bool]) -> None:
    """Let greenlets and threads work until it holds."""
    with gevent.Timeout(PATIENCE_SECONDS):
        while not holds():
            gevent.sleep(0.005)


def looks_at(server: RedisServer) -> int:
    """Count the looks that the server has seen."""
    with closing(server.client()) as client:
        stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_eval", {"calls": 0})["calls"])


def events_in(lines: io.StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in lines.getvalue().splitlines()]


def test_what_the_limits_find_away_is_away_for_the_streams_at_once(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(patience=LONG_SECONDS)
    assert worker.takes(1) == 1

    server.kill()

    assert worker.takes() == 2
    until(lambda: worker.is_degraded)


def test_what_the_streams_find_away_is_away_for_the_limits_before_they_ask(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker([Event()], patience=LONG_SECONDS)
    server.kill()
    assert worker.changes == []

    worker.world.launch()

    until(lambda: worker.changes == [True])
    assert worker.is_degraded
    assert worker.takes() == 2


def test_a_redis_that_hangs_is_found_by_the_streams_and_no_request_waits_for_it(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(answer=LONG_SECONDS)
    server.pause()
    try:
        until(lambda: worker.changes == [True])
        with gevent.Timeout(LONG_SECONDS / 2):
            assert worker.takes() == 2
        until(lambda: worker.is_degraded)  # the same look is told to one after the other
    finally:
        server.resume()
    until(lambda: worker.changes == [True, False])


def test_when_redis_is_back_both_go_on_without_being_asked_for_anything(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(patience=LONG_SECONDS)
    server.kill()
    assert worker.takes() == 2
    until(lambda: worker.is_degraded)

    server.start()

    until(lambda: worker.changes == [True, False] and not worker.is_degraded)
    assert worker.takes() == 6


def test_what_was_written_while_the_limits_had_found_redis_away_is_sent_when_it_is_back(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    go_on, end = Event(), Event()
    worker = make_worker([Content("before "), go_on, Content("meanwhile "), end, *said("after")])
    living = worker.world.launch()
    events = follow_on(worker.world, living.run_id)
    begin_to_read(events, 2)
    server.kill()
    worker.takes(1)
    until(lambda: worker.is_degraded)
    go_on.set()
    begin_to_read(events, 1)

    server.start()
    until(lambda: not worker.is_degraded)
    end.set()

    assert read_to_the_end(events).text == "after"
    worker.world.log.flush(PATIENCE_SECONDS)
    with closing(server.client()) as client:
        entries: Any = client.xrange(f"charla:run:{living.run_id}")
    assert entries


def test_an_answer_that_is_late_for_the_limits_only_leaves_the_streams_alone(
    make_worker: MakeWorker, server: RedisServer, lines: io.StringIO
) -> None:
    worker = make_worker(patience=LONG_SECONDS, answer=0.05)
    assert worker.takes(1) == 1
    with closing(server.client()) as client:
        client.client_pause(400)

    worker.takes(1)

    assert worker.changes == [True]
    until(lambda: worker.changes == [True, False])
    assert not worker.is_degraded
    assert events_in(lines) == ["limits_counted_apart", "limits_counted_together"]


def test_a_flush_that_is_late_leaves_the_limits_alone(
    make_worker: MakeWorker, server: RedisServer, lines: io.StringIO
) -> None:
    worker = make_worker(patience=LONG_SECONDS)
    turns: list[bool] = []
    flushes = Degradation(worker.redis, 0.02, Metrics(), turns.append, lambda: True)
    watching = gevent.spawn(flushes.run)
    try:
        with flushes.sending():
            until(lambda: flushes.is_on)
            before = looks_at(server)
            until(lambda: looks_at(server) > before)
    finally:
        watching.kill()
        flushes.close()

    assert turns == [True, False]
    assert worker.changes == []
    assert not worker.redis.is_away
    assert events_in(lines) == ["log_degraded", "log_recovered"]


def test_an_error_of_a_script_is_no_redis_that_is_away(
    make_worker: MakeWorker, server: RedisServer, lines: io.StringIO
) -> None:
    worker = make_worker(patience=LONG_SECONDS)
    with closing(server.client()) as client:
        client.set("charla:limit:ann:6/60", "not a count")
        worker.takes(1)
        assert worker.changes == [True]
        until(lambda: worker.changes == [True, False])
        client.flushall()

    assert worker.takes() == 6
    assert not worker.is_degraded
    assert events_in(lines) == ["limits_counted_apart", "limits_counted_together"]
