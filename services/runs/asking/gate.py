"""What each provider call must pass: circuit breaker, queue and quota; and what they learn."""

import math
import time
from dataclasses import dataclass

from services.admission.breakers.base import Breakers, BreakerState, Verdict
from services.admission.quotas.base import Quotas, Reservation
from services.admission.waiting.burst_queue import BurstQueue, Request
from services.domain.catalog import Model
from services.domain.costs import Usage
from services.domain.errors.codes import FailureCode
from services.domain.errors.requests import TooManyRequests
from services.domain.errors.upstream import ProviderError
from services.domain.events import Status, StatusState
from services.providers.base import ProviderRequest
from services.runs.asking.absences import Absences
from services.runs.asking.first_tokens import FirstTokens
from services.runs.living.booking import input_estimate
from services.runs.living.run import Living

CIRCUIT_OPEN = "circuit_open"
"""The code of a model that was passed over because its circuit breaker is open."""


class CircuitOpen(Exception):
    """The model's circuit breaker is open: no call goes out to it for now."""


@dataclass(slots=True, eq=False)
class Pass:
    """Permission to make one call; it is given back by telling how the call went."""

    model: Model
    reservation: Reservation
    is_admitted: bool
    since: float
    has_answered: bool = False


class Gate:
    """Lets calls out at the pace that each provider takes, and not to models that keep failing."""

    def __init__(
        self,
        breakers: Breakers,
        queue: BurstQueue,
        quotas: Quotas,
        first_tokens: FirstTokens,
        absences: Absences,
    ) -> None:
        """Take what decides on calls, and what remembers how they went."""
        self._breakers = breakers
        self._queue = queue
        self._quotas = quotas
        self._first_tokens = first_tokens
        self._absences = absences

    def is_open_for(self, model: Model) -> bool:
        """Tell whether a call to the model would go out, without making one."""
        return self._breakers.state(model.provider, model.name) is not BreakerState.OPEN

    def enter(self, living: Living, request: ProviderRequest, *, must: bool = False) -> Pass:
        """Wait for room at the provider, or raise CircuitOpen; `must`: whatever the breaker says.

        Readers are told the call's position meanwhile. A full queue raises ProviderError. A call
        that waited is not let out if the breaker has opened in the meantime.
        """
        model = request.model
        admission = self._breakers.admit(model.provider, model.name)
        if admission is Verdict.REFUSED and not must:
            raise CircuitOpen
        is_admitted = admission is not Verdict.REFUSED
        try:
            reservation = self._reserve(living, request)
        except BaseException:
            if is_admitted:
                self._breakers.released(model.provider, model.name)
            raise
        granted = Pass(model, reservation, is_admitted, time.monotonic())
        try:
            is_let_out = must or self.is_open_for(model)
        except BaseException:  # the greenlet may be killed while it asks
            self.unused(granted)
            raise
        if not is_let_out:
            self.unused(granted)
            raise CircuitOpen
        return granted

    def _reserve(self, living: Living, request: ProviderRequest) -> Reservation:
        provider = request.model.provider
        place, living.place = living.place, None
        wait = object()

        def tell(position: int) -> None:
            if living.calls.has_answer:
                return  # this call is about to be cancelled
            living.clock.begin_wait(wait)
            detail = {"provider": provider, "position": position}
            living.writer.announce(Status(StatusState.QUEUED, detail))

        wanted = Request(
            provider=provider,
            user_id=living.user_id,
            tokens=input_estimate(request) + request.output_limit,
            priority=living.priority,
            tell=tell,
        )
        try:
            return self._queue.enter(wanted, place)
        except TooManyRequests as full:
            raise ProviderError(
                full.detail,
                code=FailureCode.QUEUE_FULL,
                may_retry=True,
                retry_after=full.retry_after,
            ) from full
        finally:
            living.clock.end_wait(wait)
            if place is not None:
                place.give_back()

    def answered(self, granted: Pass) -> None:
        """Note that the call's first piece has come."""
        granted.has_answered = True
        self._absences.there(granted.model)
        self._first_tokens.record(granted.model, time.monotonic() - granted.since)
        try:
            self._quotas.arrived(granted.reservation)
        finally:  # the greenlet may be killed in that call
            self._breakers.succeeded(granted.model.provider, granted.model.name)

    def failed(self, granted: Pass, code: FailureCode) -> None:
        """Note that the call failed; after its first piece, a failure has no effect here."""
        if granted.has_answered:
            return
        self._first_tokens.record(granted.model, math.inf)
        if code is FailureCode.MODEL_NOT_FOUND:
            self._absences.gone(granted.model)
        self._tell_end(granted, is_fault=code.is_fault)

    def left(self, granted: Pass) -> None:
        """Note that the call was given up."""
        if not granted.has_answered:
            self._tell_end(granted, is_fault=False)

    def unused(self, granted: Pass) -> None:
        """Note that the call was never made."""
        try:
            self._quotas.cancel(granted.reservation)
        finally:
            if granted.is_admitted:
                self._breakers.released(granted.model.provider, granted.model.name)

    def _tell_end(self, granted: Pass, *, is_fault: bool) -> None:
        try:
            self._quotas.arrived(granted.reservation)
        finally:  # the greenlet may be killed in that call
            if granted.is_admitted:
                tell = self._breakers.failed if is_fault else self._breakers.released
                tell(granted.model.provider, granted.model.name)

    def used(self, granted: Pass, usage: Usage) -> None:
        """Replace the tokens that were reserved for a call by those that it used."""
        self._quotas.correct(granted.reservation, usage.input_tokens + usage.output_tokens)
