"""One search at a time for each user."""

import gevent
import pytest
from gevent.event import Event

from services.admission.searches import MAX_WAITING, Searches
from services.domain.errors.requests import TooManyRequests


def test_a_second_search_waits_for_the_first_and_others_do_not() -> None:
    searches, told, go_on = Searches(), [], Event()

    def search(user_id: str, wait: Event | None = None) -> None:
        with searches.one_of(user_id):
            told.append(f"{user_id} begins")
            if wait is not None:
                wait.wait()
        told.append(f"{user_id} ends")

    first = gevent.spawn(search, "ann", go_on)
    gevent.sleep(0)
    second = gevent.spawn(search, "ann")
    search("bob")
    go_on.set()
    gevent.joinall([first, second], raise_error=True)

    assert told == ["ann begins", "bob begins", "bob ends", "ann ends", "ann begins", "ann ends"]


def test_a_search_whose_turn_does_not_come_is_refused_and_the_next_is_not() -> None:
    searches = Searches(wait_seconds=0)

    with searches.one_of("ann"), pytest.raises(TooManyRequests) as refusal, searches.one_of("ann"):
        pass
    with searches.one_of("ann"):
        pass

    assert (refusal.value.code, refusal.value.retry_after) == ("search_busy", 1)


def test_no_more_wait_than_may() -> None:
    searches, go_on = Searches(), Event()

    def search() -> None:
        with searches.one_of("ann"):
            go_on.wait()

    waiting = [gevent.spawn(search) for _ in range(1 + MAX_WAITING)]
    gevent.sleep(0)
    with pytest.raises(TooManyRequests), searches.one_of("ann"):
        pass
    go_on.set()
    gevent.joinall(waiting, raise_error=True)
