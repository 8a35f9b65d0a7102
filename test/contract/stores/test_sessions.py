"""Sessions, on every store."""

from collections.abc import Sequence

import pytest
from worlds.stores import (
    KEY,
    KEY_WITH_OTHER_BODY,
    NOW,
    UNKNOWN_ID,
    answer,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.catalog import ModelChoice
from services.domain.errors.conflicts import RunActive
from services.domain.errors.requests import InvalidCursor, KeyReused, NotFound
from services.domain.paging import encode_cursor
from services.domain.sessions import Session, SessionChanges, SessionFilter
from services.stores.base.store import Store


def all_pages(store: Store, user_id: str, limit: int) -> Sequence[Sequence[str]]:
    """Page through the list to its end, and give the ids of each page."""
    pages, cursor = [], None
    while True:
        page = store.sessions.list(user_id, SessionFilter(limit=limit, cursor=cursor))
        pages.append([session.id for session in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return pages


def test_a_session_is_read_back_as_it_was_made(store: Store, user_id: str) -> None:
    metadata = {"tags": ["a", {"b": None}], "number": 1.5, "emoji": "🎉"}
    new = new_session(
        user_id,
        title="Title",
        system_prompt="Be kind.",
        choice=ModelChoice("scripted", "small"),
        metadata=metadata,
    )

    made = store.sessions.create(new)

    assert made == Session(
        id=new.id,
        user_id=user_id,
        title="Title",
        created_at=NOW,
        updated_at=NOW,
        system_prompt="Be kind.",
        choice=ModelChoice("scripted", "small"),
        metadata=metadata,
    )
    assert store.sessions.get(user_id, new.id) == made


def test_a_known_key_gives_the_session_that_it_made(store: Store, user_id: str) -> None:
    made = store.sessions.create(new_session(user_id), KEY)

    assert store.sessions.create(new_session(user_id), KEY) == made
    assert len(store.sessions.list(user_id, SessionFilter(limit=10)).items) == 1


def test_a_key_with_another_body_makes_no_session(store: Store, user_id: str) -> None:
    store.sessions.create(new_session(user_id), KEY)

    with pytest.raises(KeyReused):
        store.sessions.create(new_session(user_id), KEY_WITH_OTHER_BODY)

    assert len(store.sessions.list(user_id, SessionFilter(limit=10)).items) == 1


def test_keys_of_different_users_are_different_keys(store: Store, user_id: str) -> None:
    first = store.sessions.create(new_session(user_id), KEY)
    second = store.sessions.create(new_session(new_id()), KEY_WITH_OTHER_BODY)

    assert first.id != second.id


def test_a_session_names_its_active_run_until_that_ends(store: Store, session: Session) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    while_active = store.sessions.get(session.user_id, session.id)
    listed = store.sessions.list(session.user_id, SessionFilter(limit=1)).items[0]
    store.runs.settle_turn(settlement_of(run))

    assert while_active.active_run == listed.active_run == run.id
    assert store.sessions.get(session.user_id, session.id).active_run is None


def test_the_list_goes_by_last_use_newest_first(store: Store, user_id: str) -> None:
    old, new, middle = (
        store.sessions.create(new_session(user_id, created_at=later(n))) for n in (0, 20, 10)
    )
    assert all_pages(store, user_id, 10) == [[new.id, middle.id, old.id]]

    answer(store, old, created_at=later(30))

    assert all_pages(store, user_id, 10) == [[old.id, new.id, middle.id]]


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1] * 6), (4, [4, 2]), (6, [6]), (50, [6])])
def test_pages_meet_every_session_once_even_with_equal_times(
    store: Store, user_id: str, limit: int, sizes: list[int]
) -> None:
    made = [store.sessions.create(new_session(user_id, created_at=later(n // 3))) for n in range(6)]

    pages = all_pages(store, user_id, limit)

    assert [len(page) for page in pages] == sizes
    expected = sorted(made, key=lambda one: (one.updated_at, one.id), reverse=True)
    assert [one for page in pages for one in page] == [session.id for session in expected]


def test_a_whole_second_sorts_before_its_parts(store: Store, user_id: str) -> None:
    times = [NOW.replace(microsecond=microsecond) for microsecond in (5, 0, 500_000)]
    first, second, third = (
        store.sessions.create(new_session(user_id, created_at=time)) for time in times
    )

    assert all_pages(store, user_id, 2) == [[third.id, first.id], [second.id]]


def test_archived_sessions_have_a_list_of_their_own(store: Store, user_id: str) -> None:
    shown, archived = (store.sessions.create(new_session(user_id)) for _ in range(2))
    changes = SessionChanges(given=frozenset({"archived"}), archived=True)
    store.sessions.change(user_id, archived.id, changes, NOW)

    normal = store.sessions.list(user_id, SessionFilter(limit=10))
    put_away = store.sessions.list(user_id, SessionFilter(limit=10, archived=True))

    assert [one.id for one in normal.items] == [shown.id]
    assert [one.id for one in put_away.items] == [archived.id]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "",
        encode_cursor("sessions", "2026", UNKNOWN_ID),
        encode_cursor("sessions", "2026-11-20T12:00:00.000000Z", "x"),
        encode_cursor("branch", UNKNOWN_ID),
        encode_cursor("other", "2026-11-20T12:00:00.000000Z", UNKNOWN_ID),
        encode_cursor("sessions", "9999-99-99T99:99:99.999999Z", UNKNOWN_ID),
    ],
)
def test_a_cursor_of_something_else_is_refused(store: Store, user_id: str, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        store.sessions.list(user_id, SessionFilter(limit=10, cursor=cursor))


def test_a_change_writes_what_was_given_and_nothing_else(store: Store, user_id: str) -> None:
    made = store.sessions.create(
        new_session(user_id, title="Old", system_prompt="Prompt", metadata={"a": 1})
    )
    changes = SessionChanges(given=frozenset({"title"}), title="New", metadata={"b": 2})

    changed = store.sessions.change(user_id, made.id, changes, later(5))

    assert (changed.title, changed.system_prompt) == ("New", "Prompt")
    assert changed.metadata == {"a": 1}
    assert (changed.created_at, changed.updated_at) == (NOW, later(5))
    assert store.sessions.get(user_id, made.id) == changed


def test_everything_of_a_session_can_be_changed_and_cleared(store: Store, user_id: str) -> None:
    made = store.sessions.create(new_session(user_id, title="Old", system_prompt="Prompt"))
    every = frozenset({"title", "archived", "system_prompt", "choice", "metadata"})
    choice = ModelChoice("scripted", "small")
    full = SessionChanges(
        given=every,
        title="New",
        archived=True,
        system_prompt="Other",
        choice=choice,
        metadata={"b": 2},
    )

    changed = store.sessions.change(user_id, made.id, full, NOW)
    cleared = store.sessions.change(user_id, made.id, SessionChanges(given=every), NOW)

    assert (changed.title, changed.archived, changed.system_prompt) == ("New", True, "Other")
    assert (changed.choice, changed.metadata) == (choice, {"b": 2})
    assert (cleared.title, cleared.archived, cleared.system_prompt) == (None, False, None)
    assert (cleared.choice, cleared.metadata) == (ModelChoice(), {})


def test_a_change_that_gives_nothing_leaves_the_session_and_its_place_in_the_list(
    store: Store, user_id: str
) -> None:
    old, new = (store.sessions.create(new_session(user_id, created_at=later(n))) for n in (0, 1))

    changed = store.sessions.change(user_id, old.id, SessionChanges(given=frozenset()), later(5))

    assert changed == store.sessions.get(user_id, old.id) == old
    assert all_pages(store, user_id, 10) == [[new.id, old.id]]
    with pytest.raises(NotFound):
        store.sessions.change(user_id, UNKNOWN_ID, SessionChanges(given=frozenset()), NOW)


def test_an_unknown_field_cannot_be_changed(store: Store, session: Session) -> None:
    changes = SessionChanges(given=frozenset({"owner"}))

    with pytest.raises(ValueError, match="owner"):
        store.sessions.change(session.user_id, session.id, changes, NOW)


def test_a_deleted_session_is_gone_with_messages_runs_and_keys(
    store: Store, session: Session
) -> None:
    run = answer(store, session, key=KEY)

    store.sessions.delete(session.user_id, session.id)

    assert store.sessions.list(session.user_id, SessionFilter(limit=10)).items == []
    assert store.runs.find_key(session.user_id, KEY) is None
    with pytest.raises(NotFound):
        store.sessions.get(session.user_id, session.id)
    with pytest.raises(NotFound):
        store.messages.branch(session.user_id, session.id, 10)
    with pytest.raises(NotFound):
        store.runs.get(session.user_id, run.id)


def test_a_session_with_an_active_run_is_not_deleted(store: Store, session: Session) -> None:
    run = store.runs.begin_turn(turn_in(session)).run

    with pytest.raises(RunActive) as refused:
        store.sessions.delete(session.user_id, session.id)

    assert refused.value.active_run_id == run.id
    assert len(store.messages.branch(session.user_id, session.id, 10).items) == 2
