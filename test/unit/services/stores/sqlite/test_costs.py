"""What calls cost in SQLite: steps of its virtual machine, which a busy machine cannot change."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from worlds.stores import (
    KEY,
    NOW,
    SMALL,
    WORKER,
    call,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.catalog import Offers
from services.domain.runs import Piece, Run, RunBeat
from services.domain.sessions import Session, SessionFilter
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.file.migrations import known_migrations, migrate
from services.stores.sqlite.messages import SqliteMessages
from services.stores.sqlite.runs import SqliteRuns
from services.stores.sqlite.search import match_expression
from services.stores.sqlite.sessions import SqliteSessions
from services.stores.sqlite.turns import begin as turns
from services.stores.sqlite.turns import settle as settlements

# A single worker of pytest builds the long session, once.
pytestmark = pytest.mark.xdist_group("sqlite costs")

SHORT, LONG = 10, 10_000


class Counting:
    """The parts of a store on a database whose every step is counted."""

    def __init__(self, path: Path) -> None:
        """Open an empty database."""
        self.database = Database(path, 1)
        migrate(self.database, known_migrations())
        self.sessions = SqliteSessions(self.database)
        self.messages = SqliteMessages(self.database)
        self.runs = SqliteRuns(self.database)

    def steps(self, work: Callable[[], object]) -> int:
        """Count the steps of a piece of work."""
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            return 0

        with self.database.read() as connection:
            connection.set_progress_handler(count, 1)
        work()
        with self.database.read() as connection:
            connection.set_progress_handler(None, 1)
        return counted

    def statements(self, work: Callable[[], object]) -> list[str]:
        """Collect the statements of a piece of work."""
        seen: list[str] = []
        with self.database.read() as connection:
            connection.set_trace_callback(seen.append)
        work()
        with self.database.read() as connection:
            connection.set_trace_callback(None)
        return [one for one in seen if re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)", one)]

    def session_with(self, messages: int) -> Session:
        """Make a session with one branch of so many messages."""
        session = self.sessions.create(new_session(new_id()))
        with self.database.write() as connection:
            for _ in range(messages // 2):
                run = turns.begin(connection, turn_in(session)).run
                settlements.settle(connection, settlement_of(run))
        return session


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counting]:
    """Give a database."""
    counting = Counting(tmp_path_factory.mktemp("costs") / "test.db")
    with closing(counting.database):
        yield counting


@pytest.fixture(scope="module")
def lengths(counting: Counting) -> Sequence[Session]:
    """Give a short and a long session."""
    return [counting.session_with(SHORT), counting.session_with(LONG)]


def test_a_turn_costs_the_same_in_a_long_session(
    counting: Counting, lengths: Sequence[Session]
) -> None:
    costs = [[_turn(counting, session) for _ in range(8)] for session in lengths]

    # The least of eight: now and then the full-text index merges what was added before.
    (short_begin, short_settle), (long_begin, long_settle) = (
        map(min, zip(*of_session, strict=True)) for of_session in costs
    )
    assert long_begin < 1.2 * short_begin
    assert long_settle < 1.2 * short_settle


@pytest.mark.parametrize("bound", [0, 1000])
def test_a_turn_reads_no_more_messages_than_the_window_holds(
    counting: Counting, lengths: Sequence[Session], bound: int
) -> None:
    # The messages of these sessions take 6 or 7 tokens each.
    window = replace(SMALL, window=200, max_output=100)
    offers = Offers([window], window, "scripted")
    few, many = (
        min(_turn(counting, session, offers=offers, context_messages=bound)[0] for _ in range(8))
        for session in (counting.session_with(40), lengths[1])
    )

    assert many < 1.2 * few


@pytest.mark.parametrize("name", ["branch", "tree"])
def test_a_page_costs_the_same_in_a_long_session_also_in_its_middle(
    counting: Counting, lengths: Sequence[Session], name: str
) -> None:
    read = getattr(counting.messages, name)
    costs = []
    for session, skipped in zip(lengths, (4, 5000), strict=True):
        ids = (session.user_id, session.id)
        cursors = (None, read(*ids, skipped).next_cursor)
        costs += [counting.steps(partial(read, *ids, 5, cursor)) for cursor in cursors]

    assert max(costs) < 1.2 * min(costs)


def test_a_page_of_sessions_costs_the_same_in_a_long_list(counting: Counting) -> None:
    costs = []
    for count in (10, 1000):
        user_id = new_id()
        for n in range(count):
            counting.sessions.create(new_session(user_id, created_at=later(n)))
        half = counting.sessions.list(user_id, SessionFilter(limit=count // 2))
        for cursor in (None, half.next_cursor):
            wanted = SessionFilter(limit=5, cursor=cursor)
            costs.append(counting.steps(partial(counting.sessions.list, user_id, wanted)))

    assert max(costs) < 1.2 * min(costs)


def test_no_call_on_the_hub_reads_a_table_from_end_to_end(
    counting: Counting, lengths: Sequence[Session]
) -> None:
    session = lengths[1]
    user_id = session.user_id
    turn = turn_in(session, key=KEY, max_active_runs=5)

    def everything() -> None:
        run = counting.runs.begin_turn(turn).run
        counting.runs.begin_turn(turn)
        counting.runs.beat(WORKER, [RunBeat(run.id, 1, Piece(1, "x"), [call()])], NOW)
        counting.runs.request_stop(user_id, run.id, NOW)
        _read(counting, run)
        [claimed] = counting.runs.claim_dead("other", [WORKER], 1)
        counting.runs.settle_turn(settlement_of(claimed.run))
        _read(counting, run)
        counting.runs.forget_workers([WORKER])

    statements = counting.statements(everything)

    assert len(statements) > 50
    assert _scans(counting, statements) == []


def test_the_index_itself_keeps_a_search_away_from_what_others_wrote(
    counting: Counting, lengths: Sequence[Session]
) -> None:
    assert len(lengths) == 2
    mine = counting.session_with(6)

    with counting.database.read() as connection:
        found = connection.execute(
            "SELECT count(*) FROM message_words WHERE message_words MATCH ?",
            (match_expression(mine.user_id, ["hello"]),),
        ).fetchone()

    assert found[0] == 6


def _turn(counting: Counting, session: Session, **changes: Any) -> tuple[int, int]:
    """Make a turn, and count the steps of its begin and of its settle."""
    turn = turn_in(session, **changes)
    begin = counting.steps(lambda: counting.runs.begin_turn(turn))
    settlement = settlement_of(counting.runs.get(session.user_id, turn.run_id))
    return begin, counting.steps(lambda: counting.runs.settle_turn(settlement))


def _read(counting: Counting, run: Run) -> None:
    owner = (run.user_id, run.session_id)
    counting.messages.branch(*owner, 5)
    counting.messages.tree(*owner, 5)
    counting.sessions.get(*owner)
    counting.sessions.list(run.user_id, SessionFilter(limit=5))
    counting.runs.get(run.user_id, run.id)
    counting.runs.latest(*owner)
    counting.runs.text(run.user_id, run.id)
    counting.runs.find_key(run.user_id, KEY)


def _scans(counting: Counting, statements: Sequence[str]) -> list[str]:
    """Give the plans that read a whole table; temporary tables do not count.

    The workers on record are few, and a beat reports all of them.
    """
    allowed = re.compile(r"SCAN (walk|workers|json_each|CONSTANT ROW|\(subquery|sqlite_schema)")
    with counting.database.read() as connection:
        plans = [
            (statement, row["detail"])
            for statement in statements
            for row in _plan(connection, statement)
        ]
    return [
        f"{detail}: {statement}"
        for statement, detail in plans
        if "SCAN" in detail and not allowed.search(detail)
    ]


def _plan(connection: sqlite3.Connection, statement: str) -> list[sqlite3.Row]:
    if "_data'" in statement or statement.startswith("--"):
        return []
    return connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
