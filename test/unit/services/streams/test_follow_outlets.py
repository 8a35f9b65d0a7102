"""What a reader gets whose batches are passed on while it waits: what it gets without that."""

from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
import pytest
from worlds.followed import Followed, is_quiet
from worlds.log_events import ATTEMPT, FAILOVER, PATIENCE_SECONDS, RETRYING, START

from services.domain.deliveries import PING, Batch, Delivery
from services.domain.events import Content, RunEvent
from services.streams.follow import Subscription


@dataclass
class Kept:
    """An outlet that takes everything at once."""

    events: list[RunEvent] = field(default_factory=list)

    def offer(self, batch: Batch) -> bool:
        """Keep a batch."""
        self.events.extend(batch.events)
        return True

    def flush(self) -> None:
        """Nothing is left."""


def waiting(
    followed: Followed, outlet: Kept
) -> tuple[Subscription, "gevent.Greenlet[..., Delivery]"]:
    """Have a reader wait that has got the start."""
    followed.writer.append(START)
    events = followed.follow()
    events.pass_on(outlet)
    next(events)
    reading = gevent.spawn(next, events)
    gevent.sleep(0.01)
    return events, reading


def test_batches_are_passed_on_while_the_reader_waits() -> None:
    followed, outlet = Followed(), Kept()
    _, reading = waiting(followed, outlet)

    for text in ("a", "b"):
        followed.writer.append(Content(text))
        gevent.sleep(0.01)

    assert outlet.events == [Content("a"), Content("b")]
    assert not reading.ready()
    reading.kill()


@pytest.mark.parametrize("event", [FAILOVER, ATTEMPT, Content("a")])
def test_a_status_that_comes_with_an_event_is_told_after_it(event: RunEvent) -> None:
    followed, outlet = Followed(), Kept()
    events, reading = waiting(followed, outlet)

    followed.writer.append(event)
    followed.writer.announce(RETRYING)

    assert reading.get(timeout=PATIENCE_SECONDS) is RETRYING
    assert outlet.events == [event]
    assert is_quiet(events)


def test_a_status_that_was_withdrawn_with_an_event_is_told_when_it_is_set_again() -> None:
    followed, outlet = Followed(), Kept()
    events, reading = waiting(followed, outlet)
    followed.writer.announce(RETRYING)
    assert reading.get(timeout=PATIENCE_SECONDS) is RETRYING
    reading = gevent.spawn(next, events)
    gevent.sleep(0.01)

    followed.writer.append(ATTEMPT)
    followed.writer.announce(None)
    gevent.sleep(0.01)
    followed.writer.announce(RETRYING)

    assert reading.get(timeout=PATIENCE_SECONDS) is RETRYING


@pytest.mark.parametrize(
    "end",
    [lambda followed: followed.writer.abandon(), lambda followed: followed.followers.finish()],
)
def test_a_stream_that_is_ended_with_an_event_ends_at_once(
    end: Callable[[Followed], None],
) -> None:
    followed, outlet = Followed(), Kept()
    events, reading = waiting(followed, outlet)

    followed.writer.append(Content("a"))
    end(followed)
    told = [reading.get(timeout=PATIENCE_SECONDS), *events]

    batch = told[0]
    assert isinstance(batch, Batch)
    assert (batch.events, told[1:]) == ([Content("a")], [PING])
    assert outlet.events == []
