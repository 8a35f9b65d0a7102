"""A waiting reader is woken, or its news is delivered in its place; none is lost."""

from collections.abc import Callable

import gevent
import pytest
from gevent import Greenlet
from gevent.event import Event

from services.streams.bell import Bell

PATIENCE_SECONDS = 10


class Deliverer:
    """Takes news in place of the greenlet that waits, and answers as it is told."""

    def __init__(self) -> None:
        """Take all."""
        self.calls = 0
        self.was_called = Event()
        self.answer: Callable[[], bool] = lambda: True

    def __call__(self) -> bool:
        self.calls += 1
        self.was_called.set()
        return self.answer()

    def await_call(self) -> None:
        """Wait until it is called."""
        assert self.was_called.wait(PATIENCE_SECONDS)
        self.was_called.clear()


def waiting(bell: Bell) -> "Greenlet[[], None]":
    """Have a greenlet wait."""
    greenlet = gevent.spawn(bell.wait)
    gevent.sleep(0)
    return greenlet


@pytest.mark.parametrize("news", [Bell.ring, Bell.wake])
def test_a_greenlet_is_woken_by_all_news(news: Callable[[Bell], None]) -> None:
    bell = Bell()
    greenlet = waiting(bell)

    news(bell)

    greenlet.get(timeout=PATIENCE_SECONDS)


def test_news_before_the_wait_are_not_missed() -> None:
    bell = Bell()
    bell.instead = Deliverer()
    bell.ring()

    waiting(bell).get(timeout=PATIENCE_SECONDS)


def test_a_greenlet_waits_on_while_its_news_are_delivered() -> None:
    bell, deliverer = Bell(), Deliverer()
    bell.instead = deliverer
    greenlet = waiting(bell)

    for calls in (1, 2):
        bell.ring()
        deliverer.await_call()
        assert (deliverer.calls, greenlet.ready()) == (calls, False)

    bell.wake()
    greenlet.get(timeout=PATIENCE_SECONDS)


def test_whoever_rings_does_not_wait_for_the_delivery_and_many_rings_are_one() -> None:
    bell, deliverer = Bell(), Deliverer()
    bell.instead = deliverer
    greenlet = waiting(bell)

    bell.ring()
    bell.ring()

    assert deliverer.calls == 0
    deliverer.await_call()
    gevent.sleep(0)
    assert deliverer.calls == 1
    greenlet.kill()


def test_a_greenlet_that_has_to_see_to_it_is_woken_and_sends_what_is_left_first() -> None:
    bell, deliverer = Bell(), Deliverer()
    deliverer.answer = lambda: False
    bell.instead = deliverer
    order: list[str] = []
    bell.before_news = lambda: order.append("left")
    greenlet = waiting(bell)
    greenlet.link(lambda _: order.append("news"))

    bell.ring()

    greenlet.get(timeout=PATIENCE_SECONDS)
    gevent.sleep(0)
    assert order == ["left", "news"]


def test_a_failure_of_the_delivery_is_raised_where_the_greenlet_waits() -> None:
    bell, deliverer = Bell(), Deliverer()

    def fail() -> bool:
        raise KeyError("mine")

    deliverer.answer = fail
    bell.instead = deliverer
    greenlet = gevent.spawn(bell.wait)
    gevent.sleep(0)

    bell.ring()

    with pytest.raises(KeyError, match="mine"):
        greenlet.get(timeout=PATIENCE_SECONDS)


def test_nothing_is_delivered_for_a_greenlet_that_was_killed() -> None:
    bell, deliverer = Bell(), Deliverer()
    bell.instead = deliverer
    waiting(bell).kill()

    bell.ring()
    gevent.sleep(0)

    assert deliverer.calls == 0
