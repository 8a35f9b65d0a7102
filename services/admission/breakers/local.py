"""Circuit breakers of this process."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from services.admission.breakers.base import BreakerRules, Breakers, BreakerState, Verdict
from services.admission.breakers.callers import Callers, Key


@dataclass(slots=True)
class _Breaker:
    """`rests_until` None: closed; `probes_until` None: no probe is under way."""

    failures: int = 0
    rests_until: float | None = None
    probes_until: float | None = None


class LocalBreakers(Breakers):
    """Decides from the calls of this process alone."""

    def __init__(self, rules: BreakerRules, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with all breakers closed."""
        self._rules = rules
        self._clock = clock
        self._breakers: dict[Key, _Breaker] = {}  # without models that never failed
        self._callers = Callers()
        self._lock = Lock()

    def admit(self, provider: str, model: str) -> Verdict:
        """Give the verdict, and take the probe if one is due."""
        key = (provider, model)
        with self._lock:
            breaker = self._breakers.get(key)
            admission = Verdict.CALL if breaker is None else self._admit(breaker)
            self._callers.came(key, admission)
        return admission

    def succeeded(self, provider: str, model: str) -> None:
        """Forget all failures."""
        key = (provider, model)
        with self._lock:
            self._callers.went(key, outcome=True)
            self._breakers.pop(key, None)

    def failed(self, provider: str, model: str) -> None:
        """Count a failure; while the breaker is open only a probe's failure counts."""
        key = (provider, model)
        with self._lock:
            is_probe = self._callers.went(key, outcome=True)
            breaker = self._breakers.setdefault(key, _Breaker())
            if breaker.rests_until is None:
                breaker.failures += 1
                opens = breaker.failures >= self._rules.failures
            else:
                opens = is_probe
            if opens:
                breaker.rests_until = self._clock() + self._rules.open_seconds
                breaker.probes_until = None

    def released(self, provider: str, model: str) -> None:
        """Let another caller probe, if this was the probe."""
        key = (provider, model)
        with self._lock:
            if self._callers.went(key, outcome=False) and (breaker := self._breakers.get(key)):
                breaker.probes_until = None

    def state(self, provider: str, model: str) -> BreakerState:
        """Give the state."""
        with self._lock:
            breaker = self._breakers.get((provider, model))
            if breaker is None or breaker.rests_until is None:
                return BreakerState.CLOSED
            is_resting = self._clock() < breaker.rests_until
            return BreakerState.OPEN if is_resting else BreakerState.HALF_OPEN

    def close(self) -> None:
        """Nothing is held."""

    def _admit(self, breaker: _Breaker) -> Verdict:
        if breaker.rests_until is None:
            return Verdict.CALL
        now = self._clock()
        if now < breaker.rests_until:
            return Verdict.REFUSED
        if breaker.probes_until is not None and now < breaker.probes_until:
            return Verdict.REFUSED
        breaker.probes_until = now + self._rules.probe_seconds
        return Verdict.PROBE
