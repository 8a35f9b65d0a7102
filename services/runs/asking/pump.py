"""Relays an answer from a provider into the log, in a greenlet that may be killed at any time.

The models of the plan are asked one after the other, each as often as the retry rules say, until
one gives its first token. From then on no model is asked again, because text would come twice.
"""

from collections.abc import Sequence
from itertools import count

import gevent
import structlog

from services.domain.errors.codes import FailureCode
from services.domain.errors.outages import Draining
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Status, StatusState
from services.domain.sessions import FinishReason
from services.providers.base import ProviderRequest
from services.runs.asking.attempts import Attempts
from services.runs.asking.failures import Failures
from services.runs.asking.gate import CIRCUIT_OPEN, CircuitOpen
from services.runs.asking.hedge import PAIR, race
from services.runs.asking.retries import RetryRules
from services.runs.living.run import Living

_log = structlog.get_logger(__name__)


class Pump:
    """Gets a run answered, and writes the answer to the run's log."""

    def __init__(self, attempts: Attempts, rules: RetryRules) -> None:
        """Take what makes the calls, and the rules for making them again."""
        self._attempts = attempts
        self._rules = rules

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
        try:
            opened = race(self._attempts, living)
        except CircuitOpen:
            pass
        except ProviderError as error:
            failures.note(error)
            if len(asked) == PAIR or not failures.may_go_on:
                raise
        else:
            return self._attempts.relay(living, opened)
        return self._ask_in_turn(living, asked[PAIR:], failures)

    def _ask_in_turn(
        self, living: Living, asked: Sequence[ProviderRequest], failures: Failures
    ) -> FinishReason:
        """Ask the models whose breaker is not open, as it is when their turn comes.

        Where none could be asked, the first model is asked all the same: it may be back, and there
        is no other model to send the request to.
        """
        for request in asked:
            if not self._is_reachable(request):
                continue
            if request is not living.plan.first:
                self._fail_over(living, request, failures.last)
            try:
                return self._answer(living, request)
            except ProviderError as error:
                if living.clock.first_output_at is not None:
                    raise
                failures.note(error)
                if not failures.may_go_on:
                    break
            except CircuitOpen:
                continue
        if failures.first is None:
            return self._answer(living, living.plan.first, must=True)
        raise failures.first

    def _is_reachable(self, request: ProviderRequest) -> bool:
        return self._attempts.gate.is_open_for(request.model)

    def _answer(
        self, living: Living, request: ProviderRequest, *, must: bool = False
    ) -> FinishReason:
        """Ask one model, and again where that may help; `must`: whatever its breaker says."""
        failure: ProviderError | None = None
        has_next = not must and self._has_next(living, request)
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

    def _has_next(self, living: Living, request: ProviderRequest) -> bool:
        requests = living.plan.requests
        later = requests[requests.index(request) + 1 :]
        return any(map(self._is_reachable, later))

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
