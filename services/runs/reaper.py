"""Runs whose worker died: claimed, rebuilt from their checkpoints, settled."""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from services.domain.costs import Price, Usage, UsageSource, estimate_tokens
from services.domain.errors import StoreUnavailable
from services.domain.events import Done, Error, Terminal
from services.domain.runs import AttemptOutcome, AttemptRecord, ClaimedRun, Settlement
from services.domain.sessions import FinishReason
from services.runs.settler import status_of
from services.stores.base.runs import RunStore

_CLAIM_LIMIT = 20

_log = structlog.get_logger(__name__)


class Reaper:
    """Settles what others left: as stopped where that was asked for, else as interrupted."""

    def __init__(self, store: RunStore, worker_id: str) -> None:
        """Claim in the name of this worker."""
        self._store = store
        self.worker_id = worker_id

    def reap_all_others(self) -> int:
        """Settle the runs of every other worker on record; return how many that were.

        Only for a process that knows that all of them are dead: it holds the lock of `DATA_DIR`.
        """
        dead = list(self._store.beat(self.worker_id, [], datetime.now(UTC)).others)
        reaped = 0
        while claimed := self._store.claim_dead(self.worker_id, dead, _CLAIM_LIMIT):
            reaped += sum([self.settle(claim) for claim in claimed])
        self._store.forget_workers(dead)
        if reaped:
            _log.info("runs_reaped", count=reaped)
        return reaped

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
        attempts = _attempts(claim)
        terminal = _terminal(claim, attempts)
        self._store.settle_turn(
            Settlement(
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
