"""How the run of a dead worker ends: as that worker told it, else as interrupted or stopped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.domain.costs import Usage, UsageSource, estimate_tokens
from services.domain.errors.codes import FailureCode
from services.domain.events import Attempt, Done, Error, Terminal
from services.domain.runs import AttemptOutcome, AttemptRecord, ClaimedRun, Settlement
from services.domain.sessions import FinishReason
from services.runs.ending import settlement_codec
from services.runs.ending.settler import status_of
from services.runs.living.call import HEDGED
from services.streams.base import Remains

_STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class _CallEnd:
    """How the call that wrote the text ended; `code` says why where it failed or was stopped."""

    outcome: AttemptOutcome
    code: str = ""


def settlement_of(
    claim: ClaimedRun, remains: Remains | None, *, has_beaten: bool = False
) -> Settlement:
    """Give the end that the old owner could not store any more, or one that says that it died.

    `remains` None: there is no log, and the claim is all that is known. `has_beaten`: a beat
    reported the run and its calls.
    """
    remains = remains or Remains()
    if remains.outcome is not None:
        return _kept(claim, remains, settlement_codec.decode(remains.outcome))
    calls = _calls(claim, remains.calls, has_beaten=has_beaten)
    if remains.terminal is not None:
        return _as_told(claim, remains, calls, replace(remains.terminal, persisted=True))
    wrote = _writer_of(calls)
    attempts = [
        _broken_off(claim, call) if call is wrote else _given_up(claim, call, wrote)
        for call in calls
    ]
    last = next((one for one in attempts if wrote and one.number == wrote.number), None)
    return _composed(claim, wrote, attempts, _terminal(claim, last))


def _kept(claim: ClaimedRun, remains: Remains, outcome: Settlement) -> Settlement:
    # Without a log, the end may have been told; where it was not, no reader knows another id.
    is_told = remains.terminal is not None or remains.writer is None
    told_epoch = (remains.told_epoch or outcome.epoch) if is_told else None
    return replace(outcome, epoch=claim.run.epoch, told_epoch=told_epoch)


def _as_told(
    claim: ClaimedRun, remains: Remains, calls: Sequence[Attempt], told: Terminal
) -> Settlement:
    """Book the call that wrote the text as the terminal event says."""
    wrote = _writer_of(calls, told)
    end = _end_of(told)
    attempts = [
        replace(_unused(call), usage=told.usage, cost=told.cost, outcome=end.outcome, code=end.code)
        if call is wrote
        else _given_up(claim, call, wrote)
        for call in calls
    ]
    return replace(
        _composed(claim, wrote, attempts, told),
        terminal_seq=claim.top_seq,
        told_epoch=remains.told_epoch,
    )


def _writer_of(calls: Sequence[Attempt], told: Terminal | None = None) -> Attempt | None:
    """Give the call that wrote the text: the one that was chosen in a hedge.

    Else it is the last call to the model that `told` names, or else the last call: no call is made
    after the first word.
    """
    last_first = sorted(calls, key=lambda call: (call.is_answer, call.number), reverse=True)
    for call in last_first:
        if not isinstance(told, Done) or (call.provider, call.model) == (told.provider, told.model):
            return call
    return last_first[0] if calls else None


def _end_of(told: Terminal) -> _CallEnd:
    if isinstance(told, Error):
        return _CallEnd(AttemptOutcome.FAILED, told.code)
    if told.finish_reason is FinishReason.STOPPED:
        return _CallEnd(AttemptOutcome.CANCELLED, _STOPPED)
    return _CallEnd(AttemptOutcome.OK)


def _composed(
    claim: ClaimedRun,
    wrote: Attempt | None,
    attempts: Sequence[AttemptRecord],
    terminal: Terminal,
) -> Settlement:
    named = terminal if isinstance(terminal, Done) else wrote
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
        provider=named.provider if named else None,
        model=named.model if named else None,
    )


def _calls(claim: ClaimedRun, logged: Sequence[Attempt], *, has_beaten: bool) -> Sequence[Attempt]:
    """Give every call that went out, as the beats and the log reported them.

    The first call is not in the log, unless it had to wait, and may be in no beat yet: it went to
    the model of the begin. A run without text whose beats reported no call waited for room. A run
    without text in its first epoch was claimed from no other worker: this worker never launched it,
    and no call went out.
    """
    told = sorted((*logged, *claim.calls), key=lambda call: call.is_answer)
    known = {call.number: call for call in told}
    went_out = bool(claim.text) or (claim.run.epoch > 1 and not has_beaten)
    count = max(known, default=1 if went_out else 0)
    return [_call(claim, number, known.get(number)) for number in range(1, count + 1)]


def _call(claim: ClaimedRun, number: int, known: Attempt | None) -> Attempt:
    """Give a call as it was reported, else as one to the model of the begin and at its price."""
    run, price = claim.run, claim.price
    begun = Attempt(number=number, provider=run.provider, model=run.model, price=price)
    # Older releases logged no price.
    return begun if known is None or known == replace(begun, price=None) else known


def _given_up(claim: ClaimedRun, call: Attempt, wrote: Attempt | None) -> AttemptRecord:
    """Book a call that did not answer: it lost a hedge, or was refused and used nothing."""
    if wrote is None or not wrote.is_answer:
        return _unused(call)
    usage = Usage(input_tokens=claim.input_tokens, source=UsageSource.ESTIMATED)
    return _record(call, usage, AttemptOutcome.CANCELLED, HEDGED)


def _unused(call: Attempt) -> AttemptRecord:
    return _record(call, Usage(), AttemptOutcome.FAILED, "")


def _broken_off(claim: ClaimedRun, call: Attempt) -> AttemptRecord:
    """Book the call that wrote all of the text."""
    usage = Usage(
        input_tokens=claim.input_tokens,
        output_tokens=estimate_tokens(claim.text) if claim.text else 0,
        source=UsageSource.ESTIMATED,
    )
    if claim.stop_requested:
        return _record(call, usage, AttemptOutcome.CANCELLED, _STOPPED)
    return _record(call, usage, AttemptOutcome.FAILED, FailureCode.INTERRUPTED)


def _record(call: Attempt, usage: Usage, outcome: AttemptOutcome, code: str) -> AttemptRecord:
    return AttemptRecord(
        number=call.number,
        provider=call.provider,
        model=call.model,
        outcome=outcome,
        usage=usage,
        cost=call.price.cost(usage) if call.price else None,
        code=code,
    )


def _terminal(claim: ClaimedRun, last: AttemptRecord | None) -> Terminal:
    usage = last.usage if last else Usage(source=UsageSource.ESTIMATED)
    cost = last.cost if last else None
    if claim.stop_requested:
        return Done(
            message_id=claim.run.message_id,
            finish_reason=FinishReason.STOPPED,
            usage=usage,
            cost=cost,
            provider=last.provider if last else claim.run.provider,
            model=last.model if last else claim.run.model,
            ttft_ms=None,
            total_ms=_milliseconds_since(claim.run.created_at),
        )
    return Error(
        code=FailureCode.INTERRUPTED,
        message="The server ended before the answer did.",
        retryable=True,
        message_id=claim.run.message_id,
        usage=usage,
        cost=cost,
    )


def _milliseconds_since(begun_at: datetime) -> int:
    """Give none where the clock was set back."""
    return max(0, round((datetime.now(UTC) - begun_at).total_seconds() * 1000))
