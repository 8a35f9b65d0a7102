"""A run that one worker writes, as another worker sees it."""

from contextlib import closing
from datetime import UTC, datetime

import gevent
import pytest
from gevent.event import Event
from worlds.log_events import RETRYING
from worlds.run_world import MakeWorld, RunWorld, Story, read_to_the_end, said
from worlds.stores import done, new_id, settlement_of
from worlds.worker_readers import PATIENCE_SECONDS, begin_to_read, follow_on, reader_on

from services.domain.deliveries import Batch
from services.domain.events import Content, Done, Error, EventId, Status
from services.domain.runs import Settled
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.living.run import Living
from services.streams.base import Nudge, NudgeKind
from services.streams.follow import Subscription

WORDS = [f"word{number} " for number in range(50)]


def ids_of(events: Subscription) -> list[EventId]:
    """Read to the end; give the ids of the events as a client gets them."""
    with gevent.Timeout(PATIENCE_SECONDS), closing(events):
        return [
            EventId(one.run_id, one.epoch, seq)
            for one in events
            if isinstance(one, Batch)
            for seq in range(one.first_seq, one.last_seq + 1)
        ]


def test_a_reader_on_another_worker_gets_the_same_events_while_they_are_written(
    make_worker: MakeWorld,
) -> None:
    script = said(*WORDS)
    writer, other = make_worker(script), make_worker(worker_id="redis-b")
    living = writer.launch()
    theirs = gevent.spawn(lambda: read_to_the_end(follow_on(other, living.run_id)))
    ours = writer.story_of(living)

    assert theirs.get().events == ours.events
    assert ours.text == "".join(WORDS)
    assert ours.seqs == list(range(1, len(WORDS) + 3))


def test_the_same_ids_are_told_on_every_worker(make_worker: MakeWorld) -> None:
    writer, other = make_worker(said("a", "b")), make_worker(worker_id="redis-b")
    living = writer.launch()
    writer.wait()

    told = ids_of(follow_on(writer, living.run_id))

    assert told == [EventId(living.run_id, 1, seq) for seq in range(1, 5)]
    assert ids_of(follow_on(other, living.run_id)) == told


def test_a_reader_goes_on_from_its_cursor_on_another_worker(make_worker: MakeWorld) -> None:
    go_on = Event()
    writer = make_worker([Content("one "), Content("two "), go_on, *said("three")])
    other = make_worker(worker_id="redis-b")
    living = writer.launch()
    seen = begin_to_read(follow_on(writer, living.run_id), 3)
    reader = reader_on(other, living.run_id)

    assert reader.knows(EventId(living.run_id, 1, 3))
    events = follow_on(other, living.run_id, after=3)
    go_on.set()
    assert seen.text + read_to_the_end(events).text == "one two three"


def test_an_ended_run_is_read_on_a_worker_that_never_heard_of_it(make_worker: MakeWorld) -> None:
    writer = make_worker(said(*WORDS))
    living = writer.launch()
    writer.wait()

    story = read_to_the_end(follow_on(make_worker(worker_id="redis-b"), living.run_id))

    assert story.text == "".join(WORDS)
    assert isinstance(story.end, Done)


def test_many_readers_that_come_at_once_are_all_served(make_worker: MakeWorld) -> None:
    writer, other = make_worker(said(*WORDS)), make_worker(worker_id="redis-b")
    runs = [writer.launch().run_id for _ in range(60)]

    def read(run_id: str) -> Story:
        return read_to_the_end(follow_on(other, run_id))

    stories = [gevent.spawn(read, run_id) for run_id in runs]

    assert {story.get().text for story in stories} == {"".join(WORDS)}
    assert not other.log.is_degraded


def test_a_stop_on_another_worker_reaches_the_writer_at_once(make_worker: MakeWorld) -> None:
    writer, other = make_worker([Content("begun"), Event()]), make_worker(worker_id="redis-b")
    living = writer.launch()
    with gevent.Timeout(PATIENCE_SECONDS):
        writer.provider.is_reached.wait()

    other.log.send(Nudge(NudgeKind.STOP, living.run_id))

    end = writer.story_of(living).end
    assert isinstance(end, Done)
    assert end.finish_reason is FinishReason.STOPPED


def test_a_stop_that_comes_before_the_launch_is_not_lost(make_worker: MakeWorld) -> None:
    writer = make_worker([Content("begun"), Event()])
    living = writer.living(writer.begin())

    writer._hear(Nudge(NudgeKind.STOP, living.run_id))  # noqa: SLF001 - as another worker's nudge
    writer.runner.launch(living)

    assert writer.story_of(living).text == ""
    assert writer.stored(living)[0].status is MessageStatus.STOPPED


def test_what_a_reader_waits_for_is_told_on_every_worker_and_to_who_comes_later(
    make_worker: MakeWorld,
) -> None:
    writer, other, third = (make_worker(worker_id=f"redis-{name}") for name in "abc")
    living = writer.living(writer.begin())
    here = reader_on(other, living.run_id)

    living.writer.announce(RETRYING)

    assert [status_on(one, living.run_id, RETRYING) for one in (other, third)] == [RETRYING] * 2
    living.writer.announce(None)
    assert status_on(other, living.run_id, None) is None
    assert here.after(1) is None


def status_on(world: RunWorld, run_id: str, wanted: Status | None) -> Status | None:
    """Wait until a worker shows a status."""
    reader = reader_on(world, run_id)
    with gevent.Timeout(PATIENCE_SECONDS):
        while reader.status() != wanted:
            gevent.sleep(0.005)
    return reader.status()


def test_what_was_stored_but_not_told_is_told_after_a_silence(make_worker: MakeWorld) -> None:
    writer, other = make_worker([Content("all"), Event()]), make_worker(worker_id="redis-b")
    living = writer.launch()
    events = follow_on(other, living.run_id)
    seen = begin_to_read(events, 2)
    end = settle_untold(writer, living, "all")

    with gevent.Timeout(PATIENCE_SECONDS), closing(events):
        for delivery in events:
            seen.take(delivery)

    assert (seen.end, seen.seqs) == (end, [1, 2, 3])


def test_what_was_stored_beyond_the_log_sends_readers_to_the_store(
    make_worker: MakeWorld,
) -> None:
    writer, other = make_worker([Content("half"), Event()]), make_worker(worker_id="redis-b")
    living = writer.launch()
    events = follow_on(other, living.run_id)
    seen = begin_to_read(events, 2)
    settle_untold(writer, living, "half and more", seq=9)

    with gevent.Timeout(PATIENCE_SECONDS), closing(events):
        for delivery in events:
            seen.take(delivery)

    assert (seen.terminals, seen.text) == ([], "half")


def settle_untold(world: RunWorld, living: Living, text: str, seq: int = 3) -> Done:
    """Store a run's end as its owner does right before it dies."""
    run = living.turn.run
    end = done(run)
    settlement = settlement_of(
        run, text=text, terminal=end, terminal_seq=seq, ended_at=datetime.now(UTC)
    )
    assert world.store.runs.settle_turn(settlement) is Settled.NOW
    return end


@pytest.mark.parametrize("cursor_seq", [2, 3])
def test_an_id_of_an_earlier_owner_is_known_up_to_the_takeover(
    make_worker: MakeWorld, cursor_seq: int
) -> None:
    dead, new = make_worker([Content("kept"), Event()]), make_worker(worker_id="redis-b")
    living = dead.launch()
    begin_to_read(follow_on(dead, living.run_id), 2)
    dead.beat.beat()
    new.reap_all_others()
    new.log.flush(PATIENCE_SECONDS)

    reader = reader_on(make_worker(worker_id="redis-c"), living.run_id)

    assert reader.knows(EventId(living.run_id, 1, cursor_seq)) == (cursor_seq == 2)
    assert reader.knows(EventId(living.run_id, 2, 3))
    assert not reader.knows(EventId(new_id(), 1, 1))
    assert isinstance(reader.after(2).events[-1], Error)  # type: ignore[union-attr]  # it is there
