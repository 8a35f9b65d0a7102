"""Which run of a session a reader gets."""

import gevent
from gevent.event import Event
from worlds.run_world import MakeWorld, RunWorld, said
from worlds.stores import new_id

from controllers.readers import Readers
from services.domain.sessions import Session
from services.domain.users import Caller, Role
from services.runs.living.run import Living


def run_in(world: RunWorld, session: Session) -> Living:
    """Launch a run in a session."""
    living = world.living(world.begin(session))
    world.runner.launch(living)
    return living


def ended_in(world: RunWorld, session: Session) -> Living:
    """Make a run of a session that has ended."""
    living = run_in(world, session)
    world.wait()
    return living


def chosen(world: RunWorld, session: Session, last_event_id: str | None) -> str | None:
    """Choose a run; give its id."""
    caller = Caller(
        user_id=session.user_id, tenant_id=new_id(), role=Role.MEMBER, login_id=new_id()
    )
    readers = Readers(world.runs, world.log, world.followers)
    run = readers.run_to_attach(caller, session.id, last_event_id)
    return None if run is None else run.id


def test_without_an_id_the_active_run_is_read(make_world: MakeWorld) -> None:
    world = make_world(said("first"), [Event()])
    session = world.new_session()
    ended_in(world, session)
    assert chosen(world, session, None) is None
    active = run_in(world, session)
    assert chosen(world, session, None) == active.run_id


def test_an_id_names_the_run_also_when_it_has_ended_and_another_is_active(
    make_world: MakeWorld,
) -> None:
    world = make_world(said("first"), [Event()])
    session = world.new_session()
    first, active = ended_in(world, session), run_in(world, session)
    gevent.sleep(0)
    assert chosen(world, session, f"{first.run_id}.1.2") == first.run_id
    assert chosen(world, session, f"{active.run_id}.1.1") == active.run_id


def test_an_id_of_another_session_or_of_nobody_gets_the_newest_run(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    session = world.new_session()
    ended_in(world, session)
    newest = ended_in(world, session)
    elsewhere = ended_in(world, world.new_session())
    for strange in (f"{elsewhere.run_id}.1.1", f"{new_id()}.1.1", "nonsense", "a.1.1"):
        assert chosen(world, session, strange) == newest.run_id


def test_a_session_without_a_run_has_nothing_to_read(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    elsewhere = ended_in(world, world.new_session())
    session = world.new_session()
    assert chosen(world, session, None) is None
    assert chosen(world, session, f"{elsewhere.run_id}.1.1") is None
