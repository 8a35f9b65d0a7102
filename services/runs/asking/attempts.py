"""Provider calls of a run: each is let out, made, relayed and booked, however it ends."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import chain

import gevent
import structlog

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Content, Finish, ProviderEvent, Reasoning, UsageReport
from services.domain.runs import AttemptOutcome
from services.domain.sessions import FinishReason
from services.providers.base import Provider, ProviderRequest
from services.runs.asking.gate import Gate, Pass
from services.runs.living.call import Call
from services.runs.living.run import Living

TURN_EVENTS = 64
"""Events relayed from an upstream that never blocks, before other greenlets have their turn."""

PATIENCE_SHARE = 0.5
"""The share of the time for the first token that a model may take while another could be asked."""

MOST_CHARS = 1 << 22
"""More than any model writes: an upstream that has no end would fill the memory until its time."""

MOMENT = 0.001

_log = structlog.get_logger(__name__)

Stream = Generator[ProviderEvent, None, None]


@dataclass(slots=True, eq=False)
class Opened:
    """A call whose first piece, or end, has come; nothing of it is written to the log yet."""

    call: Call
    granted: Pass
    stream: Stream
    first: ProviderEvent


class Attempts:
    """Makes calls, in a greenlet that may be killed or have a time limit thrown into it."""

    def __init__(self, providers: Mapping[str, Provider], gate: Gate) -> None:
        """Take the configured providers by name."""
        self._providers = providers
        self.gate = gate

    def open(self, living: Living, request: ProviderRequest, *, is_last: bool) -> Opened:
        """Make a call and wait for its first piece; where none comes, book the call and raise why.

        `is_last`: no other model can be asked, so the call may take all the time that is left, and
        goes out whatever the breaker says. Otherwise an open breaker raises CircuitOpen, with
        nothing done.
        """
        granted = self.gate.enter(living, request, must=is_last)
        provider = self._providers[request.model.provider]
        try:
            call = living.calls.begin(request, provider.count_tokens)
        except BaseException:
            self.gate.unused(granted)
            raise
        stream = provider.stream(request)
        patience = None if is_last else max(MOMENT, living.clock.first_token_left * PATIENCE_SHARE)
        try:
            first = _first_of(stream, call, patience)
            self.gate.answered(granted)
        except BaseException as exc:
            try:
                stream.close()
            finally:
                self._end(living, call, granted, exc)
            raise
        return Opened(call, granted, stream, first)

    def relay(self, living: Living, opened: Opened) -> FinishReason:
        """Write an opened answer to the log until it ends, and give the reason for its end."""
        living.calls.answer_from(opened.call)
        try:
            reason = _pour(living, opened)
        except BaseException as exc:
            self.close(living, opened, exc)
            raise
        try:
            self.close(living, opened, None)
        except Exception:  # noqa: BLE001 - the answer is whole all the same
            _log.exception("upstream_not_closed", run_id=living.run_id)
        return reason

    def close(self, living: Living, opened: Opened, failure: BaseException | None) -> None:
        """Close an opened call, and book it by how it failed; None: it ended well."""
        try:
            opened.stream.close()
        finally:  # the greenlet may be killed while it closes
            self._end(living, opened.call, opened.granted, failure)

    def _end(
        self, living: Living, call: Call, granted: Pass, failure: BaseException | None
    ) -> None:
        """Book a call by how it ended; then tell the gate, which may take a while, what it used."""
        ending, refused = living.ending or "", False
        outcome = AttemptOutcome.OK if failure is None else AttemptOutcome.CANCELLED
        code: FailureCode | None = None
        if isinstance(failure, Exception):
            outcome = AttemptOutcome.FAILED
            code = failure.code if isinstance(failure, ProviderError) else FailureCode.INTERNAL
            refused = code.is_refusal and living.clock.first_output_at is None
        said = code or (ending if outcome is AttemptOutcome.CANCELLED else "")
        record = living.calls.end(call, outcome, said, was_refused=refused)
        try:
            if code is not None:
                self.gate.failed(granted, code)
            elif outcome is AttemptOutcome.CANCELLED:
                self.gate.left(granted)
        finally:
            self.gate.used(granted, record.usage)


def _first_of(stream: Stream, call: Call, patience: float | None) -> ProviderEvent:
    """Read up to the first piece or the end; a silence of more than `patience` s is a failure."""
    late = None if patience is None else ProviderTimeout(f"No first token within {patience:g} s.")
    with gevent.Timeout(patience, late):
        for event in stream:
            if not isinstance(event, UsageReport):
                return event
            call.reported = event
    raise _cut()


def _pour(living: Living, opened: Opened) -> FinishReason:
    """Write all pieces to the log, and give the reason why they end.

    An answer without an end is ended here, as too long.
    """
    size = 0
    for count, event in enumerate(chain((opened.first,), opened.stream), 1):
        if count % TURN_EVENTS == 0:
            gevent.sleep(0)
        match event:
            case Content() | Reasoning():
                living.take(event)
                size += len(event.content)
                if size > MOST_CHARS:
                    return FinishReason.LENGTH
            case UsageReport():
                opened.call.reported = event
            case Finish():
                return event.reason
    raise _cut()


def _cut() -> ProviderError:
    return ProviderError(
        "The stream ended before the answer did.", code=FailureCode.CUT, may_retry=True
    )


def is_own_fault(living: Living, failure: ProviderError) -> bool:
    """Tell whether the first model failed by the request's own fault: then no other is asked.

    A model that does not exist is the request's fault only where it was named, not where this
    server chose it.
    """
    if failure.code == FailureCode.MODEL_NOT_FOUND:
        return living.plan.is_named
    return failure.code == FailureCode.REJECTED
