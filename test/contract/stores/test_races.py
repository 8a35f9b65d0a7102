"""Several workers on one database at once, and what is left after a restart; on every store."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from worlds.stores import (
    KEY,
    NOW,
    WORKER,
    StoreAdapter,
    answer,
    at_once,
    call,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.errors.conflicts import RunActive
from services.domain.runs import Piece, RunBeat, Settled
from services.domain.sessions import Session, SessionFilter
from services.stores.base.store import Store


def test_of_many_begins_in_one_session_one_wins(
    store_adapter: StoreAdapter, tmp_path: Path, store: Store, session: Session
) -> None:
    def begin(store: Store) -> tuple[str, str]:
        turn = turn_in(session)
        try:
            return "begun", store.runs.begin_turn(turn).run.id
        except RunActive as refused:
            return "busy", refused.active_run_id

    results = at_once(store_adapter, tmp_path / "data", [begin] * 4)

    assert Counter(what for what, _ in results) == {"begun": 1, "busy": 3}
    assert {run_id for _, run_id in results} == {
        store.sessions.get(session.user_id, session.id).active_run
    }
    assert len(store.messages.tree(session.user_id, session.id, 10).items) == 2


def test_of_many_begins_with_one_key_all_get_the_same_run(
    store_adapter: StoreAdapter, tmp_path: Path, store: Store, session: Session
) -> None:
    def begin(store: Store) -> tuple[str, bool]:
        begun = store.runs.begin_turn(turn_in(session, key=KEY))
        return begun.run.id, begun.replayed

    results = at_once(store_adapter, tmp_path / "data", [begin] * 4)

    assert len({run_id for run_id, _ in results}) == 1
    assert sorted(replayed for _, replayed in results) == [False, True, True, True]
    assert len(store.messages.tree(session.user_id, session.id, 10).items) == 2


def test_of_many_creates_with_one_key_all_get_the_same_session(
    store_adapter: StoreAdapter, tmp_path: Path, store: Store, user_id: str
) -> None:
    del store

    def create(store: Store) -> str:
        return store.sessions.create(new_session(user_id), KEY).id

    assert len(set(at_once(store_adapter, tmp_path / "data", [create] * 4))) == 1


def test_a_dead_run_is_claimed_by_one_worker_only(
    store_adapter: StoreAdapter, tmp_path: Path, store: Store, user_id: str
) -> None:
    runs = [
        store.runs.begin_turn(turn_in(store.sessions.create(new_session(user_id)))).run
        for _ in range(12)
    ]

    def claim(store: Store) -> list[str]:
        me, mine = new_id(), []
        while claimed := store.runs.claim_dead(me, [WORKER], 2):
            mine += [one.run.id for one in claimed]
        return mine

    claims = at_once(store_adapter, tmp_path / "data", [claim] * 4)

    assert sorted(run_id for claim in claims for run_id in claim) == sorted(run.id for run in runs)


def test_a_run_is_settled_by_one_worker_only(
    store_adapter: StoreAdapter, tmp_path: Path, store: Store, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session)).run

    def settle(store: Store) -> Settled:
        return store.runs.settle_turn(settlement_of(run))

    results = at_once(store_adapter, tmp_path / "data", [settle] * 4)

    assert sorted(results) == [Settled.BEFORE] * 3 + [Settled.NOW]


def test_a_restart_finds_everything_as_it_was(
    open_store: Callable[[], Store], user_id: str
) -> None:
    store = open_store()
    session = store.sessions.create(new_session(user_id, metadata={"a": 1}))
    ended = answer(store, session, key=KEY)
    active = store.runs.begin_turn(turn_in(session)).run
    store.runs.beat(WORKER, [RunBeat(active.id, 1, Piece(2, "so far"), [call()])], NOW)
    before = store.sessions.get(user_id, session.id)
    store.tidy()
    store.close()

    store = open_store()

    assert store.sessions.get(user_id, session.id) == before
    assert store.runs.get(user_id, ended.id) == ended
    assert store.runs.text(user_id, active.id) == "so far"
    assert store.runs.begin_turn(turn_in(session, key=KEY)).replayed
    [claimed] = store.runs.claim_dead("new worker", [WORKER], 10)
    assert (claimed.run.id, claimed.text, claimed.calls) == (active.id, "so far", (call(),))


def test_ping_and_tidy_work_at_any_time(store: Store, session: Session) -> None:
    store.runs.begin_turn(turn_in(session))

    for _ in range(2):
        store.tidy()
        store.ping()

    assert store.runs.purge(later(0)) == 0


def test_tidying_and_searching_disturb_no_writer(
    store_adapter: StoreAdapter, tmp_path: Path, store: Store, user_id: str
) -> None:
    del store

    def write(store: Store) -> int:
        session = store.sessions.create(new_session(user_id))
        for _ in range(60):
            answer(store, session)
        return len(store.messages.tree(user_id, session.id, 1000).items)

    def tidy(store: Store) -> int:
        for _ in range(30):
            store.tidy()
            store.sessions.list(user_id, SessionFilter(limit=10, query="hello"))
            store.runs.purge(NOW)
        return 0

    results = at_once(store_adapter, tmp_path / "data", [write, write, tidy])

    assert results == [120, 120, 0]
