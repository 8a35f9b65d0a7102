"""A database that an older release wrote, opened by this one."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from worlds.stores import (
    LARGE,
    NOW,
    OTHER_WORKER,
    PRICE,
    WORKER,
    answer,
    attempt,
    call,
    new_id,
    new_session,
    turn_in,
)

from services.domain.catalog import ModelChoice
from services.domain.errors.conflicts import StorageFull
from services.domain.runs import ClaimedRun, Piece, Run, RunBeat
from services.stores.base.accounts.logins import Login, RefreshToken, Renewal
from services.stores.base.bounds import Bounds
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.file.migrations import known_migrations, migrate
from services.stores.sqlite.store import FILE_NAME, SqliteStore

SMALL = ModelChoice(None, "small")
BEFORE_CALLS = """
drop table account_links;
drop index logins_by_network;
alter table logins drop column network;
alter table refresh_tokens drop column next_hash;
alter table refresh_tokens drop column next_seed;
alter table refresh_tokens drop column used_with;
alter table runs drop column calls;
alter table ledger drop column code;
drop view session_bytes;
drop table user_storage;
drop trigger bytes_of_new_message;
drop trigger bytes_of_changed_message;
drop trigger bytes_of_deleted_message;
drop trigger bytes_of_new_session;
drop trigger bytes_before_session_changes;
drop trigger bytes_after_session_changed;
drop trigger bytes_of_deleted_session;
delete from schema_migrations where version > 1;
update runs set attempt = 2 where status = 'streaming';
"""
"""Takes a database back to the first schema, under which beats told only the number of calls."""

Prepare = Callable[[SqliteStore], Run]


def ended(store: SqliteStore) -> Run:
    """Make an answer that has ended."""
    return answer(store, store.sessions.create(new_session(new_id())))


def active(store: SqliteStore) -> Run:
    """Make half of an answer, of a model whose price is known."""
    session = store.sessions.create(new_session(new_id()))
    run = store.runs.begin_turn(turn_in(session, choice=SMALL)).run
    store.runs.beat(WORKER, [RunBeat(run.id, 1, Piece(3, "Hel"))], NOW)
    return run


@pytest.fixture
def older(tmp_path: Path) -> Callable[[Prepare], Run]:
    """Write a database as the older release did."""

    def write(prepare: Prepare) -> Run:
        with closing(SqliteStore.open(tmp_path)) as store:
            run = prepare(store)
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
            connection.executescript(BEFORE_CALLS)
        return run

    return write


def claim(folder: Path) -> ClaimedRun:
    """Take the only active run over."""
    with closing(SqliteStore.open(folder)) as store:
        [claimed] = store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
        return claimed


def test_what_the_older_release_had_is_what_its_first_schema_makes(
    tmp_path: Path, older: Callable[[Prepare], Run]
) -> None:
    older(ended)
    with closing(Database(tmp_path / "first.db", 1)) as database:
        migrate(database, known_migrations()[:1])

    assert columns(tmp_path / FILE_NAME) == columns(tmp_path / "first.db")


def columns(path: Path) -> list[tuple[str, ...]]:
    """List the columns of all tables."""
    query = (
        "select t.name, c.name, c.type, c.dflt_value from sqlite_schema as t"
        " join pragma_table_info(t.name) as c where t.type = 'table' order by 1, c.cid"
    )
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute(query))


def test_a_run_that_it_settled_is_read_with_its_attempts(
    tmp_path: Path, older: Callable[[Prepare], Run]
) -> None:
    run = older(ended)

    with closing(SqliteStore.open(tmp_path)) as store:
        assert store.runs.get(run.user_id, run.id) == run
        assert run.attempts == (attempt(),)


def test_the_calls_that_it_only_counted_went_to_the_model_of_the_begin(
    tmp_path: Path, older: Callable[[Prepare], Run]
) -> None:
    older(active)

    claimed = claim(tmp_path)

    assert claimed.text == "Hel"
    assert claimed.calls == tuple(call(number, model="small", price=PRICE) for number in (1, 2))


def test_this_release_goes_on_counting_where_it_stopped(
    tmp_path: Path, older: Callable[[Prepare], Run]
) -> None:
    run = older(active)
    calls = [call(1), call(2), call(3, model=LARGE.name, price=PRICE)]

    with closing(SqliteStore.open(tmp_path)) as store:
        store.runs.beat(WORKER, [RunBeat(run.id, 1, None, calls[:2])], NOW)
        store.runs.beat(WORKER, [RunBeat(run.id, 1, None, calls)], NOW)

    assert claim(tmp_path).calls == tuple(calls)


def test_logins_that_it_opened_go_on_and_tokens_that_it_used_get_a_successor(
    tmp_path: Path, older: Callable[[Prepare], Run]
) -> None:
    login, grace = Login(new_id(), new_id()), timedelta(seconds=30)

    def opened(store: SqliteStore) -> Run:
        store.logins.open(login, made("first"))
        store.logins.rotate("first", made("second"), grace)
        return ended(store)

    older(opened)

    with closing(SqliteStore.open(tmp_path)) as store:
        for old, seed in (("first", "third"), ("second", "fourth"), ("third", "fifth")):
            assert store.logins.rotate(old, made(seed), grace) == Renewal(login, seed)


def made(name: str) -> RefreshToken:
    """Describe a token."""
    return RefreshToken(name, NOW, NOW + timedelta(days=30), name)


def test_what_was_kept_before_is_counted(tmp_path: Path, older: Callable[[Prepare], Run]) -> None:
    run = older(ended)
    rows, texts = 3 * 512, len("Hello") + len("Hello to you") + len("Hello") + len("{}")

    with closing(SqliteStore.open(tmp_path, Bounds(stored_bytes=rows + texts))) as store:
        with pytest.raises(StorageFull):
            store.sessions.create(new_session(run.user_id))
        store.sessions.delete(run.user_id, run.session_id)
        store.sessions.create(new_session(run.user_id))
    with closing(SqliteStore.open(tmp_path, Bounds(stored_bytes=1))) as store:
        store.sessions.create(new_session(new_id()))
