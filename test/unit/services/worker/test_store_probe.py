"""Whether the store writes is found out once, for all who ask, and in time."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from services.domain.errors.outages import StoreUnavailable
from services.stores.sqlite.store import SqliteStore
from services.worker.store_probe import StoreProbe


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Open a database."""
    with closing(SqliteStore.open(tmp_path)) as opened:
        yield opened


class Pings:
    """Counts, and does what a store does: it waits, or fails, or neither."""

    def __init__(self) -> None:
        """Answer at once."""
        self.count = 0
        self.answers = Event()
        self.answers.set()
        self.error: Exception | None = None

    def __call__(self) -> None:
        self.count += 1
        self.answers.wait()
        if self.error:
            raise self.error


def test_a_store_that_writes_has_no_failure(store: SqliteStore) -> None:
    assert StoreProbe(store.ping, lambda: None).failure() is None


def test_many_who_ask_at_once_cost_one_write() -> None:
    pings = Pings()
    pings.answers.clear()
    probe = StoreProbe(pings, lambda: None)
    asking = [gevent.spawn(probe.failure) for _ in range(50)]
    gevent.sleep(0)
    pings.answers.set()
    gevent.joinall(asking)

    assert [each.value for each in asking] == [None] * 50
    assert probe.failure() is None
    assert pings.count == 1


def test_a_store_that_does_not_answer_is_told_in_time_and_asked_once() -> None:
    pings = Pings()
    pings.answers.clear()
    probe = StoreProbe(pings, lambda: None, patience_seconds=0.05)

    with gevent.Timeout(2):
        told = [probe.failure() for _ in range(3)]

    assert all(one is not None and "not answered" in one for one in told)
    assert pings.count == 1
    pings.answers.set()
    gevent.sleep(0.01)
    assert probe.failure() is None


def test_the_reason_of_a_failure_is_told_until_the_store_is_asked_again() -> None:
    pings = Pings()
    pings.error = StoreUnavailable(reason="The disk is full.")
    probe = StoreProbe(pings, lambda: None, kept_seconds=0.05)

    assert probe.failure() == "The disk is full."
    pings.error = None
    gevent.sleep(0.06)
    assert probe.failure() is None


def test_another_error_is_a_failure_too_and_is_no_error_of_who_asks() -> None:
    pings = Pings()
    pings.error = ValueError("secret")

    assert StoreProbe(pings, lambda: None).failure() == "The store fails (ValueError)."


def test_beats_that_fail_are_a_failure_although_the_store_answers(store: SqliteStore) -> None:
    assert StoreProbe(store.ping, lambda: "The disk is full.").failure() == "The disk is full."
