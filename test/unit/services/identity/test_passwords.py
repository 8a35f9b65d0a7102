"""Hashing passwords beside the hub."""

import os
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from services.identity.passwords import YIELDING, Passwords

TASKS = Path("/proc/self/task")
CHEAP = 1024
SLOW = 65536


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(CHEAP)
    yield made
    made.close()


def test_a_password_matches_its_own_hash_only(passwords: Passwords) -> None:
    made = passwords.hash("correct horse")

    assert made.startswith("$argon2id$")
    assert passwords.matches("correct horse", made)
    assert not passwords.matches("Correct horse", made)
    assert not passwords.matches("", made)


def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


def test_the_same_characters_match_however_a_keyboard_writes_them(passwords: Passwords) -> None:
    assert passwords.matches("cafe\u0301", passwords.hash("caf\u00e9"))


def test_nobody_has_a_password(passwords: Passwords) -> None:
    assert not passwords.matches("the password of nobody", None)


@pytest.mark.parametrize("broken", ["", "x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"])
def test_a_hash_that_is_none_matches_nothing(passwords: Passwords, broken: str) -> None:
    assert not passwords.matches("x", broken)


def test_a_hash_of_other_costs_is_outdated(passwords: Passwords) -> None:
    stronger = Passwords(2 * CHEAP)
    made = passwords.hash("correct horse")

    assert not passwords.is_outdated(made)
    assert stronger.is_outdated(made)
    assert stronger.matches("correct horse", made)
    stronger.close()


def test_an_unknown_account_takes_as_long_as_a_wrong_password(passwords: Passwords) -> None:
    known = passwords.hash("correct horse")

    def median_seconds(password_hash: str | None) -> float:
        times = []
        for _ in range(9):
            began = time.perf_counter()
            passwords.matches("wrong", password_hash)
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    assert median_seconds(None) > median_seconds(known) / 3


def test_the_hub_runs_on_while_a_password_is_hashed() -> None:
    passwords = Passwords(SLOW)
    steps: list[int] = []

    def step() -> None:
        while True:
            steps.append(1)
            gevent.sleep(0.001)

    stepping = gevent.spawn(step)
    passwords.hash("correct horse")
    stepping.kill()
    passwords.close()

    assert len(steps) > 3


def test_hashing_gives_way_to_streams_where_all_cores_are_busy(passwords: Passwords) -> None:
    hub = threading.get_native_id()

    passwords.hash("correct horse")

    priorities = [os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in TASKS.iterdir()]
    assert YIELDING in priorities
    assert os.getpriority(os.PRIO_PROCESS, hub) < YIELDING
