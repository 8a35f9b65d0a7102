"""From a provider into the log: the greenlet of a run that may be killed at any time."""

import random
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import gevent
import structlog

from services.domain.errors import ProviderError
from services.domain.events import Content, Finish, Reasoning, Status, StatusState, UsageReport
from services.domain.runs import AttemptOutcome
from services.domain.sessions import FinishReason
from services.providers.base import Provider
from services.runs.living import Living

REFUSALS = frozenset(
    {
        "model_not_found",
        "upstream_overloaded",
        "upstream_rate_limited",
        "upstream_rejected",
        "upstream_unauthorized",
        "upstream_unreachable",
    }
)
"""Failures that come instead of an answer: such a call is not billed."""

INTERNAL_ERROR = "internal_error"

TURN_EVENTS = 64
"""Events that an upstream which is never waited for may write before others have their turn."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """How often a call is made again before its first token, and after how many seconds.

    The delay grows from `min_seconds` to `max_seconds` with jitter. It is never shorter than what
    the upstream asks for, and where that is more than `retry_after_max` the run fails at once.
    """

    retries: int
    min_seconds: float
    max_seconds: float
    retry_after_max: float

    def delay(self, error: ProviderError, tries: int) -> float:
        """Give the seconds to wait after the `tries`-th failed call."""
        ceiling = min(self.max_seconds, self.min_seconds * 2**tries)
        backoff = random.uniform(min(self.min_seconds, ceiling), ceiling)  # noqa: S311 - jitter, no secret
        # "Retry-After: 0" must not have every run come back at once, all together.
        return max(error.retry_after or 0.0, backoff)


class Pump:
    """Calls the provider of a run and writes what it yields into the run's log."""

    def __init__(self, providers: Mapping[str, Provider], rules: RetryRules) -> None:
        """Take the configured providers by name."""
        self._providers = providers
        self._rules = rules

    def run(self, living: Living) -> FinishReason | ProviderError:
        """Relay one answer, with retries before its first token; return how it ended.

        Once a token was delivered nothing is asked again: its text would come twice.
        """
        tries = 0
        try:
            while True:
                tries += 1
                try:
                    return self._call(living)
                except ProviderError as error:
                    if not self._may_retry(error, living, tries):
                        return error
                    self._wait(error, living, tries)
        except ProviderError as error:  # a time limit, thrown into the wait between two calls
            return error
        except Exception:  # noqa: BLE001 - the run must end, whatever failed
            _log.exception("run_crashed", run_id=living.run_id)
            return ProviderError("The server failed while it relayed.", code=INTERNAL_ERROR)

    def _call(self, living: Living) -> FinishReason:
        living.begin_call()
        outcome, code, refused = AttemptOutcome.CANCELLED, "", False
        try:
            reason = self._relay(living)
            outcome = AttemptOutcome.OK
        except Exception as exc:
            outcome = AttemptOutcome.FAILED
            code = exc.code if isinstance(exc, ProviderError) else INTERNAL_ERROR
            refused = code in REFUSALS and living.first_output_at is None
            raise
        finally:
            living.end_call(outcome, code, was_refused=refused)
        return reason

    def _relay(self, living: Living) -> FinishReason:
        stream = self._providers[living.turn.model.provider].stream(living.request)
        with closing(stream):
            for count, event in enumerate(stream, 1):
                if count % TURN_EVENTS == 0:
                    gevent.sleep(0)
                match event:
                    case Content() | Reasoning():
                        living.take(event)
                    case UsageReport():
                        living.report(event.usage)
                    case Finish():
                        return event.reason
        raise ProviderError("The stream ended before the answer did.", code="upstream_cut")

    def _may_retry(self, error: ProviderError, living: Living, tries: int) -> bool:
        if not error.retryable or tries > self._rules.retries:
            return False
        if (error.retry_after or 0) > self._rules.retry_after_max:
            return False
        return living.may_call_again and living.ending is None

    def _wait(self, error: ProviderError, living: Living, tries: int) -> None:
        """Tell readers and the log that the call is made again, and wait for its time."""
        delay = self._rules.delay(error, tries)
        detail = {
            "provider": living.turn.model.provider,
            "delay": round(delay, 3),
            "attempt": tries + 1,
            "code": error.code,
        }
        living.writer.announce(Status(StatusState.RETRYING, detail))
        _log.warning("provider_retry", run_id=living.run_id, **detail)
        gevent.sleep(delay)
