"""Events for logs, fixed and random, and reading a log up to its top."""

from datetime import UTC, datetime
from decimal import Decimal

import gevent
from gevent.event import Event
from hypothesis import strategies as st

from services.domain.costs import Price, Usage
from services.domain.deliveries import Batch
from services.domain.events import (
    Attempt,
    Content,
    Done,
    Error,
    Reasoning,
    RunEvent,
    Start,
    Status,
    StatusState,
)
from services.domain.sessions import FinishReason
from services.streams.base import LogReader

PATIENCE_SECONDS = 10.0

START = Start(
    session_id="session",
    run_id="run",
    message_id="answer",
    user_message_id="question",
    provider="scripted",
    model="large",
    created_at=datetime(2026, 11, 20, tzinfo=UTC),
)
ATTEMPT = Attempt(
    number=2,
    provider="scripted",
    model="large",
    price=Price(Decimal("2.5"), Decimal(10), Decimal("0.000000000000000001")),
)
FAILOVER = Status(StatusState.FAILOVER, {"provider": "other"})
RETRYING = Status(StatusState.RETRYING, {"delay": 1})
DONE = Done(
    message_id="answer",
    finish_reason=FinishReason.STOP,
    usage=Usage(),
    cost=None,
    provider="scripted",
    model="large",
    ttft_ms=1,
    total_ms=2,
)
ERROR = Error(
    code="upstream_cut",
    message="The stream ended before the answer did.",
    retryable=True,
    message_id="answer",
    usage=Usage(),
    cost=None,
)

# What providers promise: never empty, no NUL, no lone surrogates.
_CHARS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
PIECES = st.text(_CHARS, min_size=1, max_size=12)
EVENTS = st.one_of(
    PIECES.map(Content), PIECES.map(Reasoning), st.sampled_from([START, ATTEMPT, FAILOVER])
)
ENDS = st.sampled_from([DONE, ERROR])


def text_of(events: list[RunEvent]) -> str:
    """Put the pieces of the answer together."""
    return "".join(event.content for event in events if isinstance(event, Content))


def read_up_to(reader: LogReader, top: int, after: int = 0) -> list[Batch]:
    """Read until `top` is reached, and wait for events as a reader does."""
    batches: list[Batch] = []
    news = Event()
    unsubscribe = reader.subscribe(news.set)
    with gevent.Timeout(PATIENCE_SECONDS):
        while after < top:
            batch = reader.after(after)
            if batch is None:
                news.wait()
                news.clear()
            else:
                assert batch.first_seq == after + 1
                after = batch.last_seq
                batches.append(batch)
    unsubscribe()
    return batches


def events_of(batches: list[Batch]) -> list[RunEvent]:
    """Put batches together."""
    return [event for batch in batches for event in batch.events]
