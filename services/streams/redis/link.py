"""The connections to Redis, and what is said over them.

Whatever goes wrong there (away, slow, loading, full, a wrong password) is LogUnavailable here.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.streams.base import LogUnavailable

CHANNEL = b"charla:nudges"
_LOG, _OUTCOME, _STATUS = b"charla:run:", b"charla:outcome:", b"charla:status:"

_READ_ENTRIES = 200
"""Entries of a run in one read of the tail: four seconds of a flush every 20 ms."""

_LOAD_CONNECTIONS = 16
_QUEUE_SECONDS = 10.0
"""How long one of many readers that come at once may wait for a connection."""
_MIN_TIMEOUT_SECONDS = 1.0
_CHECK_TIMEOUT_SECONDS = 3.0
_HEARING_SECONDS = 5

Entry = tuple[bytes, bytes | None]
"""The id of an entry and its events; None: it only hands the log to another owner."""


class RefusedRedis(Exception):
    """A Redis that would lose or misplace logs; the message says what to change."""


class RedisLink:
    """Talks to one Redis: a connection that flushes, one that tails, and a few for all else."""

    def __init__(
        self, url: str, *, timeout_seconds: float, log_seconds: float, keep_seconds: float
    ) -> None:
        """Connect at the first use.

        A log lives `log_seconds` from its opening, and `keep_seconds` from its end.
        """
        self._seconds = max(1, round(log_seconds)), max(1, round(keep_seconds))
        options: dict[str, Any] = {
            "socket_timeout": max(_MIN_TIMEOUT_SECONDS, 4 * timeout_seconds),
            "socket_connect_timeout": _MIN_TIMEOUT_SECONDS,
            # Ours tell the readers meanwhile, and know what a lost reply may have done.
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "client_name": "charla",
        }
        pool = redis.BlockingConnectionPool.from_url(
            url, max_connections=_LOAD_CONNECTIONS, timeout=_QUEUE_SECONDS, **options
        )
        # Any: redis-py types each reply as one of its synchronous and its asynchronous client.
        self._any: Any = redis.Redis(connection_pool=pool)
        self._flushing: Any = redis.Redis.from_url(url, **options)
        self._tailing: Any = redis.Redis.from_url(url, **options)
        # Asked now and then: nothing else tells a subscription that its peer is gone.
        self._hearing: Any = redis.Redis.from_url(
            url, health_check_interval=_HEARING_SECONDS, **options
        )
        self._flush = self._flushing.register_script(_script("flush"))
        self._fence = self._any.register_script(_script("fence"))

    def check(self) -> None:
        """Raise RefusedRedis where logs would be lost here, LogUnavailable where it is away."""
        with redis_errors():
            _judge(self._any.info())

    def ping(self) -> None:
        """Do the least that proves that it answers."""
        with redis_errors():
            self._any.ping()

    def flush(
        self, runs: Sequence[tuple[str, str, str, bool]], events: Sequence[bytes]
    ) -> Mapping[int, str]:
        """Append to many logs: each a run, its newest id, the id to write, and if that ends it.

        Gives for each that could not be appended, by its index, the newest id there is instead.
        """
        header = msgspec.msgpack.encode(
            [(f"charla:run:{run_id}", before, id_, ends) for run_id, before, id_, ends in runs]
        )
        with redis_errors():
            failed = self._flush(args=[*self._seconds, header, *events])
        if failed is None:
            return {}
        return {
            index: found.decode() if isinstance(found, bytes) else found
            for index, found in msgspec.msgpack.decode(failed)
        }

    def fence(self, run_id: str, epoch: int) -> tuple[list[Entry], bytes | None]:
        """Take a log over; give its entries, and the outcome that was kept."""
        raw = run_id.encode()
        with redis_errors():
            found = self._fence(keys=[_LOG + raw, _OUTCOME + raw], args=[epoch, self._seconds[0]])
        return _entries(found[0]), found[1]

    def load(self, run_id: str) -> tuple[list[Entry], bytes | None]:
        """Read a whole log, empty where there is none, and the status that was set last."""
        raw = run_id.encode()
        with redis_errors(), self._any.pipeline(transaction=False) as pipeline:
            entries, status = pipeline.xrange(_LOG + raw).get(_STATUS + raw).execute()
        return _entries(entries), status

    def read(self, positions: Mapping[str, bytes]) -> list[tuple[str, list[Entry]]]:
        """Read what came after these entries, of many logs at once; never waits for more."""
        keys = [_LOG + run_id.encode() for run_id in positions]
        with redis_errors():
            found = self._tailing.xread(
                dict(zip(keys, positions.values(), strict=True)), count=_READ_ENTRIES
            )
        return [(key[len(_LOG) :].decode(), _entries(entries)) for key, entries in found or ()]

    def keep_outcome(self, run_id: str, outcome: bytes) -> None:
        """Keep how a run ends, for as long as its log would live."""
        with redis_errors():
            self._any.set(_OUTCOME + run_id.encode(), outcome, ex=self._seconds[0])

    def keep_status(self, run_id: str, status: bytes | None, message: bytes) -> None:
        """Keep what waiting readers are told, None: nothing, and tell all processes."""
        name = _STATUS + run_id.encode()
        with redis_errors(), self._any.pipeline(transaction=False) as pipeline:
            if status is None:
                pipeline.delete(name)
            else:
                pipeline.set(name, status, ex=self._seconds[0])
            pipeline.publish(CHANNEL, message).execute()

    def publish(self, message: bytes) -> None:
        """Tell all processes."""
        with redis_errors():
            self._any.publish(CHANNEL, message)

    def heard(self) -> Generator[bytes | None, None, None]:
        """Yield what is published, None where there is nothing new; ends with LogUnavailable."""
        with redis_errors():
            pubsub = self._hearing.pubsub(ignore_subscribe_messages=True)
            try:
                pubsub.subscribe(CHANNEL)
                while True:
                    message = pubsub.get_message(timeout=0)
                    yield None if message is None else message["data"]
            finally:
                pubsub.close()

    def close(self) -> None:
        """Close all connections."""
        for client in (self._any, self._flushing, self._tailing, self._hearing):
            client.close()
            client.connection_pool.disconnect()


def check(url: str) -> None:
    """Look at a Redis before it is used: RefusedRedis, or LogUnavailable where it is away."""
    with redis_errors():
        client = redis.Redis.from_url(
            url,
            socket_timeout=_CHECK_TIMEOUT_SECONDS,
            socket_connect_timeout=_CHECK_TIMEOUT_SECONDS,
        )
        try:
            info: Any = client.info()
        finally:
            client.close()
    _judge(info)


def _judge(info: Mapping[str, Any]) -> None:
    if info.get("redis_mode") == "cluster":
        raise RefusedRedis("Redis Cluster is not supported: use a single Redis.")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise RefusedRedis(
            f"it may evict keys (maxmemory-policy {policy}), and with them answers that are being "
            "written: set maxmemory-policy noeviction."
        )


@contextmanager
def redis_errors() -> Generator[None, None, None]:
    """Turn everything that Redis and the way to it can fail with into LogUnavailable."""
    try:
        yield
    except (redis.RedisError, OSError) as exc:
        raise LogUnavailable(str(exc)) from exc


def _entries(reply: Iterable[Any]) -> list[Entry]:
    """Read entries as redis-py parses them: pairs of an id and a mapping or list of fields."""
    entries: list[Entry] = []
    for id_, fields in reply:
        name, value = next(iter(fields.items())) if isinstance(fields, dict) else fields[:2]
        entries.append((id_, value if name == b"e" else None))
    return entries


def _script(name: str) -> str:
    return (Path(__file__).parent / f"{name}.lua").read_text(encoding="utf-8")
