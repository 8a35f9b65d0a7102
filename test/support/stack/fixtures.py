"""A pytest plugin: a real Supabase and a real Redis, started when first asked for."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest
from stack.redis_server import RedisServer
from stack.supabase_stack import SupabaseStack

MakeSupabase: TypeAlias = Callable[..., SupabaseStack]
MakeRedis: TypeAlias = Callable[..., RedisServer]


@pytest.fixture(scope="session")
def shared_supabase() -> Iterator[SupabaseStack]:
    """Start one Supabase for this test process."""
    with SupabaseStack() as stack:
        yield stack


@pytest.fixture
def supabase(shared_supabase: SupabaseStack) -> SupabaseStack:
    """Give a Supabase without rows; a test that breaks it uses `make_supabase` instead."""
    shared_supabase.reset()
    return shared_supabase


@pytest.fixture
def make_supabase() -> Iterator[MakeSupabase]:
    """Start stacks of the test's own, with the options of SupabaseStack; they end with the test."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(SupabaseStack(**options))


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """Start one Redis for this test process."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """Give a Redis without data; a test that breaks it uses `make_redis` instead."""
    shared_redis.flush()
    return shared_redis


@pytest.fixture
def make_redis() -> Iterator[MakeRedis]:
    """Start servers of the test's own, with the options of RedisServer; they end with the test."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(RedisServer(**options))
