"""The end of a run: stored first, told to readers after, exactly once."""

from dataclasses import replace
from datetime import UTC, datetime

import gevent
import structlog
from tenacity import Retrying, retry_if_exception_type, stop_before_delay, wait_exponential
from tenacity.stop import stop_base, stop_never

from services.domain.errors.codes import FailureCode
from services.domain.errors.outages import StoreUnavailable
from services.domain.errors.upstream import ProviderError
from services.domain.events import Done, Error, Terminal
from services.domain.runs import Settled, Settlement
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.ending import settlement_codec
from services.runs.ending.outbox import Outbox
from services.runs.living.booking import total_cost, total_usage
from services.runs.living.run import Ending, Living
from services.stores.base.runs import RunStore
from services.streams.base import LogWriter

Result = FinishReason | ProviderError
"""How a pump ended."""

_RETRY_MIN_SECONDS = 0.05
_RETRY_MAX_SECONDS = 30

_log = structlog.get_logger(__name__)


class Settler:
    """Settles living runs, in a greenlet that is never killed."""

    def __init__(self, store: RunStore, outbox: Outbox, retry_seconds: float) -> None:
        """Try for `retry_seconds` before the readers are told that the end is not stored yet."""
        self._store = store
        self._outbox = outbox
        self._retry_seconds = retry_seconds

    def settle(self, living: Living, result: Result | None) -> Terminal | None:
        """Store how a run ended, then close its log with the terminal event; return that.

        `result` is the pump's, None where the pump was killed. While the store is away, readers get
        the terminal event with `persisted: false`, and this process tries to store the end for as
        long as it lives; the outbox keeps the end for the next process. Returns None where the run
        has another owner, which tells its end.
        """
        if living.ending is Ending.LOST:
            living.writer.abandon()
            return None
        # A reader that hears of the end from the store finds in the log all that came before.
        living.writer.flush()
        settlement = self._compose(living, result)
        try:
            settled = self._write(settlement, living.writer)
        except StoreUnavailable as exc:
            _log.error("settle_postponed", run_id=living.run_id, reason=exc.reason)
            terminal = replace(settlement.terminal, persisted=False)
            living.writer.append(terminal)
            self._retry(settlement, stop_never, _RETRY_MAX_SECONDS)
            return terminal
        if settled is Settled.FENCED:
            _log.warning("run_lost", run_id=living.run_id, epoch=settlement.epoch)
            living.writer.abandon()
            return None
        living.writer.append(settlement.terminal)
        return settlement.terminal

    def _write(self, settlement: Settlement, writer: LogWriter) -> Settled:
        try:
            return self._store.settle_turn(settlement)
        except StoreUnavailable:
            # Now, and not only when the readers are told: a drain does not wait for all tries.
            writer.keep_outcome(settlement_codec.encode(settlement))
            self._outbox.keep(settlement)
            window = self._retry_seconds
            return self._retry(settlement, stop_before_delay(window), window / 10)

    def _retry(self, settlement: Settlement, stop: stop_base, longest_wait: float) -> Settled:
        retrying = Retrying(
            retry=retry_if_exception_type(StoreUnavailable),
            stop=stop,
            wait=wait_exponential(multiplier=_RETRY_MIN_SECONDS, max=longest_wait),
            sleep=gevent.sleep,
            reraise=True,
        )
        settled: Settled = retrying(self._store.settle_turn, settlement)
        self._outbox.forget(settlement.run_id)
        return settled

    def _compose(self, living: Living, result: Result | None) -> Settlement:
        terminal = _terminal(living, result)
        return Settlement(
            run_id=living.run_id,
            epoch=living.writer.epoch,
            status=status_of(terminal),
            finish_reason=terminal.finish_reason if isinstance(terminal, Done) else None,
            text=living.writer.text(),
            terminal=terminal,
            terminal_seq=living.writer.top + 1,
            ended_at=datetime.now(UTC),
            attempts=tuple(living.calls.booked),
            provider=living.calls.model.provider,
            model=living.calls.model.name,
            token_count=_token_count(living),
        )


def _token_count(living: Living) -> int | None:
    """Give the answer's tokens as the call that wrote it counted them; None: it counted none."""
    usage = living.calls.answer_usage
    count = usage.output_tokens - usage.reasoning_tokens if usage else 0
    return count if count > 0 else None


def _terminal(living: Living, result: Result | None) -> Terminal:
    if isinstance(result, FinishReason):
        return _done(living, result)
    if isinstance(result, ProviderError):
        return _error(living, result.code, result.detail, retryable=result.retryable)
    if living.ending is Ending.STOPPED:
        return _done(living, FinishReason.STOPPED)
    text = "The server ended before the answer did."
    return _error(living, FailureCode.INTERRUPTED, text, retryable=True)


def _done(living: Living, reason: FinishReason) -> Done:
    return Done(
        message_id=living.turn.run.message_id,
        finish_reason=reason,
        usage=total_usage(living.calls.booked),
        cost=total_cost(living.calls.booked),
        provider=living.calls.model.provider,
        model=living.calls.model.name,
        ttft_ms=living.clock.ttft_ms,
        total_ms=living.clock.total_ms,
    )


def _error(living: Living, code: str, message: str, *, retryable: bool) -> Error:
    return Error(
        code=code,
        message=message,
        retryable=retryable,
        message_id=living.turn.run.message_id,
        usage=total_usage(living.calls.booked),
        cost=total_cost(living.calls.booked),
    )


def status_of(terminal: Terminal) -> MessageStatus:
    """Give the status of a run, and of its message, that ended with this event."""
    match terminal:
        case Done(finish_reason=FinishReason.STOPPED):
            return MessageStatus.STOPPED
        case Done():
            return MessageStatus.COMPLETE
        case Error(code=FailureCode.INTERRUPTED):
            return MessageStatus.INTERRUPTED
        case Error():
            return MessageStatus.FAILED
