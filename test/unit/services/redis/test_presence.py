"""One notion of "away" for all that work with Redis: which part finds out, and which are told."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import pytest
from worlds.patience import PATIENCE_SECONDS, eventually

from services.redis.presence import STOOD_STILL_SECONDS, Presence


class Down(Exception):
    """The error of a failed look."""


@dataclass
class Server:
    """A Redis to look at: whether it `is_up`, and after how many failures.

    A look lasts until it may `go_on`.
    """

    is_up: bool = True
    failures_left: int = 0
    looks: int = 0
    go_on: Event = field(default_factory=Event)

    def probe(self) -> None:
        """Look."""
        self.looks += 1
        assert self.go_on.wait(PATIENCE_SECONDS)
        self.failures_left -= 1
        if not self.is_up or self.failures_left >= 0:
            raise Down("gone")


@dataclass
class Part:
    """Notes what it is told."""

    told: list[str] = field(default_factory=list)

    def redis_lost(self, reason: str) -> None:
        """Hear that Redis is away."""
        self.told.append(reason)

    def redis_seen(self, seconds: float) -> None:
        """Hear that Redis is there."""
        assert 0 <= seconds < PATIENCE_SECONDS
        self.told.append("seen")


class Fragile(Part):
    """Breaks at everything that it is told."""

    def redis_lost(self, reason: str) -> None:
        """Break."""
        raise RuntimeError(reason)

    def redis_seen(self, seconds: float) -> None:
        """Break."""
        raise RuntimeError(str(seconds))


@contextmanager
def joined(presence: Presence, *parts: Part) -> Iterator[None]:
    """Have parts be told for the block."""
    for part in parts:
        presence.join(part)
    try:
        yield
    finally:
        for part in parts:
            presence.leave(part)


@pytest.fixture
def server() -> Server:
    made = Server()
    made.go_on.set()
    return made


@pytest.fixture
def changes() -> list[str | None]:
    return []


@pytest.fixture
def presence(server: Server, changes: list[str | None]) -> Presence:
    return Presence(server.probe, changes.append)


def test_a_look_that_works_is_told_to_all_and_changes_nothing(
    presence: Presence, changes: list[str | None]
) -> None:
    one, other = Part(), Part()
    with joined(presence, one, other):
        presence.look()
        eventually(lambda: one.told == other.told == ["seen"])

    assert not presence.is_away
    assert changes == []


def test_a_look_that_fails_is_told_to_all_once_and_so_is_the_first_that_works(
    server: Server, presence: Presence, changes: list[str | None]
) -> None:
    one, other = Part(), Part()
    server.is_up = False
    with joined(presence, one, other):
        presence.look()
        eventually(lambda: server.looks > 2)
        assert presence.is_away
        assert changes == ["Down: gone"]

        server.is_up = True
        eventually(lambda: not presence.is_away and other.told[-1:] == ["seen"])

    assert one.told == other.told == ["Down: gone", "seen"]
    assert changes == ["Down: gone", None]


def test_a_look_that_is_asked_for_during_another_begins_after_it(
    server: Server, presence: Presence
) -> None:
    part = Part()
    server.go_on.clear()
    with joined(presence, part):
        presence.look()
        eventually(lambda: server.looks == 1)
        for _ in range(5):
            presence.look()
        server.go_on.set()
        eventually(lambda: part.told == ["seen", "seen"])

    assert server.looks == 2


def test_nobody_looks_where_nobody_has_asked_or_all_have_left(
    server: Server, presence: Presence
) -> None:
    part = Part()
    server.is_up = False
    with joined(presence, part):
        assert server.looks == 0
        presence.look()
        eventually(lambda: presence.is_away)
    looks = server.looks

    presence.look()

    assert server.looks == looks


def test_after_all_have_left_the_next_is_told_again(server: Server, presence: Presence) -> None:
    with joined(presence, Part()):
        presence.look()
        eventually(lambda: server.looks == 1)
    part = Part()

    with joined(presence, part):
        presence.look()
        eventually(lambda: part.told == ["seen"])


def test_a_look_during_which_the_process_stood_still_does_not_count(server: Server) -> None:
    changes: list[str | None] = []
    at_once = Presence(server.probe, changes.append, longest_seconds=-STOOD_STILL_SECONDS)
    part = Part()
    server.failures_left = 1
    with joined(at_once, part):
        at_once.look()
        eventually(lambda: part.told == ["seen"])

    assert server.looks == 2
    assert changes == []


def test_a_look_that_takes_too_long_twice_counts(server: Server) -> None:
    changes: list[str | None] = []
    at_once = Presence(server.probe, changes.append, longest_seconds=-STOOD_STILL_SECONDS)
    server.is_up = False
    with joined(at_once, Part()):
        at_once.look()
        eventually(lambda: at_once.is_away)

    assert server.looks >= 2
    assert changes == ["Down: gone"]


def test_a_part_that_breaks_keeps_no_other_from_being_told(
    server: Server, presence: Presence, lines: io.StringIO
) -> None:
    part = Part()
    server.is_up = False
    with joined(presence, Fragile(), part):
        presence.look()
        eventually(lambda: part.told == ["Down: gone"])
        server.is_up = True
        eventually(lambda: part.told == ["Down: gone", "seen"])

    events = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert events == ["redis_telling_crashed"] * 2
