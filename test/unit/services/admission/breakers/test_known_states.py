"""What a worker knows of breakers without asking Redis, and what Redis has to keep of them."""

import time
from contextlib import closing
from typing import Any

from stack.redis_server import RedisServer
from subjects.shared_breakers import (
    CALL,
    CLOSED,
    MODEL,
    PATIENT,
    PROBE,
    REFUSED,
    MakeBreakers,
    fail,
    scripts,
)
from worlds.patience import eventually

from services.admission.breakers.shared import MOST_KNOWN


def test_a_closed_breaker_costs_redis_nothing_while_it_is_known(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server, known_seconds=30)
    assert breakers.admit(*MODEL) is CALL
    breakers.succeeded(*MODEL)
    before = scripts(redis_server)

    for tell in (breakers.succeeded, breakers.released):
        for _ in range(50):
            assert breakers.admit(*MODEL) is CALL
            tell(*MODEL)
    assert breakers.state(*MODEL) is CLOSED

    assert scripts(redis_server) == before


def test_what_others_did_is_known_a_moment_later(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    first, second = worker(redis_server), worker(redis_server, known_seconds=1)
    assert second.admit(*MODEL) is CALL
    fail(first, 3)
    opened = time.monotonic()
    assert second.admit(*MODEL) is CALL

    eventually(lambda: second.admit(*MODEL) is REFUSED)

    assert time.monotonic() - opened < 1.5


def test_what_a_worker_did_itself_it_knows_at_once(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server, known_seconds=30)

    fail(breakers, 3)
    assert breakers.admit(*MODEL) is REFUSED
    eventually(lambda: breakers.admit(*MODEL) is PROBE)
    breakers.released(*MODEL)
    assert breakers.admit(*MODEL) is PROBE
    breakers.succeeded(*MODEL)

    fail(breakers, 2)
    assert breakers.admit(*MODEL) is CALL
    breakers.succeeded(*MODEL)
    fail(breakers, 2)
    assert breakers.state(*MODEL) is CLOSED


def test_a_model_that_never_failed_leaves_nothing_in_redis(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server)
    for outcome in (breakers.succeeded, breakers.released):
        breakers.admit(*MODEL)
        outcome(*MODEL)
    breakers.state(*MODEL)

    with closing(redis_server.client()) as client:
        assert client.keys("*") == []


def test_failures_are_forgotten_by_redis_too(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server, PATIENT)

    for failures in (1, 2):
        fail(breakers, failures)
        with closing(redis_server.client()) as client:
            keys: Any = client.keys("*")
            lives: Any = [client.ttl(key) for key in keys]
        assert len(lives) == 1
        assert 3600 < lives[0] <= 3750


def test_names_of_models_do_not_fill_the_memory(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server, known_seconds=30)
    for i in range(MOST_KNOWN + 10):
        breakers.state("local", f"model {i}")
    before = scripts(redis_server)

    breakers.state("local", f"model {MOST_KNOWN + 5}")
    breakers.state("local", "model 1")

    assert scripts(redis_server) == before + 1
