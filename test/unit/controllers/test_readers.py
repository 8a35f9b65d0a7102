"""Where a reader begins, and what it is told about the events that it missed."""

from collections.abc import Sequence

import gevent
import pytest
from gevent.event import Event
from worlds.played import Step
from worlds.run_world import MakeWorld, RunWorld, Story, read_to_the_end, said
from worlds.stores import OTHER_WORKER, new_id

from controllers.readers import Readers
from services.domain.errors.outages import StoreUnavailable
from services.domain.events import Content, Done, Error, Reasoning, Resume
from services.domain.users import Caller, Role
from services.runs.living.run import Living
from services.streams.memory import MemoryRunLog

FIRST: Sequence[Step] = [Reasoning("hm"), Content("one "), Content("two ")]
REST = said("three ", "four")
TOP, LAST = 4, 7
"""The seq of the last event before the wait, and of the terminal event."""


def readers_of(world: RunWorld) -> Readers:
    """Read the runs of a world; waits for logs are short."""
    return Readers(world.runs, world.log, world.followers, log_wait_seconds=0.1)


def caller_of(living: Living) -> Caller:
    """Call as the run's owner."""
    user_id = living.turn.run.user_id
    return Caller(user_id=user_id, tenant_id=new_id(), role=Role.MEMBER, login_id=new_id())


def resumed(world: RunWorld, living: Living, cursor: str | None) -> Story | None:
    """Read on after what a client saw last; None: nothing is left to read."""
    events = readers_of(world).resume(caller_of(living), living.turn.run, cursor, lambda: True)
    return None if events is None else read_to_the_end(events)


def ended(world: RunWorld) -> Living:
    """Make a run that has ended."""
    living = world.launch()
    world.wait()
    return living


def half_written(world: RunWorld) -> Living:
    """Make a run that waits."""
    living = world.launch()
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    return living


def test_who_began_the_run_gets_no_greeting(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    living = world.launch()
    log = living.writer.reader()
    events = readers_of(world).begin(caller_of(living), log, lambda: True)
    story = read_to_the_end(events)
    assert (story.greetings, story.seqs) == ([], [1, 2, 3])


def test_who_attaches_gets_everything_from_the_start(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    living = ended(world)
    story = resumed(world, living, None)
    assert story is not None
    assert story.greetings == [Resume(run_id=living.run_id, recovered=True)]
    assert (story.seqs, story.text) == ([1, 2, 3], "all")


@pytest.mark.parametrize("seq", range(TOP + 1))
def test_a_reader_that_was_cut_reads_on_while_the_run_lives(
    make_world: MakeWorld, seq: int
) -> None:
    gate = Event()
    world = make_world([*FIRST, gate, *REST])
    living = half_written(world)
    events = readers_of(world).resume(
        caller_of(living), living.turn.run, f"{living.run_id}.1.{seq}", lambda: True
    )
    assert events is not None
    gate.set()
    story = read_to_the_end(events)
    assert story.greetings == [Resume(run_id=living.run_id, recovered=True)]
    assert story.seqs == list(range(seq + 1, LAST + 1))


@pytest.mark.parametrize("seq", range(LAST))
def test_a_reader_that_was_cut_reads_on_after_the_end(make_world: MakeWorld, seq: int) -> None:
    world = make_world([*FIRST, *REST])
    story = resumed(world, living := ended(world), f"{living.run_id}.1.{seq}")
    assert story is not None
    assert story.greetings[0].recovered
    assert story.seqs == list(range(seq + 1, LAST + 1))


def test_who_saw_the_end_has_nothing_to_read(make_world: MakeWorld) -> None:
    world = make_world([*FIRST, *REST])
    living = ended(world)
    assert resumed(world, living, f"{living.run_id}.1.{LAST}") is None
    assert len(world.followers) == 0


def strange_ids(run_id: str) -> list[str]:
    """Give ids that this run has not written (yet)."""
    return [
        f"{run_id}.1.{LAST + 1}",
        f"{run_id}.2.1",
        f"{new_id()}.1.1",
        run_id,
        "nonsense",
        f"{run_id}.1.-1",
        f"{run_id}.1.1.1",
    ]


@pytest.mark.parametrize("number", range(len(strange_ids(""))))
def test_an_unknown_id_gets_the_text_so_far_and_what_comes_later(
    make_world: MakeWorld, number: int
) -> None:
    gate = Event()
    world = make_world([*FIRST, gate, *REST])
    living = half_written(world)
    strange = strange_ids(living.run_id)[number]
    events = readers_of(world).resume(caller_of(living), living.turn.run, strange, lambda: True)
    assert events is not None
    gate.set()
    story = read_to_the_end(events)

    assert story.greetings == [Resume(run_id=living.run_id, recovered=False, content="one two ")]
    assert story.text == "three four"
    assert isinstance(story.end, Done)


@pytest.mark.parametrize("number", range(len(strange_ids(""))))
def test_an_unknown_id_of_an_ended_run_gets_the_whole_text_and_the_end(
    make_world: MakeWorld, number: int
) -> None:
    world = make_world([*FIRST, *REST])
    living = ended(world)
    story = resumed(world, living, strange_ids(living.run_id)[number])
    assert story is not None
    [greeting] = story.greetings
    assert (greeting.recovered, greeting.content) == (False, "one two three four")
    assert story.seqs == [LAST]


def forgetful(world: RunWorld) -> RunWorld:
    """Keep no logs of ended runs."""
    world.log = MemoryRunLog(0, 1024)
    return world


@pytest.mark.parametrize("cursor", [None, 1, LAST - 1])
def test_a_run_whose_log_is_gone_is_told_as_a_whole(
    make_world: MakeWorld, cursor: int | None
) -> None:
    world = forgetful(make_world([*FIRST, *REST]))
    living = ended(world)
    story = resumed(world, living, f"{living.run_id}.1.{cursor}" if cursor else None)
    assert story is not None
    [greeting] = story.greetings
    assert (greeting.recovered, greeting.content) == (False, "one two three four")
    assert story.seqs == [LAST]
    assert story.end == world.stored(living)[0].terminal


def test_who_saw_the_end_of_a_run_whose_log_is_gone_has_nothing_to_read(
    make_world: MakeWorld,
) -> None:
    world = forgetful(make_world([*FIRST, *REST]))
    living = ended(world)
    assert resumed(world, living, f"{living.run_id}.1.{LAST}") is None


@pytest.mark.parametrize("seq", [1, TOP, TOP + 1, 50])
def test_a_reader_of_a_dead_worker_is_told_what_was_saved(make_world: MakeWorld, seq: int) -> None:
    dead = make_world([*FIRST, Event()])
    living = half_written(dead)
    dead.beat.beat()
    new = make_world(worker_id=OTHER_WORKER)
    new.reap_all_others()

    story = resumed(new, living, f"{living.run_id}.1.{seq}")

    assert story is not None
    [greeting] = story.greetings
    assert (greeting.recovered, greeting.content) == (False, "one two ")
    assert isinstance(story.end, Error)
    assert story.end.code == "interrupted"


def test_a_log_that_is_about_to_be_opened_is_waited_for(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    begun = world.begin()
    session_owner = Caller(
        user_id=begun.run.user_id, tenant_id=new_id(), role=Role.MEMBER, login_id=new_id()
    )
    gevent.spawn_later(0.02, lambda: world.runner.launch(world.living(begun)))
    events = readers_of(world).attach(session_owner, begun.run, None, lambda: True)
    assert read_to_the_end(events).text == "all"


def test_an_active_run_without_a_log_is_waited_for_in_vain_only_so_long(
    make_world: MakeWorld,
) -> None:
    world = make_world([])
    begun = world.begin()
    owner = Caller(
        user_id=begun.run.user_id, tenant_id=new_id(), role=Role.MEMBER, login_id=new_id()
    )
    with gevent.Timeout(5), pytest.raises(StoreUnavailable, match="recovered"):
        readers_of(world).attach(owner, begun.run, None, lambda: True)
    assert len(world.followers) == 0
