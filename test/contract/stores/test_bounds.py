"""Pages that end by their bytes, and what a user may keep, on every store."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from worlds.stores import (
    KEY,
    StoreAdapter,
    answer,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.errors.conflicts import StorageFull
from services.domain.paging import Page
from services.domain.sessions import Message, Session, SessionChanges, SessionFilter
from services.stores.base.bounds import Bounds
from services.stores.base.store import Store

ROW = 512
"""What a session or a message counts for beside its texts."""

OpenBounded = Callable[[Bounds], Store]


@pytest.fixture
def bounded(store_adapter: StoreAdapter, tmp_path: Path) -> Iterator[OpenBounded]:
    """Open the test's database with bounds."""
    with ExitStack() as stack:
        yield lambda bounds: stack.enter_context(
            closing(store_adapter.open(tmp_path / "data", bounds=bounds))
        )


def pages(read: Callable[[str | None], Page[Message]]) -> list[list[str]]:
    """Page back to the first message, and give the beginnings of each page's contents."""
    found, cursor = [], None
    while True:
        page = read(cursor)
        found.append([message.content[:2] for message in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("tree", [False, True])
def test_a_page_of_messages_ends_once_it_has_enough_bytes(
    bounded: OpenBounded,
    user_id: str,
    tree: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    store = bounded(Bounds(page_bytes=1000))
    session = store.sessions.create(new_session(user_id))
    for n in range(3):
        answer(store, session, f"a{n}" + "é" * 300, content=f"q{n}" + "x" * 300)
    read = store.messages.tree if tree else store.messages.branch

    def of(limit: int) -> list[list[str]]:
        return pages(lambda cursor: read(user_id, session.id, limit, cursor))

    # A question and an answer are 904 bytes together: the third message fills the page.
    assert of(100) == [["a1", "q2", "a2"], ["q0", "a0", "q1"]]
    assert of(2) == [["q2", "a2"], ["q1", "a1"], ["q0", "a0"]]


def test_a_message_that_is_larger_than_a_page_is_a_page(bounded: OpenBounded, user_id: str) -> None:
    store = bounded(Bounds(page_bytes=1000))
    session = store.sessions.create(new_session(user_id))
    answer(store, session, "a" * 5000, content="q" * 5000)

    assert pages(lambda at: store.messages.branch(user_id, session.id, 100, at)) == [["aa"], ["qq"]]


@pytest.mark.parametrize("query", [None, "common"])
def test_a_page_of_sessions_ends_once_it_has_enough_bytes(
    bounded: OpenBounded, user_id: str, query: str | None
) -> None:
    store = bounded(Bounds(page_bytes=1000))
    for n in range(5):
        new = new_session(
            user_id,
            title=f"common {n}",
            system_prompt="x" * 300,
            metadata={"a": "x" * 300},
            created_at=later(n),
        )
        store.sessions.create(new)
    titles: list[list[str | None]] = []
    cursor = None
    while True:
        page = store.sessions.list(user_id, SessionFilter(limit=50, query=query, cursor=cursor))
        titles.append([one.title for one in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break

    assert titles == [["common 4", "common 3"], ["common 2", "common 1"], ["common 0"]]


def fill(store: Store, user_id: str) -> Session:
    """Make a session with a turn that is under way."""
    session = store.sessions.create(new_session(user_id))
    run = store.runs.begin_turn(turn_in(session, content="é" * 500)).run
    store.runs.settle_turn(settlement_of(run, text="x" * 1000))
    return session


def room_of(session: Session) -> int:
    """Give what `fill` takes: three rows, the texts and the title, and the empty metadata."""
    del session
    return 3 * ROW + 1000 + 1000 + len("{}") + len(("é" * 59 + "…").encode())


def test_who_keeps_as_much_as_a_user_may_writes_nothing_new_and_deletes(
    bounded: OpenBounded, user_id: str
) -> None:
    free = bounded(Bounds())
    session = fill(free, user_id)
    most = room_of(session)
    full, just_not = bounded(Bounds(stored_bytes=most)), bounded(Bounds(stored_bytes=most + 1))

    for write in (
        lambda: full.sessions.create(new_session(user_id)),
        lambda: full.runs.begin_turn(turn_in(session)),
        lambda: full.runs.begin_turn(turn_in(new := new_session(user_id), new_session=new)),
        lambda: full.sessions.change(
            user_id,
            session.id,
            SessionChanges(given=frozenset({"title"}), title="x" * 200),
            later(1),
        ),
    ):
        with pytest.raises(StorageFull):
            write()
    shorter = SessionChanges(given=frozenset({"title"}), title="x" * 121)
    assert full.sessions.change(user_id, session.id, shorter, later(1)).title == "x" * 121
    assert len(full.messages.branch(user_id, session.id, 10).items) == 2
    assert full.sessions.create(new_session(new_id())).title is None

    run = just_not.runs.begin_turn(turn_in(session)).run
    with_session = new_session(other := new_id(), system_prompt="x" * 1000)
    one_byte = bounded(Bounds(stored_bytes=1)).runs
    assert one_byte.begin_turn(turn_in(with_session, new_session=with_session)).run.user_id == other
    full.runs.settle_turn(settlement_of(run, text="x" * 5000))
    assert full.runs.text(user_id, run.id) == "x" * 5000

    full.sessions.delete(user_id, session.id)
    assert bounded(Bounds(stored_bytes=1)).sessions.create(new_session(user_id))


def test_what_was_made_before_is_given_again_to_a_user_who_is_full(
    bounded: OpenBounded, user_id: str
) -> None:
    free, full = bounded(Bounds()), bounded(Bounds(stored_bytes=1))
    new = new_session(user_id)
    made = free.sessions.create(new, KEY)
    turn = turn_in(made)
    begun = free.runs.begin_turn(turn)

    assert full.sessions.create(new_session(user_id), KEY) == full.sessions.get(user_id, made.id)
    assert full.runs.begin_turn(turn).run.id == begun.run.id


def test_what_is_kept_is_what_is_there_whatever_was_done(
    bounded: OpenBounded, user_id: str
) -> None:
    store = bounded(Bounds())
    kept = fill(store, user_id)
    for n in range(3):
        other = fill(store, user_id)
        change = SessionChanges(
            given=frozenset({"title", "system_prompt", "metadata"}),
            title=None if n else "ü" * 20,
            system_prompt="x" * n or None,
            metadata={"é": "x" * 100},
        )
        store.sessions.change(user_id, other.id, change, later(1))
        store.sessions.delete(user_id, other.id)
    most = room_of(kept)

    with pytest.raises(StorageFull):
        bounded(Bounds(stored_bytes=most)).sessions.create(new_session(user_id))
    assert bounded(Bounds(stored_bytes=most + 1)).sessions.create(new_session(user_id))
