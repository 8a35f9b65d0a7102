"""Limits that several workers share, and what clients see while Redis is away."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from api.accounts import Account
from api.calls import ApiUser, refused
from api.key_server import PATH
from flask.testing import FlaskClient
from stack.redis_server import RedisServer
from werkzeug.test import TestResponse
from worlds.other_parts import app_with
from worlds.patience import eventually

from services.admission.shared_link import SharedLink, SharedTimes
from services.admission.turns import TurnAdmission
from services.admission.windows.shared import SharedWindows
from services.bootstrap.admission import build_turn_limit
from services.identity.key_set import KeySet
from services.identity.supabase_tokens import SupabaseRules, SupabaseTokens
from services.redis.worker_redis import WorkerRedis
from services.worker.services import Services

PROJECT = "http://127.0.0.1:9"
SECRET = "Zr4kT9wQm2XvL7pHc5NyB8sJd3GfUeAo"
USER_ID = "7c3f7f0e-3c0b-4d53-9a65-0d4a4e0f2b11"
SHORT = {"content": "/slow 0 /echo x"}
GUESS = {"email": "ann@example.org", "password": "a guess"}
WORKERS = 2

MakeWorker = Callable[[RedisServer], ApiUser]
MakeRedis = Callable[..., RedisServer]


@pytest.fixture
def token() -> str:
    """Give a token that is valid at every worker, whatever its store."""
    claims = {
        "iss": f"{PROJECT}/auth/v1",
        "sub": USER_ID,
        "aud": "authenticated",
        "exp": int(time.time()) + 3600,
        "role": "authenticated",
    }
    return jwt.encode(claims, SECRET, "HS256")


@pytest.fixture
def make_worker(tmp_path: Path, token: str) -> Iterator[MakeWorker]:
    """Start workers that count at a Redis; give the calls that one user makes at each."""
    with ExitStack() as stack:

        def make(server: RedisServer) -> ApiUser:
            folder = tmp_path / f"worker-{len(list(tmp_path.iterdir()))}"
            limits = {"RATE_LIMIT_AI": "4 per minute", "RATE_LIMIT_LOGIN": "4 per minute"}
            app = stack.enter_context(app_with(lambda one: parts(one, server), folder, **limits))
            return ApiUser(app.test_client(), Account("", {"access_token": token}))

        yield make


def parts(services: Services, server: RedisServer) -> dict[str, Any]:
    rules = SupabaseRules(url=PROJECT, secret=SECRET, leeway_seconds=0)

    def tell(away: bool) -> None:  # noqa: FBT001 - as it is called
        services.metrics.limits_counted_apart(apart=away)

    link = SharedLink(WorkerRedis(server.url), WORKERS, tell, SharedTimes(retry=0.05))
    windows = SharedWindows(link)
    tokens = SupabaseTokens(rules, KeySet(PROJECT + PATH), services.store.users.tenant_id)
    turn_limit = build_turn_limit(services.settings, windows)
    return {
        "identity": replace(services.identity, supabase_tokens=tokens),
        "counters": replace(services.counters, windows=windows),
        "turns": TurnAdmission(turn_limit, services.answering.queue),
    }


def send(worker: ApiUser, **headers: str) -> TestResponse:
    return worker.post("/api/chat", SHORT, **headers)


def log_in(client: FlaskClient) -> TestResponse:
    return client.post("/api/auth/login", json=GUESS)


def statuses(worker: ApiUser, times: int) -> list[int]:
    return [send(worker).status_code for _ in range(times)]


def is_counted_apart(worker: ApiUser) -> bool:
    lines = worker.client.get("/metrics").text.splitlines()
    return "charla_limits_counted_apart 1.0" in lines


def calls(server: RedisServer) -> int:
    """Count the commands that came, except those of this count."""
    with closing(server.client()) as client:
        stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


def test_messages_sent_at_any_worker_count(
    redis_server: RedisServer, make_worker: MakeWorker
) -> None:
    first, second = make_worker(redis_server), make_worker(redis_server)

    answers = [send(worker) for worker in (first, second, first, second)]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["3", "2", "1", "0"]
    for worker in (first, second):
        refusal = send(worker)
        refused(refusal, 429, "rate_limited")
        assert 50 < int(refusal.headers["Retry-After"]) <= 60
        assert refusal.headers["RateLimit-Limit"] == "4"


def test_logins_tried_at_any_worker_count(
    redis_server: RedisServer, make_worker: MakeWorker
) -> None:
    first, second = make_worker(redis_server).client, make_worker(redis_server).client

    answers = [log_in(client) for client in (first, second, first, second, first, second)]

    assert [answer.status_code for answer in answers] == [401] * 4 + [429] * 2
    assert answers[1].headers["RateLimit-Remaining"] == "2"
    assert answers[4].headers["RateLimit-Remaining"] == "0"


def test_a_repeat_at_another_time_costs_nothing(
    redis_server: RedisServer, make_worker: MakeWorker
) -> None:
    worker = make_worker(redis_server)

    answers = [send(worker, Idempotency_Key="k") for _ in range(3)]

    assert {answer.headers["RateLimit-Remaining"] for answer in answers} == {"3"}
    assert statuses(worker, 4) == [200, 200, 200, 429]
    assert send(worker, Idempotency_Key="k").status_code == 200


def test_a_limited_request_asks_redis_once_and_others_never(
    redis_server: RedisServer, make_worker: MakeWorker
) -> None:
    worker = make_worker(redis_server)
    send(worker)

    def asked(request: Callable[[], TestResponse]) -> int:
        before = calls(redis_server)
        assert request().status_code < 500
        return calls(redis_server) - before

    assert asked(lambda: send(worker)) == 1
    assert asked(lambda: log_in(worker.client)) == 1
    assert asked(lambda: worker.client.post("/api/auth/register", json=GUESS)) == 2
    for path in ("/sessions", "/api/auth/me", "/api/providers", "/health", "/metrics"):
        assert asked(lambda path=path: worker.get(path)) == 0  # type: ignore[misc]  # bound at once
    assert asked(lambda: worker.post("/sessions", {})) == 0


def test_without_redis_each_worker_gives_its_share_in_time(
    make_redis: MakeRedis, make_worker: MakeWorker
) -> None:
    server = make_redis()
    first, second = make_worker(server), make_worker(server)
    assert statuses(first, 1) == [200]

    server.kill()

    began = time.monotonic()
    assert statuses(first, 4) == [200, 200, 429, 429]
    assert statuses(second, 4) == [200, 200, 429, 429]
    answers = [log_in(first.client) for _ in range(3)]
    assert time.monotonic() - began < 5
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[2].headers["RateLimit-Limit"] == "4"
    assert is_counted_apart(first)
    assert is_counted_apart(second)


def test_workers_share_again_when_redis_is_back(
    make_redis: MakeRedis, make_worker: MakeWorker
) -> None:
    server = make_redis()
    first, second = make_worker(server), make_worker(server)
    assert statuses(first, 3) == [200] * 3
    server.pause()
    log_in(first.client)
    log_in(second.client)
    assert is_counted_apart(first)

    server.resume()
    for worker in (first, second):
        eventually(lambda worker=worker: is_back(worker))  # type: ignore[misc]  # bound at once

    assert statuses(second, 2) == [200, 429]
    assert statuses(first, 1) == [429]


def is_back(worker: ApiUser) -> bool:
    """Log in, which has a limit of its own, until the worker has found Redis again."""
    assert log_in(worker.client).status_code in (401, 429)
    return not is_counted_apart(worker)


def test_a_worker_starts_without_redis(make_redis: MakeRedis, make_worker: MakeWorker) -> None:
    server = make_redis()
    server.kill()

    assert statuses(make_worker(server), 3) == [200, 200, 429]
