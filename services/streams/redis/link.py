"""What the run log says to Redis, and over which connections.

Any failure of Redis (away, slow, loading, full, a wrong password) is raised as LogUnavailable.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from services.redis.causes import FAILURES, cause_of
from services.redis.check import RedisUnavailable, check_client
from services.redis.rights import CHANNEL
from services.redis.worker_redis import WorkerRedis, close_client, script_of
from services.streams.base import LogUnavailable
from services.streams.redis.entries import Entry, FencedLog, LoadedLog, Unsent

_LOG, _OUTCOME, _STATUS = b"charla:run:", b"charla:outcome:", b"charla:status:"

_READ_ENTRIES = 200
"""Entries of a run in one read of the tail: four seconds of a flush every 20 ms."""

_LOAD_CONNECTIONS = 16
_QUEUE_SECONDS = 10.0
"""How long a reader may wait for a connection when many come at once."""
_HEARING_SECONDS = 5


class RedisLink:
    """Talks to one Redis: a connection that flushes, one that tails, and a few for all else.

    While Redis is away no caller waits for it; every failure has Redis looked at.
    """

    def __init__(self, redis: WorkerRedis, *, log_seconds: float, keep_seconds: float) -> None:
        """Connect at the first use.

        A log lives `log_seconds` from its opening, and `keep_seconds` from its end.
        """
        self.redis = redis
        self._seconds = max(1, round(log_seconds)), max(1, round(keep_seconds))
        self._any = redis.open(most=_LOAD_CONNECTIONS, queue_seconds=_QUEUE_SECONDS)
        self._flushing = redis.open()
        self._tailing = redis.open()
        # Asked now and then: nothing else tells a subscription that its peer is gone.
        self._hearing = redis.open(health_check_seconds=_HEARING_SECONDS)
        self._flush = script_of(self._flushing, Path(__file__).with_name("flush.lua"))
        self._fence = script_of(self._any, Path(__file__).with_name("fence.lua"))

    def check(self) -> None:
        """Raise RefusedRedis if logs would be lost in this Redis, LogUnavailable if it is away."""
        try:
            check_client(self._any)
        except RedisUnavailable as exc:
            raise LogUnavailable(str(exc)) from exc

    def flush(self, unsent: Sequence[Unsent], events: Sequence[bytes]) -> Mapping[int, str]:
        """Append an entry to each of many logs; `events` are those of each, encoded.

        Gives, for each log that could not be appended to, its index and the newest id there is
        instead.
        """
        header = msgspec.msgpack.encode(
            [(f"charla:run:{one.run_id}", one.before, one.id, one.is_end) for one in unsent]
        )
        with self._asking():
            failed = self._flush(args=[*self._seconds, header, *events])
        if failed is None:
            return {}
        return {
            index: found.decode() if isinstance(found, bytes) else found
            for index, found in msgspec.msgpack.decode(failed)
        }

    def fence(self, run_id: str, epoch: int) -> FencedLog:
        """Take a log over; give its entries, and the outcome that was kept."""
        raw = run_id.encode()
        with self._asking():
            found = self._fence(keys=[_LOG + raw, _OUTCOME + raw], args=[epoch, self._seconds[0]])
        return FencedLog(_entries(found[0]), found[1])

    def load(self, run_id: str) -> LoadedLog:
        """Read a whole log, empty where there is none, and the status that was set last."""
        raw = run_id.encode()
        with self._asking(), self._any.pipeline(transaction=False) as pipeline:
            entries, status = pipeline.xrange(_LOG + raw).get(_STATUS + raw).execute()
        return LoadedLog(_entries(entries), status)

    def read(self, positions: Mapping[str, bytes]) -> Mapping[str, list[Entry]]:
        """Read what came after these entries, of many logs at once; never waits for more."""
        keys = [_LOG + run_id.encode() for run_id in positions]
        with self._asking():
            found = self._tailing.xread(
                dict(zip(keys, positions.values(), strict=True)), count=_READ_ENTRIES
            )
        return {key[len(_LOG) :].decode(): _entries(entries) for key, entries in found or ()}

    def keep_outcome(self, run_id: str, outcome: bytes) -> None:
        """Keep how a run ends, for as long as its log would live."""
        with self._asking():
            self._any.set(_OUTCOME + run_id.encode(), outcome, ex=self._seconds[0])

    def keep_status(self, run_id: str, status: bytes | None, message: bytes) -> None:
        """Keep what waiting readers are shown (None: nothing), and tell all processes."""
        name = _STATUS + run_id.encode()
        with self._asking(), self._any.pipeline(transaction=False) as pipeline:
            if status is None:
                pipeline.delete(name)
            else:
                pipeline.set(name, status, ex=self._seconds[0])
            pipeline.publish(CHANNEL, message).execute()

    def publish(self, message: bytes) -> None:
        """Tell all processes."""
        with self._asking():
            self._any.publish(CHANNEL, message)

    def heard(self) -> Generator[bytes | None, None, None]:
        """Yield what is published, None while there is nothing new; ends with LogUnavailable."""
        with self._asking():
            losses = self.redis.losses
            pubsub = self._hearing.pubsub(ignore_subscribe_messages=True)
            try:
                pubsub.subscribe(CHANNEL)
                while self.redis.losses == losses and not self.redis.is_away:
                    message = pubsub.get_message(timeout=0)
                    yield None if message is None else message["data"]
                # The Redis that answers when it is back may be another server.
                raise LogUnavailable(self.redis.reason or "it was lost")
            finally:
                pubsub.close()

    def close(self) -> None:
        """Close all connections."""
        for client in (self._any, self._flushing, self._tailing, self._hearing):
            close_client(client)

    @contextmanager
    def _asking(self) -> Generator[None, None, None]:
        """Turn all failures of Redis and of the way to it into LogUnavailable."""
        if self.redis.is_away:
            raise LogUnavailable(self.redis.reason)
        try:
            yield
        except FAILURES as exc:
            self.redis.look(exc)
            raise LogUnavailable(str(cause_of(exc))) from exc


def _entries(reply: Iterable[Any]) -> list[Entry]:
    """Read entries as redis-py parses them: pairs of an id and a mapping or list of fields."""
    entries: list[Entry] = []
    for id_, fields in reply:
        name, value = next(iter(fields.items())) if isinstance(fields, dict) else fields[:2]
        entries.append(Entry(id_, value if name == b"e" else None))
    return entries
