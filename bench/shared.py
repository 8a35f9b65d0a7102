"""What Charla scales with: a private Supabase and a private Redis, as the tests have them."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

from stack.redis_server import RedisServer
from stack.supabase_stack import SupabaseStack


class Shared:
    """A database and a Redis for several workers."""

    def __init__(self) -> None:
        """Prepare them."""
        self._supabase = SupabaseStack()
        self._redis = RedisServer()

    def settings(self) -> dict[str, str]:
        """Give the settings that make a server use them."""
        return {**self._supabase.settings(), "REDIS_URL": self._redis.url}

    async def calls_of(self, work: Callable[[], Awaitable[object]]) -> Mapping[str, int]:
        """Count the calls that the database's gateway gets during some work."""
        self._supabase.requests.clear()
        await work()
        return Counter(line.rsplit("/", 1)[-1] for line in self._supabase.requests())

    def __enter__(self) -> Self:
        """Start both."""
        self._supabase.__enter__()
        self._redis.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End both."""
        self._redis.__exit__(kind, error, trace)
        self._supabase.__exit__(kind, error, trace)
