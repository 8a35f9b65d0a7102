"""What the tests of stores begin with: the adapters, and values whose fields they may change."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from sqlite3 import IntegrityError
from threading import Barrier
from typing import Any, Protocol, TypeAlias, TypeVar

from uuid_utils.compat import uuid7

from services.domain.catalog import Model, ModelChoice, Offers
from services.domain.costs import Cost, Price, Usage
from services.domain.events import Attempt, Done
from services.domain.runs import (
    AttemptOutcome,
    AttemptRecord,
    BeginTurn,
    IdempotencyKey,
    Run,
    Settlement,
)
from services.domain.sessions import FinishReason, MessageStatus, NewSession, Session
from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.store import Store
from services.stores.sqlite.store import SqliteStore

Result = TypeVar("Result")
Job: TypeAlias = Callable[[Store], Result]

NOW = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)

PRICE = Price(Decimal("2.5"), Decimal(10), Decimal("1.25"))
SMALL = Model(provider="scripted", name="small", window=1000, max_output=100, price=PRICE)
LARGE = Model(provider="scripted", name="large", window=100_000, max_output=4000, reasons=True)
OFFERS = Offers([LARGE, SMALL], LARGE, "scripted")

KEY = IdempotencyKey("key", "body")
KEY_WITH_OTHER_BODY = IdempotencyKey("key", "another body")

WORKER = "worker-1"
OTHER_WORKER = "worker-2"

UNKNOWN_ID = "01a1f8cf-0000-7000-8000-000000000000"

UNKNOWN_RUN = Run(
    id=UNKNOWN_ID,
    session_id=UNKNOWN_ID,
    user_id=UNKNOWN_ID,
    message_id=UNKNOWN_ID,
    user_message_id=UNKNOWN_ID,
    epoch=1,
    status=MessageStatus.STREAMING,
    provider="scripted",
    model="large",
    created_at=NOW,
)
"""A run that no store has begun."""

NOT_IDS = [
    "",
    "x",
    "1",
    "../../etc/passwd",
    "a\0b",
    "\ud800",
    "' OR 1=1 --",
    "0" * 100_000,
    "00000000-0000-0000-0000-00000000000g",
    "00000000-0000-0000-0000-000000000000\n",
]
"""What a URL may hold where an id is expected."""


class OpenStore(Protocol):
    """Opens the store in a folder."""

    def __call__(self, folder: Path, /, bounds: Bounds = USUAL) -> Store:
        """Open it with these bounds."""


@dataclass(frozen=True, slots=True)
class StoreAdapter:
    """An implementation of the store, and what it raises where a constraint is broken.

    `open` may be called again for the same folder, also from another thread, as for one more
    worker; it takes bounds too.
    """

    name: str
    open: OpenStore
    broken_constraint: type[Exception]


SQLITE = StoreAdapter("sqlite", SqliteStore.open, IntegrityError)


def at_once(adapter: StoreAdapter, folder: Path, jobs: Sequence[Job[Result]]) -> list[Result]:
    """Do all jobs at the same time, each as a worker with its own thread and store."""
    together = Barrier(len(jobs), timeout=30)

    def work(job: Job[Result]) -> Result:
        with closing(adapter.open(folder)) as store:
            together.wait()
            return job(store)

    with ThreadPoolExecutor(len(jobs)) as workers:
        return list(workers.map(work, jobs))


def new_id() -> str:
    """Make an id that is not used yet."""
    return str(uuid7())


def later(seconds: float) -> datetime:
    """Give a time after NOW."""
    return NOW + timedelta(seconds=seconds)


def new_session(user_id: str, **changes: Any) -> NewSession:
    """Describe a session to be made."""
    new = NewSession(id=new_id(), user_id=user_id, tenant_id=new_id(), created_at=NOW)
    return replace(new, **changes)


def turn_in(session: Session | NewSession, **changes: Any) -> BeginTurn:
    """Describe a turn of the session's owner."""
    turn = BeginTurn(
        run_id=new_id(),
        user_message_id=new_id(),
        message_id=new_id(),
        session_id=session.id,
        user_id=session.user_id,
        tenant_id=new_id(),
        worker_id=WORKER,
        content="Hello",
        token_estimate=2,
        choice=ModelChoice(),
        offers=OFFERS,
        max_tokens=1000,
        context_messages=10,
        created_at=NOW,
    )
    return replace(turn, **changes)


def attempt(number: int = 1, **changes: Any) -> AttemptRecord:
    """Describe a provider call that went well."""
    record = AttemptRecord(
        number=number,
        provider="scripted",
        model="large",
        outcome=AttemptOutcome.OK,
        usage=Usage(10, 5, 2, 1),
        cost=Cost(Decimal("0.000075")),
    )
    return replace(record, **changes)


def call(number: int = 1, **changes: Any) -> Attempt:
    """Describe a provider call that went out."""
    told = Attempt(number=number, provider="scripted", model="large")
    return replace(told, **changes)


def done(run: Run, **changes: Any) -> Done:
    """Describe a clean end."""
    terminal = Done(
        message_id=run.message_id,
        finish_reason=FinishReason.STOP,
        usage=Usage(10, 5, 2, 1),
        cost=Cost(Decimal("0.000075")),
        provider="scripted",
        model="large",
        ttft_ms=20,
        total_ms=900,
    )
    return replace(terminal, **changes)


def settlement_of(run: Run, **changes: Any) -> Settlement:
    """Describe how a run ends well."""
    settlement = Settlement(
        run_id=run.id,
        epoch=run.epoch,
        status=MessageStatus.COMPLETE,
        finish_reason=FinishReason.STOP,
        text="Hello to you",
        terminal=done(run),
        terminal_seq=7,
        ended_at=later(1),
        attempts=[attempt()],
    )
    return replace(settlement, **changes)


def answer(store: Store, session: Session, text: str = "Hello to you", **changes: Any) -> Run:
    """Begin a turn and settle it with this text; give the run."""
    run = store.runs.begin_turn(turn_in(session, **changes)).run
    store.runs.settle_turn(settlement_of(run, text=text))
    return store.runs.get(run.user_id, run.id)
