"""Relays an answer from a provider into the log, in a greenlet that may be killed at any time.

The models of the plan are asked one after the other, each as often as the retry rules say, until
one gives its first token. From then on no model is asked again, because text would come twice.
Where a provider does not know a model that nobody named, its other models are asked next.
"""

from collections.abc import Callable, Sequence
from itertools import chain, count

import gevent
import structlog

from services.domain.errors.codes import FailureCode
from services.domain.errors.outages import Draining
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Status, StatusState
from services.domain.sessions import FinishReason
from services.providers.base import ProviderRequest
from services.runs.asking.absences import key_of
from services.runs.asking.attempts import Attempts
from services.runs.asking.failures import Failures
from services.runs.asking.gate import CIRCUIT_OPEN, CircuitOpen
from services.runs.asking.hedge import PAIR, race
from services.runs.asking.retries import RetryRules
from services.runs.living.run import Living

_log = structlog.get_logger(__name__)

InsteadOf = Callable[[ProviderRequest], Sequence[ProviderRequest]]
"""Gives the requests to make to other models of a provider that does not know a model."""


class Pump:
    """Gets a run answered, and writes the answer to the run's log."""

    def __init__(self, attempts: Attempts, rules: RetryRules, instead_of: InsteadOf) -> None:
        """Take what makes the calls, the rules for making them again, and who else may be asked."""
        self._attempts = attempts
        self._rules = rules
        self._instead_of = instead_of

    def run(self, living: Living) -> FinishReason | ProviderError:
        """Relay one answer; return how it ended."""
        try:
            return self._ask(living)
        except ProviderError as error:  # also a time limit, thrown into a wait
            return error
        except Draining:  # the call waited in the queue: the run ends as interrupted
            raise gevent.GreenletExit from None
        except Exception:  # noqa: BLE001 - the run must end, whatever failed
            _log.exception("run_crashed", run_id=living.run_id)
            return ProviderError("The server failed while it relayed.", code=FailureCode.INTERNAL)

    def _ask(self, living: Living) -> FinishReason:
        """Go through the plan; where all models fail, raise the failure of the first."""
        asked, failures = living.plan.requests, Failures(living)
        if living.plan.hedge_seconds is None or not all(map(self._is_reachable, asked[:PAIR])):
            return self._ask_in_turn(living, asked, failures)
        left = asked[PAIR:]
        try:
            opened = race(self._attempts, living)
        except CircuitOpen:
            pass
        except ProviderError as error:
            failures.note(error)
            left = self._left(living, asked[:PAIR], left)
            if not left or not failures.may_go_on:
                raise
        else:
            return self._attempts.relay(living, opened)
        return self._ask_in_turn(living, left, failures)

    def _ask_in_turn(
        self, living: Living, asked: Sequence[ProviderRequest], failures: Failures
    ) -> FinishReason:
        """Ask the models whose breaker is not open, as it is when their turn comes.

        Where none could be asked, the first model is asked all the same: it may be back, and there
        is no other model to send the request to.
        """
        left = asked
        while left:
            request, left = left[0], left[1:]
            if not self._is_reachable(request):
                continue
            if request is not living.plan.first:
                self._fail_over(living, request, failures.last)
            try:
                return self._answer(living, request, has_next=any(map(self._is_reachable, left)))
            except ProviderError as error:
                if living.clock.first_output_at is not None:
                    raise
                failures.note(error)
                if not failures.may_go_on:
                    break
                left = self._left(living, [request], left)
            except CircuitOpen:
                continue
        if failures.first is None:
            return self._answer(living, living.plan.first, has_next=False)
        raise failures.first

    def _left(
        self,
        living: Living,
        asked: Sequence[ProviderRequest],
        left: Sequence[ProviderRequest],
    ) -> Sequence[ProviderRequest]:
        """Give the requests that are left to make after those that failed.

        Where a provider did not know a model, those to its other models come first.
        """
        gone = {
            (call.provider, call.model)
            for call in living.calls.booked
            if call.code == FailureCode.MODEL_NOT_FOUND
        }
        if gone.isdisjoint(key_of(one.model) for one in asked):
            return left
        peers = [self._instead_of(one) for one in asked if key_of(one.model) in gone]
        made = {(call.provider, call.model) for call in living.calls.made}
        wanted = {key_of(one.model): one for one in (*chain(*peers), *left)}
        return [one for key, one in wanted.items() if key not in made]

    def _is_reachable(self, request: ProviderRequest) -> bool:
        return self._attempts.gate.is_open_for(request.model)

    def _answer(self, living: Living, request: ProviderRequest, *, has_next: bool) -> FinishReason:
        """Ask one model, and again where that may help; `has_next`: another one could be asked."""
        failure: ProviderError | None = None
        for tries in count(1):
            try:
                opened = self._attempts.open(living, request, is_last=not has_next)
            except CircuitOpen as refused:
                raise failure or refused from None
            except ProviderError as error:
                if not self._may_retry(error, living, tries, has_next=has_next):
                    raise
                failure = error
            else:
                return self._attempts.relay(living, opened)
            self._wait(failure, living, request, tries)
        raise AssertionError("the loop has no end")

    def _may_retry(
        self, error: ProviderError, living: Living, tries: int, *, has_next: bool
    ) -> bool:
        """Tell whether to ask the same model again; with another left, only after a short wait."""
        longest = self._rules.max_seconds if has_next else self._rules.retry_after_max
        if not error.retryable or tries > self._rules.retries:
            return False
        is_slow = isinstance(error, ProviderTimeout) or error.code is FailureCode.QUEUE_FULL
        if (error.retry_after or 0) > longest or (has_next and is_slow):
            return False
        return living.may_call_again

    def _fail_over(
        self, living: Living, request: ProviderRequest, failure: ProviderError | None
    ) -> None:
        """Tell readers which model is asked now, and why."""
        detail = {
            "provider": request.model.provider,
            "model": request.model.name,
            "code": failure.code if failure else CIRCUIT_OPEN,
        }
        living.writer.append(Status(StatusState.FAILOVER, detail))
        _log.warning(
            "provider_failover", run_id=living.run_id, left=living.calls.model.provider, **detail
        )

    def _wait(
        self, error: ProviderError, living: Living, request: ProviderRequest, tries: int
    ) -> None:
        """Tell readers that the call is made again, log it, and wait until it is due."""
        delay = self._rules.delay(error, tries)
        detail = {
            "provider": request.model.provider,
            "delay": round(delay, 3),
            "attempt": tries + 1,
            "code": error.code,
        }
        living.writer.announce(Status(StatusState.RETRYING, detail))
        _log.warning("provider_retry", run_id=living.run_id, **detail)
        gevent.sleep(delay)
