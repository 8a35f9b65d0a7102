"""Names are looked up once for all who ask, in time, and remembered as long as that is right."""

import socket
import time
from collections.abc import Iterator
from threading import Event

import gevent
import pytest

from services.names.resolver import AddressInfo, LateLookUp, Names, NameTimes

QUICK = NameTimes(known=0.4, unknown=0.4, stale=60, patience=0.1, most=0.2)
FOUND: list[AddressInfo] = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]
AGAIN = socket.gaierror(socket.EAI_AGAIN, "try again")
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "unknown")


class System:
    """Stands for the system's look-up: it answers, fails, or hangs until the test ends."""

    def __init__(self) -> None:
        """Answer at once."""
        self.answer: list[AddressInfo] | Exception | None = FOUND
        self.hangs_for = ""
        self.asked = 0
        self.has_ended = Event()

    def __call__(self, name: str, *more: object) -> list[AddressInfo]:
        """Look up."""
        del more
        self.asked += 1
        answer = self.answer
        if answer is None or name == self.hangs_for:
            self.has_ended.wait(10)
            raise AGAIN
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def system() -> Iterator[System]:
    """Give a look-up that a test tells what to do."""
    made = System()
    yield made
    made.has_ended.set()


@pytest.fixture
def names(system: System) -> Names:
    """Give the resolver over it."""
    return Names(times=QUICK, ask=system)


def test_many_callers_of_a_name_share_one_look_up(names: Names, system: System) -> None:
    calls = [gevent.spawn(names.addresses, "host", port, 1) for port in range(100)]
    gevent.joinall(calls)

    assert system.asked == 1
    assert [call.get()[0][4] for call in calls] == [("192.0.2.1", port) for port in range(100)]


def test_a_caller_waits_no_longer_than_it_says_and_another_name_not_at_all(
    names: Names, system: System
) -> None:
    system.hangs_for = "dead"
    late = gevent.spawn(names.addresses, "dead", 80, 1)

    assert names.addresses("alive", 80, 5)
    assert not late.dead
    with pytest.raises(LateLookUp):
        late.get()
    with pytest.raises(socket.gaierror) as caught:
        names.getaddrinfo("dead", 80, 0, socket.SOCK_STREAM)
    assert caught.value.errno == socket.EAI_AGAIN
    assert system.asked == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%lo"])
def test_a_literal_address_asks_nobody(names: Names, system: System, host: str) -> None:
    assert names.getaddrinfo(host, 80, 0, socket.SOCK_STREAM)[0][4][:2][1] == 80
    assert names.addresses(host, 80, 0.01)
    assert system.asked == 0


def test_what_is_known_is_asked_for_anew_after_a_while_or_when_nobody_answers_there(
    names: Names, system: System
) -> None:
    names.addresses("host", 80, 1)
    names.addresses("host", 443, 1)
    assert system.asked == 1
    names.forget("host")
    names.addresses("host", 80, 1)
    assert system.asked == 2
    gevent.sleep(QUICK.known)
    names.addresses("host", 80, 1)
    assert system.asked == 3


@pytest.mark.parametrize("failure", [AGAIN, None])
def test_while_the_name_server_is_away_what_was_known_serves(
    names: Names, system: System, failure: Exception | None
) -> None:
    names.addresses("host", 80, 1)
    gevent.sleep(QUICK.known)
    system.answer = failure

    began = time.monotonic()
    found = names.addresses("host", 80, 5)

    assert found[0][4] == ("192.0.2.1", 80)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("failure", [AGAIN, None])
def test_while_the_name_server_is_away_a_lost_server_is_still_found(
    names: Names, system: System, failure: Exception | None
) -> None:
    names.addresses("host", 80, 1)
    names.forget("host")
    system.answer = failure

    assert names.addresses("host", 80, 1)[0][4] == ("192.0.2.1", 80)


def test_who_has_little_time_has_some_of_it_left_to_connect(names: Names, system: System) -> None:
    names.addresses("host", 80, 1)
    gevent.sleep(QUICK.known)
    system.answer = None
    seconds = QUICK.patience / 2

    began = time.monotonic()
    assert names.addresses("host", 80, seconds)
    assert time.monotonic() - began < seconds


def test_of_those_who_meet_a_hanging_look_up_only_the_first_wait(
    names: Names, system: System
) -> None:
    names.addresses("host", 80, 1)
    gevent.sleep(QUICK.known)
    system.answer = None
    names.addresses("host", 80, 5)

    began = time.monotonic()
    for _ in range(20):
        assert names.addresses("host", 80, 5)
    assert time.monotonic() - began < QUICK.patience


def test_a_name_that_does_not_exist_is_forgotten_and_looked_up_again_soon(
    names: Names, system: System
) -> None:
    names.addresses("host", 80, 1)
    gevent.sleep(QUICK.known)
    system.answer = UNKNOWN
    for _ in range(3):
        with pytest.raises(socket.gaierror, match="unknown"):
            names.addresses("host", 80, 1)
    assert system.asked == 2

    gevent.sleep(QUICK.unknown)
    system.answer = FOUND
    assert names.addresses("host", 80, 1)
