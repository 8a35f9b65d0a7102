"""A pytest plugin: the two ways to run Charla, so that one suite holds for both.

The embedded column keeps everything in SQLite and in memory, the scaled column in a Supabase
project and in Redis. Every test that uses `column` (the servers and applications do) runs on both,
unless `only_on` says why it cannot.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from stack.redis_server import RedisServer
from stack.supabase_stack import SupabaseStack

EMBEDDED, SCALED = "embedded", "scaled"

SOON = {"BEAT_SECONDS": "0.5", "WORKER_DEAD_SECONDS": "3", "IDLE_CHECK_SECONDS": "1"}
"""Settings with which the answers of a killed worker are taken over after 3 s."""


@dataclass(slots=True)
class Stack:
    """The Supabase and the Redis of this test process; `keepers` counts the users of their data."""

    supabase: SupabaseStack
    redis: RedisServer
    keepers: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """One way to run, and the settings for it."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    server_settings: Mapping[str, str] = field(default_factory=dict)
    stack: Stack | None = None

    @property
    def is_scaled(self) -> bool:
        """Tell whether there is a database that several workers share."""
        return self.stack is not None

    @property
    def soon(self) -> Mapping[str, str]:
        """Give settings with which the runs of killed workers are taken over soon."""
        return SOON if self.is_scaled else {}

    @property
    def supabase(self) -> SupabaseStack:
        """Give the project; only the scaled column has one."""
        assert self.stack is not None
        return self.stack.supabase

    def empty(self) -> None:
        """Delete all rows and all logs, unless a server of the whole module uses them."""
        if self.stack is not None and not self.stack.keepers:
            self.stack.supabase.reset()
            self.stack.redis.flush()

    def forget_logs(self) -> None:
        """Delete the logs that `LOG_KEEP_SECONDS=0` leaves: Redis keeps them for a second."""
        if self.stack is not None:
            self.stack.redis.flush()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Empty the column, and keep it from being emptied during the block."""
        self.empty()
        if self.stack is None:
            yield
            return
        self.stack.keepers += 1
        try:
            yield
        finally:
            self.stack.keepers -= 1


def only_on(name: str, reason: str) -> pytest.MarkDecorator:
    """Run tests on one column only, because they are about something that only it has."""
    assert reason
    return pytest.mark.parametrize("column", [name], indirect=True)


@pytest.fixture(scope="session")
def stack(shared_supabase: SupabaseStack, shared_redis: RedisServer) -> Stack:
    """Give the servers in which the scaled column keeps everything."""
    return Stack(shared_supabase, shared_redis)


@pytest.fixture(scope="module", params=[EMBEDDED, SCALED])
def column(request: pytest.FixtureRequest) -> Column:
    """Give each way to run in turn; the scaled one has two workers.

    So a reader may be on another worker than the answer.
    """
    if request.param == EMBEDDED:
        return Column(EMBEDDED)
    stack: Stack = request.getfixturevalue("stack")
    shared = {**stack.supabase.settings(), "REDIS_URL": stack.redis.url}
    return Column(SCALED, shared, {**shared, "WEB_CONCURRENCY": "2"}, stack)
