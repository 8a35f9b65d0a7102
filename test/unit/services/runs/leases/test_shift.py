"""A worker that leaves: nothing that was under way puts it on record again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import gevent
import pytest
from gevent import Greenlet
from gevent.event import Event
from worlds.other_parts import app_with
from worlds.played import ShakyRuns
from worlds.stores import OTHER_WORKER

from services.domain.runs import BeatReply, ClaimedRun, RunBeat
from services.runs.leases.beat import Beat, BeatTimes
from services.runs.leases.reaper import Reaper
from services.runs.leases.shift import Shift
from services.runs.leases.takeover import Takeover
from services.stores.base.runs import RunStore
from services.stores.sqlite.store import SqliteStore
from services.worker.services import Background, Services

Result = TypeVar("Result")
LATE_SECONDS = 0.2


class LateRuns(ShakyRuns):
    """Does beats and claims late, whether their callers still wait or not."""

    def __init__(self, inner: RunStore) -> None:
        """Wrap a store that stays open; `late_seconds` None: not yet late."""
        super().__init__(inner, [])
        self.late_seconds: float | None = None
        self.reached = Event()
        self.done = Event()

    def beat(self, worker_id: str, beats: Sequence[RunBeat], now: datetime) -> BeatReply:
        """Pass the beat on late."""
        return self._late(lambda: self.inner.beat(worker_id, beats, now))

    def claim_dead(self, worker_id: str, dead: Sequence[str], limit: int) -> Sequence[ClaimedRun]:
        """Pass the claim on late."""
        return self._late(lambda: self.inner.claim_dead(worker_id, dead, limit))

    def _late(self, call: Callable[[], Result]) -> Result:
        if self.late_seconds is None:
            return call()
        on_its_way: Greenlet[[], Result] = gevent.spawn_later(self.late_seconds, call)
        self.reached.set()
        result = on_its_way.get()
        self.done.set()
        return result


def beating(runs: LateRuns, made: Services) -> tuple[Background, Callable[[], None]]:
    """Give a background whose beats come late, and its loop."""
    times = BeatTimes(pace=lambda: 60, unlisted_seconds=60)
    watch = made.background.watch
    adopt = made.background.takeover.adopt
    beat = Beat(runs, made.runner, made.worker_id, adopt, watch, times)
    return replace(made.background, beat=beat), beat.run


def taking_over(runs: LateRuns, made: Services) -> tuple[Background, Callable[[], None]]:
    """Give a background whose claims come late, and its loop."""
    reaper = Reaper(runs, made.log, made.worker_id, 1)
    takeover = Takeover(runs, made.background.outbox, reaper, 60)
    return replace(made.background, takeover=takeover), lambda: takeover.run(lambda: [OTHER_WORKER])


both = pytest.mark.parametrize("background", [beating, taking_over])


@contextmanager
def working(
    runs: LateRuns, background: Any, folder: Path, late_seconds: float = LATE_SECONDS
) -> Iterator[Services]:
    """Run a worker with one of its loops over other runs; it leaves at the end of the block."""
    loops: list[Callable[[], None]] = []

    def parts(made: Services) -> dict[str, Any]:
        changed, loop = background(runs, made)
        loops.append(loop)
        return {"background": changed}

    with app_with(parts, folder) as app, gevent.Timeout(10):
        services: Services = app.extensions["charla"]
        runs.late_seconds = late_seconds
        services.background.greenlets.append(gevent.spawn(*loops))
        runs.reached.wait()
        yield services


@both
def test_a_worker_that_left_stays_off_the_record(background: Any, tmp_path: Path) -> None:
    with closing(SqliteStore.open(tmp_path)) as store:
        runs = LateRuns(store.runs)
        with working(runs, background, tmp_path):
            """The worker leaves with a call under way."""
        gevent.sleep(2 * LATE_SECONDS)  # by then all has come that comes after the end

        others = store.runs.beat(OTHER_WORKER, [], datetime.now(UTC)).others
    assert others == {}


@both
def test_a_worker_between_two_rounds_leaves_at_once(background: Any, tmp_path: Path) -> None:
    with closing(SqliteStore.open(tmp_path)) as store:
        runs = LateRuns(store.runs)
        with working(runs, background, tmp_path) as services:
            runs.done.wait()
            gevent.sleep(0)
            loops = services.background
            with gevent.Timeout(5):
                (loops.beat if background is beating else loops.takeover).shift.end(60)


@both
def test_a_store_that_hangs_keeps_nobody_from_leaving(background: Any, tmp_path: Path) -> None:
    with (
        closing(SqliteStore.open(tmp_path)) as store,
        working(LateRuns(store.runs), background, tmp_path, late_seconds=3600),
    ):
        """The worker leaves with a call that never comes back."""


def test_no_round_begins_after_the_end() -> None:
    shift, rounds = Shift(), []

    def work() -> None:
        while True:
            with shift:
                rounds.append(1)
            gevent.sleep(0)

    loop = gevent.spawn(work)
    gevent.sleep(0)
    shift.end(1)
    seen = len(rounds)
    gevent.sleep(0.02)
    loop.kill()
    assert seen == len(rounds) > 0


def test_a_round_that_does_not_end_is_not_waited_for_long() -> None:
    shift = Shift()

    def hang() -> None:
        with shift:
            Event().wait()

    loop = gevent.spawn(hang)
    gevent.sleep(0)
    with gevent.Timeout(5):
        shift.end(0.01)
    loop.kill()
    assert loop.dead
