"""Writers and readers in every order: no wake-up is lost, no reader gets a gap or a repeat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import gevent
from gevent import Greenlet
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.followed import Followed
from worlds.log_events import DONE, EVENTS, PATIENCE_SECONDS, RETRYING, text_of
from worlds.run_world import Story

from services.domain.deliveries import Batch
from services.domain.events import RunEvent, Status
from services.streams.follow import ReaderRequest, Subscription
from services.streams.places import ReaderCaps

CAPS = ReaderCaps(streams=1000, per_run=1000, per_user=None)


def read_with_pauses(events: Subscription, pauses: Sequence[int]) -> Story:
    """Read to the end; before the n-th delivery let others run as often as the n-th pause says."""
    story = Story()
    for number, delivery in enumerate(events):
        story.take(delivery)
        give_way(pauses[number % len(pauses)] if pauses else 0)
    events.close()
    return story


@dataclass
class Passing:
    """An outlet that takes every batch, and wakes its reader after some of them."""

    wakes_after: Sequence[bool]
    story: Story = field(default_factory=Story)
    offers: int = 0

    def offer(self, batch: Batch) -> bool:
        """Take a batch."""
        self.story.take(batch)
        self.offers += 1
        return not self.wakes_after[self.offers % len(self.wakes_after)]

    def flush(self) -> None:
        """Wait, as a slow client makes it do."""
        gevent.sleep(0)

    def read(self, events: Subscription) -> Story:
        """Read to the end what is not passed on."""
        for delivery in events:
            self.story.take(delivery)
        events.close()
        return self.story


def give_way(times: int) -> None:
    """Let all others have their turn, so many times."""
    for _ in range(times):
        gevent.sleep(0)


class Play:
    """One log, its readers, and readers that have a place and read nothing."""

    def __init__(self) -> None:
        """Begin with one reader."""
        self.followed = Followed(CAPS)
        self.written: list[RunEvent] = []
        self.readers: list[tuple[int, Greenlet[..., Story]]] = []
        self.idle: list[Subscription] = []
        self.join([])

    def write(self, *events: RunEvent) -> None:
        """Append events at once."""
        for event in events:
            self.followed.writer.append(event)
            self.written.append(event)

    def announce(self, status: Status | None) -> None:
        """Set or withdraw the status."""
        self.followed.writer.announce(status)

    def join(self, pauses: Sequence[int]) -> None:
        """Have another reader from the middle of the log on, and one that reads nothing."""
        after = len(self.written) // 2
        request = ReaderRequest(user_id="user", after=after)
        reading = gevent.spawn(read_with_pauses, self.followed.follow(request), pauses)
        self.readers.append((after, reading))
        self.idle.append(self.followed.follow(request))

    def join_with_outlet(self, wakes_after: Sequence[bool]) -> None:
        """Have another reader whose batches are passed on while it waits."""
        after, outlet = len(self.written) // 2, Passing(wakes_after)
        events = self.followed.follow(ReaderRequest(user_id="user", after=after))
        events.pass_on(outlet)
        self.readers.append((after, gevent.spawn(outlet.read, events)))

    def leave(self) -> None:
        """Have a reader that reads nothing leave."""
        if self.idle:
            self.idle.pop().close()

    def ping(self) -> None:
        """Ping the readers that read nothing."""
        for subscription in self.idle:
            subscription.ping()


Step = Callable[[Play], None]

STEPS = st.one_of(
    st.lists(EVENTS, min_size=1, max_size=5).map(lambda some: lambda play: play.write(*some)),
    st.sampled_from([RETRYING, None]).map(lambda status: lambda play: play.announce(status)),
    st.lists(st.integers(0, 3), max_size=6).map(lambda pauses: lambda play: play.join(pauses)),
    st.lists(st.booleans(), min_size=1, max_size=4).map(
        lambda wakes: lambda play: play.join_with_outlet(wakes)
    ),
    st.integers(1, 3).map(lambda times: lambda _: give_way(times)),
    st.sampled_from([Play.leave, Play.ping]),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, max_size=30))
def test_every_reader_gets_the_same_events_whatever_happens_in_between(steps: list[Step]) -> None:
    play = Play()
    for step in steps:
        step(play)
    play.write(DONE)
    with gevent.Timeout(PATIENCE_SECONDS):
        gevent.joinall([reading for _, reading in play.readers])

    for after, reading in play.readers:
        story: Story | None = reading.value
        assert story is not None
        assert [event for _, event in story.events] == play.written[after:]
        assert story.seqs == list(range(after + 1, len(play.written) + 1))
        assert story.text == text_of(play.written[after:])
    while play.idle:
        play.leave()
    assert len(play.followed.followers) == 0
