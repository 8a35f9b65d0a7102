"""Without what a server on Supabase and Redis refuses to start, and without what it starts."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from api.chat_client import ChatClient
from source_tree import ROOT
from stack.fixtures import MakeRedis, MakeSupabase
from stack.redis_server import RedisServer
from stack.server_process import START_SECONDS, ServerProcess, find_free_port
from stack.supabase_stack import SupabaseStack
from worlds.patience import eventually

QUICK = {"WORKER_DEAD_SECONDS": "3", "BEAT_SECONDS": "0.5"}


def refusal(folder: Path, settings: Mapping[str, str]) -> str:
    """Start a server that must not start, and give what it says."""
    told = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "DATA_DIR": str(folder / "refused"),
            "PORT": str(find_free_port()),
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )
    assert told.returncode == 2, told.stderr
    assert "Traceback" not in told.stderr
    return told.stderr


@pytest.mark.parametrize(
    "lack",
    [
        "drop function public.charla_status",
        "delete from charla.migrations where version > '20261121090000'",
    ],
    ids=["all", "the newest"],
)
def test_a_project_without_the_migrations_is_refused_with_one_sentence(
    make_supabase: MakeSupabase, tmp_path: Path, lack: str
) -> None:
    stack = make_supabase()
    stack.sql(lack)
    stack.reload()

    told = refusal(tmp_path, stack.settings())

    assert "supabase db push" in told
    assert len(told.strip().splitlines()) == 1


def test_a_key_that_has_expired_is_refused_with_what_to_do(
    supabase: SupabaseStack, tmp_path: Path
) -> None:
    key = supabase.keys.expired_service

    told = refusal(tmp_path, {**supabase.settings(), "SUPABASE_KEY": key})

    assert "SUPABASE_KEY" in told
    assert key not in told


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"cluster": True}, "Cluster"), ({"eviction": "allkeys-lru"}, "maxmemory-policy noeviction")],
)
def test_a_redis_that_would_lose_answers_is_refused(
    make_redis: MakeRedis,
    supabase: SupabaseStack,
    tmp_path: Path,
    options: Mapping[str, object],
    reason: str,
) -> None:
    server = make_redis(**options)

    told = refusal(tmp_path, {**supabase.settings(), "REDIS_URL": server.url})

    assert "REDIS_URL" in told
    assert reason in told


def test_a_redis_that_does_not_let_the_server_in_is_refused_with_the_reason(
    redis_server: RedisServer, supabase: SupabaseStack, tmp_path: Path
) -> None:
    nowhere = redis_server.url[:-1] + "77"

    told = refusal(tmp_path, {**supabase.settings(), "REDIS_URL": nowhere})

    assert "REDIS_URL: it has no database of that number." in told


def test_a_second_server_without_redis_is_refused_while_the_first_lives(
    supabase: SupabaseStack, tmp_path: Path
) -> None:
    settings = {**supabase.settings(), **QUICK}
    with ServerProcess(tmp_path / "first", settings) as first:
        assert "REDIS_URL" in refusal(tmp_path, settings)
        first.kill()

        with ServerProcess(tmp_path / "second", settings) as second:
            assert ChatClient.registered(second.url).user["role"] == "admin"


def test_of_two_servers_neither_may_lack_redis(
    supabase: SupabaseStack, redis_server: RedisServer, tmp_path: Path
) -> None:
    alone = {**supabase.settings(), **QUICK}
    sharing = {**alone, "REDIS_URL": redis_server.url}
    with ServerProcess(tmp_path / "first", sharing):
        assert "REDIS_URL" in refusal(tmp_path, alone)
    with ServerProcess(tmp_path / "second", alone):
        assert "REDIS_URL" in refusal(tmp_path, sharing)


def test_a_server_that_ended_well_leaves_no_trace_among_the_workers(
    supabase: SupabaseStack, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = {**supabase.settings(), "REDIS_URL": redis_server.url}
    with ServerProcess(tmp_path, settings) as server:
        assert len(supabase.sql("select id from workers")) == 1
        server.stop()

    assert supabase.sql("select id from workers") == []


def test_a_server_starts_while_redis_is_away_and_says_degraded(
    supabase: SupabaseStack, make_redis: MakeRedis, tmp_path: Path
) -> None:
    redis = make_redis()
    redis.stop()
    settings = {**supabase.settings(), **QUICK, "REDIS_URL": redis.url}
    with ServerProcess(tmp_path, settings) as server:
        client = ChatClient.registered(server.url)
        session = client.new_session()
        eventually(lambda: client.call("GET", "/ready").json["status"] == "degraded")
        assert "Redis is away (nobody listens at its address)" in server.output()
        ready = client.call("GET", "/ready")
        answer = client.call("POST", "/api/chat", {"session_id": session, "content": "/echo there"})

    assert (ready.status, ready.json["checks"]["log"]) == (200, "degraded")
    assert (answer.status, answer.json["content"]) == (200, "there")
