"""Runs whose worker died: claimed, rebuilt from their checkpoints, settled."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import gevent
import structlog

from services.domain.costs import Price, Usage, UsageSource, estimate_tokens
from services.domain.errors import StoreUnavailable
from services.domain.events import Done, Error, Terminal
from services.domain.runs import AttemptOutcome, AttemptRecord, ClaimedRun, Settled, Settlement
from services.domain.sessions import FinishReason
from services.runs import letters
from services.runs.settler import status_of
from services.stores.base.runs import RunStore
from services.streams.base import LogUnavailable, Remains, RunLog

_CLAIM_LIMIT = 20

_LOG_RETRY_SECONDS = 0.2

_log = structlog.get_logger(__name__)


class Reaper:
    """Settles what others left: as they told it, or were asked to stop it, else as interrupted.

    In this order nothing that an old owner still writes can be seen after what was stored: the
    claim raises the epoch in the store, the log is fenced, its text is read and stored, the end is
    told. Where the log is away it is waited for, because the checkpoints may hold fewer words.
    """

    def __init__(
        self, store: RunStore, log: RunLog, worker_id: str, log_patience_seconds: float
    ) -> None:
        """Claim in the name of this worker; wait so long for a log that is away."""
        self._store = store
        self._log = log
        self._log_patience_seconds = log_patience_seconds
        self._waiting_since: float | None = None
        self.worker_id = worker_id

    def reap(self, dead: Sequence[str]) -> int:
        """Settle the runs of these workers, which are dead; return how many that were."""
        if not dead or self._waits_for_log():
            return 0
        reaped = 0
        while claimed := self._store.claim_dead(self.worker_id, dead, _CLAIM_LIMIT):
            reaped += sum([self.settle(claim) for claim in claimed])
        self._store.forget_workers(dead)
        if reaped:
            _log.info("runs_reaped", count=reaped)
        return reaped

    def _waits_for_log(self) -> bool:
        if not self._log.is_degraded:
            self._waiting_since = None
            return False
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since < self._log_patience_seconds

    def settle(self, claim: ClaimedRun) -> bool:
        """Settle a run of this worker's that nobody writes; tell whether that could be done.

        One that cannot be settled must not keep the others from it, or the server from starting.
        Raises StoreUnavailable.
        """
        try:
            self._settle(claim)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it is this run's alone
            _log.exception("reap_crashed", run_id=claim.run.id)
            return False
        return True

    def _settle(self, claim: ClaimedRun) -> None:
        remains = self._remains(claim)
        if remains is not None and remains.writer.top >= claim.top_seq:
            attempt = max(claim.attempt, remains.attempt)
            text, top = remains.writer.text(), remains.writer.top
            claim = replace(claim, text=text, top_seq=top, attempt=attempt)
        settlement = _told(claim, remains) or _settlement(claim)
        settled = self._store.settle_turn(settlement)
        if remains is None or remains.terminal is not None:
            return
        if settled is Settled.NOW and settlement.terminal_seq == remains.writer.top + 1:
            remains.writer.append(settlement.terminal)
        else:
            remains.writer.abandon()  # it has lost words that the checkpoints had

    def _remains(self, claim: ClaimedRun) -> Remains | None:
        """Fence the log; None: there is none, or it stays away for too long."""
        deadline = time.monotonic() + self._log_patience_seconds
        while True:
            try:
                return self._log.take_over(claim.run.id, claim.run.epoch)
            except LogUnavailable:
                if time.monotonic() >= deadline:
                    _log.warning("reaped_without_log", run_id=claim.run.id)
                    return None
                gevent.sleep(_LOG_RETRY_SECONDS)


def _told(claim: ClaimedRun, remains: Remains | None) -> Settlement | None:
    """Give the end that the old owner could not store any more; None: it had none."""
    if remains is None:
        return None
    told_epoch = None if remains.terminal is None else claim.run.epoch - 1
    if remains.outcome is not None:
        outcome = letters.read(remains.outcome)
        return replace(outcome, epoch=claim.run.epoch, told_epoch=told_epoch)
    if remains.terminal is not None:
        terminal = replace(remains.terminal, persisted=True)
        settlement = _settlement(claim, terminal)
        return replace(settlement, terminal_seq=claim.top_seq, told_epoch=told_epoch)
    return None


def _settlement(claim: ClaimedRun, terminal: Terminal | None = None) -> Settlement:
    attempts = _attempts(claim)
    terminal = terminal or _terminal(claim, attempts)
    return Settlement(
        run_id=claim.run.id,
        epoch=claim.run.epoch,
        status=status_of(terminal),
        finish_reason=terminal.finish_reason if isinstance(terminal, Done) else None,
        text=claim.text,
        terminal=terminal,
        terminal_seq=claim.top_seq + 1,
        ended_at=datetime.now(UTC),
        attempts=attempts,
    )


def _attempts(claim: ClaimedRun) -> Sequence[AttemptRecord]:
    """Book every call that went out: the earlier ones were refused, the last one wrote the text.

    A beat saves the number of the call, so a run that died before its first beat has none although
    its call is out. One in its first epoch was claimed from nobody: this worker never launched it,
    and nothing went out.
    """
    was_claimed = claim.run.epoch > 1
    calls = max(claim.attempt, 1) if was_claimed else claim.attempt
    usage = Usage(
        input_tokens=claim.input_tokens,
        output_tokens=estimate_tokens(claim.text) if claim.text else 0,
        source=UsageSource.ESTIMATED,
    )
    return [
        _record(claim, number, usage if number == calls else Usage())
        for number in range(1, calls + 1)
    ]


def _record(claim: ClaimedRun, number: int, usage: Usage) -> AttemptRecord:
    price: Price | None = claim.price
    return AttemptRecord(
        number=number,
        provider=claim.run.provider,
        model=claim.run.model,
        outcome=AttemptOutcome.FAILED,
        usage=usage,
        cost=price.cost(usage) if price else None,
    )


def _terminal(claim: ClaimedRun, attempts: Sequence[AttemptRecord]) -> Terminal:
    usage = attempts[-1].usage if attempts else Usage(source=UsageSource.ESTIMATED)
    cost = attempts[-1].cost if attempts else None
    if claim.stop_requested:
        return Done(
            message_id=claim.run.message_id,
            finish_reason=FinishReason.STOPPED,
            usage=usage,
            cost=cost,
            provider=claim.run.provider,
            model=claim.run.model,
            ttft_ms=None,
            total_ms=round((datetime.now(UTC) - claim.run.created_at).total_seconds() * 1000),
        )
    return Error(
        code="interrupted",
        message="The server ended before the answer did.",
        retryable=True,
        message_id=claim.run.message_id,
        usage=usage,
        cost=cost,
    )
