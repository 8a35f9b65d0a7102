"""Readers of runs on a worker that shares its log with others."""

import gevent
from worlds.run_world import RunWorld, Story

from services.streams.base import LogReader
from services.streams.follow import ReaderRequest, Subscription

PATIENCE_SECONDS = 10.0


def reader_on(world: RunWorld, run_id: str) -> LogReader:
    """Open a run's log, which must be there soon."""
    with gevent.Timeout(PATIENCE_SECONDS):
        while (reader := world.log.reader(run_id)) is None:
            gevent.sleep(0.005)
    return reader


def follow_on(world: RunWorld, run_id: str, after: int = 0) -> Subscription:
    """Read a run on a worker."""
    request = ReaderRequest(user_id="reader", after=after)
    return world.followers.follow(reader_on(world, run_id), request)


def begin_to_read(events: Subscription, count: int) -> Story:
    """Read until at least `count` events have come."""
    story = Story()
    with gevent.Timeout(PATIENCE_SECONDS):
        while len(story.events) < count:
            story.take(next(events))
    return story
