"""An installation with data of every kind, and everything that a store tells of it."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from worlds.stores import attempt, done, new_id, new_session, settlement_of, turn_in

from services.domain.costs import Cost, Usage, UsageSource
from services.domain.errors.requests import NotFound
from services.domain.events import Error
from services.domain.paging import Page
from services.domain.runs import AttemptOutcome, IdempotencyKey, ParentRule, Run
from services.domain.sessions import FinishReason, MessageStatus, Session, SessionFilter
from services.domain.users import User
from services.stores.base.accounts.logins import Login, RefreshToken
from services.stores.base.accounts.users import NewUser
from services.stores.base.store import Store
from services.stores.sqlite.store import FILE_NAME, SqliteStore

TURNS = 600
ODD_TEXTS = [
    'quotes " and \\ backslashes, a tab\t, lines\r\nand\u2028separators',
    "combined e\u0301, 家族 👨\u200d👩\u200d👧, שלום, \ufeff and \U0001f9ff",
    "{}[]$1 %s :a ${x} -- /* ; ' OR 1=1",
    "\x01\x1e\x1f controls that are text",
    " leading and trailing ",
]
KEY = IdempotencyKey("kept", "body")
OLD_KEY = IdempotencyKey("old", "body")
Item = TypeVar("Item")


@dataclass(slots=True)
class Installation:
    """What was made in an installation; `deleted` is a session that is hidden."""

    users: list[User]
    sessions: list[Session]
    runs: list[Run]
    logins: list[Login]
    deleted: Session


def make_installation(folder: Path) -> Installation:
    """Make an installation in a data folder."""
    with closing(SqliteStore.open(folder)) as store:
        made = _Maker(store, datetime.now(UTC)).make()
    # This is how a crash leaves a session between hiding it and deleting it.
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("UPDATE sessions SET deleted = 1 WHERE id = ?", (made.deleted.id,))
        connection.commit()
    return made


class _Maker:
    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._now = now
        self._runs: list[Run] = []

    def make(self) -> Installation:
        users = [self._user(n) for n in range(4)]
        first, second, third, _ = users
        tree, stopped, failed = (self._session(user) for user in (first, first, second))
        long, odd, deleted = (self._session(user) for user in (third, second, third))
        self._make_tree(tree)
        self._make_ends(stopped, failed)
        self._make_odd(odd)
        for number in range(TURNS):
            self._answer(long, f"answer {number}", content=f"question {number}")
        self._answer(deleted, "of a deleted session")
        self._store.sessions.create(new_session(third.id), KEY)
        return Installation(
            users, [tree, stopped, failed, long, odd], self._runs, self._logins(users), deleted
        )

    def _user(self, number: int) -> User:
        return self._store.users.add(
            NewUser(
                id=new_id(),
                email=f"Straße{number}@Example.org",
                name=None if number else "Zoë ' Ω",
                password_hash=f"$argon2id$v=19$m=19456,t=2,p=1$salt{number}$hash",
                created_at=self._now - timedelta(days=number),
            )
        )

    def _session(self, user: User, **changes: Any) -> Session:
        new = new_session(user.id, tenant_id=user.tenant_id, created_at=self._now, **changes)
        return self._store.sessions.create(new)

    def _answer(self, session: Session, text: str, **changes: Any) -> Run:
        given = {"created_at": self._now, "max_active_runs": None, **changes}
        run = self._store.runs.begin_turn(turn_in(session, **given)).run
        self._store.runs.settle_turn(settlement_of(run, text=text))
        self._runs.append(run)
        return run

    def _make_tree(self, session: Session) -> None:
        root = self._answer(session, "one", key=KEY)
        self._answer(session, "two")
        self._answer(session, "a fork", parent=ParentRule.GIVEN, parent_id=root.message_id)
        self._answer(session, "another beginning", parent=ParentRule.ROOT)
        self._answer(session, "long ago", key=OLD_KEY, created_at=self._now - timedelta(days=2))

    def _make_ends(self, stopped: Session, failed: Session) -> None:
        """End runs in the other ways, with amounts that no binary number can hold."""
        cost = Cost(Decimal("12345678901234567890.000000000100"))
        used = Usage(1, 2, 0, 0, UsageSource.ESTIMATED)
        run = self._store.runs.begin_turn(turn_in(stopped, created_at=self._now)).run
        self._store.runs.request_stop(run.user_id, run.id, self._now)
        terminal = done(run, finish_reason=FinishReason.STOPPED, cost=cost, usage=used)
        settlement = settlement_of(
            run, status=MessageStatus.STOPPED, finish_reason=FinishReason.STOPPED, terminal=terminal
        )
        attempts = [
            attempt(1, outcome=AttemptOutcome.FAILED, cost=None, usage=used, code="upstream_cut"),
            attempt(2, outcome=AttemptOutcome.CANCELLED, cost=cost),
        ]
        self._store.runs.settle_turn(replace(settlement, attempts=attempts, told_epoch=1))
        self._runs.append(run)
        run = self._store.runs.begin_turn(turn_in(failed, created_at=self._now)).run
        error = Error(
            code="upstream_timeout",
            message="It took “too” long.",
            retryable=True,
            message_id=run.message_id,
            usage=used,
            cost=None,
        )
        self._store.runs.settle_turn(
            settlement_of(
                run,
                status=MessageStatus.FAILED,
                finish_reason=None,
                text="",
                terminal=error,
                terminal_seq=2,
            )
        )
        self._runs.append(run)

    def _make_odd(self, session: Session) -> None:
        for text in ODD_TEXTS:
            self._answer(session, text, content=text[::-1])

    def _logins(self, users: Sequence[User]) -> list[Login]:
        logins = []
        for user in users:
            for number in range(2):
                login = Login(new_id(), user.id)
                token = RefreshToken(
                    f"hash {login.id}", self._now, self._now + timedelta(days=number + 1)
                )
                self._store.logins.open(login, token)
                logins.append(login)
        self._store.logins.revoke(logins[0].id)
        return logins


def all_told(store: Store, made: Installation) -> Mapping[str, object]:
    """Ask a store for everything that it tells of an installation."""
    told: dict[str, object] = {}
    for user in made.users:
        told |= _told_of_user(store, user)
    for session in made.sessions:
        told |= _told_of_session(store, session)
    for run in [*made.runs[:20], *made.runs[-20:]]:
        told[f"run {run.id}"] = _told_of_run(store, run)
    told["key"] = store.runs.find_key(made.users[0].id, KEY)
    told["logins"] = [store.logins.is_live(login.id) for login in made.logins]
    return told


def _told_of_user(store: Store, user: User) -> dict[str, object]:
    def page(cursor: str | None) -> Page[Session]:
        return store.sessions.list(user.id, SessionFilter(limit=2, cursor=cursor))

    return {
        f"user {user.id}": (store.users.credentials(user.email.upper()), store.users.get(user.id)),
        f"sessions {user.id}": _all(page),
    }


def _told_of_session(store: Store, session: Session) -> dict[str, object]:
    owner = (session.user_id, session.id)
    return {
        f"branch {session.id}": _all(partial(store.messages.branch, *owner, 100)),
        f"tree {session.id}": _all(partial(store.messages.tree, *owner, 100)),
        f"latest {session.id}": store.runs.latest(*owner),
    }


def _told_of_run(store: Store, run: Run) -> object:
    try:
        found = store.runs.get(run.user_id, run.id)
    except NotFound:
        return None
    return found, found.cost and str(found.cost.amount), store.runs.text(run.user_id, run.id)


def ledger_of(folder: Path) -> list[dict[str, object]]:
    """Read the ledger of a data folder."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(LEDGER)]


LEDGER = """
select run_id, attempt, purpose, user_id, tenant_id, session_id, provider, model, outcome,
  code, input_tokens, output_tokens, cached_tokens, reasoning_tokens, usage_source, amount, currency
from ledger order by run_id, attempt
"""


def _all(page: Callable[[str | None], Page[Item]]) -> list[Item]:
    return [item for part in _pages(page) for item in part.items]


def _pages(page: Callable[[str | None], Page[Item]]) -> Iterator[Page[Item]]:
    cursor: str | None = None
    while True:
        part = page(cursor)
        yield part
        cursor = part.next_cursor
        if cursor is None:
            return
