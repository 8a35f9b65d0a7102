"""Makes the faults: one after the other, some at the same time, as chance decides."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import psutil
from stack.server_process import ServerProcess
from torture.cluster import Cluster
from torture.faults import FaultKind, FaultLog

SECONDS: Mapping[FaultKind, tuple[float, float]] = {
    FaultKind.KILL_SERVER: (0.0, 3.0),
    FaultKind.PAUSE_WORKER: (0.3, 8.0),
    FaultKind.KILL_REDIS: (0.0, 5.0),
    FaultKind.PAUSE_REDIS: (0.3, 4.0),
    FaultKind.STOP_POSTGRES: (10.0, 16.0),
    FaultKind.GATEWAY_503: (0.5, 8.0),
    FaultKind.HANG_GATEWAY: (0.5, 5.0),
}
"""The least and the most seconds that a fault lasts; the others are over at once."""

Step = tuple[float, FaultKind, float]
"""The seconds since the previous fault, the fault, and the seconds that it lasts."""

Script = Sequence[Step]


class Weather:
    """Breaks a cluster and makes it whole again."""

    def __init__(
        self, cluster: Cluster, log: FaultLog, seed: str, blame: Callable[[str], None]
    ) -> None:
        """Do nothing yet; `blame` is called with each failure to break or restore something."""
        self._cluster = cluster
        self._log = log
        self._chance = random.Random(seed)  # noqa: S311 - so that a torture can be repeated
        self._blame = blame
        self._under_way: list[threading.Thread] = []
        self._only_one = {
            name: threading.Lock() for name in ("redis", "postgres", "gateway", "flush")
        }

    def play(self, step: Step) -> None:
        """Wait until a fault is due, and begin it."""
        pause, kind, seconds = step
        time.sleep(pause)
        self._begin(kind, seconds)

    def calm(self) -> float:
        """Wait until every fault is over and everything is back; give the time of that."""
        for thread in self._under_way:
            thread.join()
        self._under_way.clear()
        self._cluster.stack.wait_until_ready()
        return time.monotonic()

    def _begin(self, kind: FaultKind, seconds: float) -> None:
        # Random numbers are drawn here, in one thread: so the same seed draws the same.
        pick = self._chance.random()
        thread = threading.Thread(target=self._try, args=(kind, seconds, pick), daemon=True)
        self._under_way.append(thread)
        thread.start()

    def _try(self, kind: FaultKind, seconds: float, pick: float) -> None:
        try:
            self._do(kind, seconds, pick)
        except Exception as exc:  # noqa: BLE001 - a thread must report every failure
            self._blame(f"{kind} for {seconds:.1f} s: {exc!r}")

    def _do(self, kind: FaultKind, seconds: float, pick: float) -> None:
        match kind:
            case FaultKind.KILL_WORKER | FaultKind.PAUSE_WORKER:
                self._hit_worker(kind, seconds, pick)
            case FaultKind.KILL_SERVER | FaultKind.RESTART_SERVER:
                servers = self._cluster.servers
                self._end_server(kind, servers[int(pick * len(servers))], seconds)
            case FaultKind.KILL_REDIS | FaultKind.PAUSE_REDIS | FaultKind.FLUSH_REDIS:
                with self._alone("redis") as may:
                    if may:
                        self._hit_redis(kind, seconds)
            case FaultKind.STOP_POSTGRES:
                with self._alone("postgres") as may:
                    if may:
                        self._stop_postgres(seconds)
            case FaultKind.GATEWAY_503 | FaultKind.HANG_GATEWAY:
                with self._alone("gateway") as may:
                    if may:
                        self._hit_gateway(kind, seconds)

    def _hit_worker(self, kind: FaultKind, seconds: float, pick: float) -> None:
        workers = self._cluster.workers()
        if not workers:
            return
        server, worker = workers[int(pick * len(workers))]
        name = f"{worker.pid} of {server.port}"
        with contextlib.suppress(psutil.NoSuchProcess), self._log.note(kind, name):
            if kind is FaultKind.KILL_WORKER:
                worker.kill()
                return
            worker.suspend()
            time.sleep(seconds)
            worker.resume()

    def _end_server(self, kind: FaultKind, server: ServerProcess, seconds: float) -> None:
        lock = self._cluster.lock_of(server)
        if not lock.acquire(blocking=False):
            return
        try:
            with self._log.note(kind, str(server.port)):
                if kind is FaultKind.KILL_SERVER:
                    server.kill()
                else:
                    status = server.stop()
                    assert status == 0, f"it ended with {status}"
                time.sleep(seconds)
                server.start()
        finally:
            lock.release()

    def _hit_redis(self, kind: FaultKind, seconds: float) -> None:
        redis = self._cluster.redis
        with self._log.note(kind):
            match kind:
                case FaultKind.FLUSH_REDIS:
                    redis.flush()
                case FaultKind.PAUSE_REDIS:
                    redis.pause()
                    time.sleep(seconds)
                    redis.resume()
                case _:
                    redis.kill()
                    time.sleep(seconds)
                    redis.start()

    def _stop_postgres(self, seconds: float) -> None:
        stack = self._cluster.stack
        with self._log.note(FaultKind.STOP_POSTGRES):
            stack.stop_postgres()
            time.sleep(seconds)
            stack.start_postgres()

    def _hit_gateway(self, kind: FaultKind, seconds: float) -> None:
        stack = self._cluster.stack
        with self._log.note(kind):
            if kind is FaultKind.GATEWAY_503:
                stack.gateway_status(503)
                time.sleep(seconds)
                stack.gateway_status(None)
            else:
                stack.pause()
                time.sleep(seconds)
                stack.resume()

    @contextlib.contextmanager
    def _alone(self, what: str) -> Iterator[bool]:
        """Tell whether no other thread is breaking this now."""
        lock = self._only_one[what]
        taken = lock.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                lock.release()


def by_chance(
    seed: str, seconds: float, weights: Mapping[FaultKind, float], pause: tuple[float, float]
) -> Script:
    """Write a script of about so many seconds; the same seed gives the same script."""
    chance = random.Random(seed)  # noqa: S311 - so that a torture can be repeated
    kinds, script, at = list(weights), [], 0.0
    while at < seconds:
        kind = chance.choices(kinds, [weights[kind] for kind in kinds])[0]
        wait = chance.uniform(*pause)
        script.append((wait, kind, chance.uniform(*SECONDS.get(kind, (0.0, 0.0)))))
        at += wait
    return script
