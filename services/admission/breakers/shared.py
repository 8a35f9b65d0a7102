"""Circuit breakers that all workers share over Redis."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any

from services.admission.breakers.base import BreakerRules, Breakers, BreakerState, Verdict
from services.admission.breakers.callers import Callers, Key
from services.admission.breakers.local import LocalBreakers
from services.admission.shared_link import SharedLink

SCRIPT = Path(__file__).with_name("breakers.lua")
PREFIX = "charla:breaker"

KNOWN_SECONDS = 0.25
FORGOTTEN_SECONDS = 3600.0
"""What is kept of a model for which no caller asks or tells anything; then it is forgotten."""

MOST_KNOWN = 1000
"""Models whose state is known here; their names may come from users."""

STATES = (BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN)


@dataclass(frozen=True, slots=True)
class _Known:
    """The state of a model, and until when Redis is not asked again."""

    state: BreakerState
    failures: int
    until: float


class SharedBreakers(Breakers):
    """Decides together with all workers; while Redis is away, from the calls of this process alone.

    What a worker was told of a model holds for `known_seconds`, without asking. For that long it
    may still call a model that other workers' failures have opened, or avoid one that has closed;
    its own calls count at once. A success is told to Redis only if failures are known, or nothing
    is: a success right after another worker's first failure may not reset the count, and a later
    success does.
    """

    def __init__(
        self, link: SharedLink, rules: BreakerRules, known_seconds: float = KNOWN_SECONDS
    ) -> None:
        """Decide over `link`, which is closed with this."""
        self._link = link
        self._script = link.script(SCRIPT)
        self._known_seconds = known_seconds
        self._worker = token_hex(8)
        times = (rules.open_seconds, rules.probe_seconds)
        self._terms: list[str | int] = [
            self._worker,
            rules.failures,
            *(round(seconds * 1_000_000) for seconds in times),
            round((FORGOTTEN_SECONDS + sum(times)) * 1000),
        ]
        self._alone = LocalBreakers(rules)
        self._known: dict[Key, _Known] = {}
        self._callers = Callers()
        self._owed: dict[Key, str] = {}
        self._lock = Lock()
        link.when_back(self._tell_owed)

    def admit(self, provider: str, model: str) -> Verdict:
        """Ask Redis once, or not at all if the model's state is known."""
        key = (provider, model)
        known, is_probe = self._fresh(key), False
        if known is None:
            known, is_probe = self._ask(key, "admit")
        if known is None:
            return self._alone.admit(provider, model)
        admission = Verdict.REFUSED
        if is_probe:
            admission = Verdict.PROBE
        elif known.state is BreakerState.CLOSED:
            admission = Verdict.CALL
        with self._lock:
            self._callers.came(key, admission)
        return admission

    def succeeded(self, provider: str, model: str) -> None:
        """Tell Redis, unless there is nothing to reset."""
        key = (provider, model)
        is_probe = self._went(key, outcome=True)
        self._alone.succeeded(provider, model)
        known = self._fresh(key)
        if is_probe or known is None or known.failures:
            self._ask(key, "succeeded", of_probe=is_probe)

    def failed(self, provider: str, model: str) -> None:
        """Tell Redis."""
        key = (provider, model)
        is_probe = self._went(key, outcome=True)
        self._alone.failed(provider, model)
        self._ask(key, "probe_failed" if is_probe else "failed", of_probe=is_probe)

    def released(self, provider: str, model: str) -> None:
        """Tell Redis, if it was the probe."""
        key = (provider, model)
        is_probe = self._went(key, outcome=False)
        self._alone.released(provider, model)
        if is_probe:
            self._ask(key, "released", of_probe=True)

    def state(self, provider: str, model: str) -> BreakerState:
        """Ask Redis once, or not at all if the model's state is known."""
        key = (provider, model)
        known = self._fresh(key) or self._ask(key, "look")[0]
        return self._alone.state(provider, model) if known is None else known.state

    def close(self) -> None:
        """Close the link."""
        self._link.close()

    def _fresh(self, key: Key) -> _Known | None:
        known = self._known.get(key)
        return known if known is not None and time.monotonic() < known.until else None

    def _went(self, key: Key, *, outcome: bool) -> bool:
        with self._lock:
            return self._callers.went(key, outcome=outcome)

    def _tell_owed(self) -> None:
        for key in list(self._owed):
            self._ask(key, "look")

    def _ask(self, key: Key, verb: str, *, of_probe: bool = False) -> tuple[_Known | None, bool]:
        """Ask or tell; give what is known afterwards, and whether the caller is the probe.

        The end of a probe that could not be told is owed to Redis until it can be.
        """
        with self._lock:
            owed = self._owed.pop(key, None)
        verbs = [verb] if owed is None else [owed, verb]
        was_apart, answer = self._link.is_apart, None
        try:
            answer = self._link.ask(
                self._script, [f"{PREFIX}:{key[0]}/{key[1]}"], [*self._terms, *verbs]
            )
        finally:  # a greenlet may be killed while it waits
            if answer is None:
                self._owe(
                    key, verb if of_probe else owed, may_probe=verb == "admit" and not was_apart
                )
        return (None, False) if answer is None else self._learn(key, answer)

    def _owe(self, key: Key, what: str | None, *, may_probe: bool) -> None:
        """Note what Redis is to be told; `may_probe`: it may take this caller for the probe."""
        with self._lock:
            if what is None and may_probe and not self._callers.probes(key):
                what = "released"
            if what is not None:
                self._owed[key] = what

    def _learn(self, key: Key, answer: Sequence[Any]) -> tuple[_Known, bool]:
        state, is_probe, failures, rests, probes = answer
        seconds = self._known_seconds
        if state:
            seconds = min(
                seconds, (probes if STATES[state] is BreakerState.HALF_OPEN else rests) / 1e6
            )
        known = _Known(STATES[state], failures, time.monotonic() + seconds)
        with self._lock:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = known
        return known, bool(is_probe)
