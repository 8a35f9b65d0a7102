"""What is deleted after some time."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import gevent
import structlog
from gevent.event import Event
from worlds.run_world import MakeWorld, RunWorld, said
from worlds.stores import KEY, new_id, new_session

from services.domain.errors.outages import StoreUnavailable
from services.stores.base.store import Store
from services.streams.base import RunLog
from services.streams.memory import MemoryRunLog
from services.telemetry import logs
from services.worker.housekeeping import Housekeeping


class _ShakyStore(Store):
    """The store of a world; `tidied` counts, and `is_away` makes tidying fail."""

    def __init__(self, world: RunWorld) -> None:
        self.runs = world.runs
        self.users, self.logins = world.store.users, world.store.logins
        self.links = world.store.links
        self.sessions, self.messages = world.store.sessions, world.store.messages
        self._inner = world.store
        self.is_away = False
        self.tidied = 0

    def ping(self) -> None:
        self._inner.ping()

    def tidy(self) -> None:
        self.tidied += 1
        if self.is_away:
            raise StoreUnavailable
        self._inner.tidy()

    def close(self) -> None:
        self._inner.close()


def keeping(store: Store, log: RunLog, seconds: float = 3600) -> Housekeeping:
    """Keep house; keys live for an hour."""
    return Housekeeping(store=store, log=log, seconds=seconds, key_seconds=3600)


@contextmanager
def at_work(housekeeping: Housekeeping) -> Iterator[None]:
    """Let it work beside the test."""
    greenlet = gevent.spawn(housekeeping.run)
    with gevent.Timeout(10):
        yield
    assert not greenlet.ready()
    greenlet.kill()


def test_old_keys_are_deleted_and_young_ones_are_not(make_world: MakeWorld) -> None:
    world = make_world()
    user = new_id()
    made = new_session(user)
    world.store.sessions.create(made, KEY)
    house = keeping(world.store, world.log)

    house.purge(made.created_at + timedelta(minutes=59))
    assert world.store.runs.find_key(user, KEY) is not None
    house.purge(made.created_at + timedelta(minutes=61))
    assert world.store.runs.find_key(user, KEY) is None


def test_the_log_tells_how_much_was_purged(make_world: MakeWorld) -> None:
    world = make_world()
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.configure("info", "json", stream)
        keeping(world.store, world.log).purge(datetime.now(UTC))
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()

    line = json.loads(stream.getvalue())
    assert (line["event"], line["keys_and_checkpoints"], line["refresh_rows"]) == ("purged", 0, 0)
    assert line["links"] == 0


def test_old_logs_are_dropped_and_living_ones_are_not(make_world: MakeWorld) -> None:
    world = make_world(said("a"), [Event()])
    log = world.log = MemoryRunLog(0, 1 << 20)
    ended = world.launch()
    world.wait()
    lives = world.launch()
    gevent.sleep(0.01)
    assert log.ended_bytes > 0
    keeping(world.store, log).tidy()
    assert log.ended_bytes == 0
    assert (log.reader(ended.run_id), log.reader(lives.run_id) is not None) == (None, True)


def test_it_begins_at_the_start_and_goes_on(make_world: MakeWorld) -> None:
    world = make_world()
    store = _ShakyStore(world)
    with at_work(keeping(store, world.log, seconds=0.02)):
        while world.provider.journal.count("purge") < 3 or store.tidied < 3:
            gevent.sleep(0.005)


def test_a_store_that_is_away_is_tried_again(make_world: MakeWorld) -> None:
    world = make_world()
    store = _ShakyStore(world)
    store.is_away = True
    world.runs.away.add("purge")
    with at_work(keeping(store, world.log, seconds=0.02)):
        while world.provider.journal.count("purge") < 3 or store.tidied < 3:
            gevent.sleep(0.005)


def test_logs_are_dropped_though_the_store_breaks(make_world: MakeWorld) -> None:
    world = make_world(said("a"))
    world.log = MemoryRunLog(0.02, 1 << 20)
    store = _ShakyStore(world)
    world.runs.broken.add("purge")
    with at_work(keeping(store, world.log, seconds=0.02)):
        world.launch()
        world.wait()
        assert world.log.ended_bytes > 0
        while world.log.ended_bytes or world.provider.journal.count("purge") < 3:
            gevent.sleep(0.005)
