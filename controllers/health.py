"""Whether the server lives, and whether it can take work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from services.domain.errors.outages import StoreUnavailable

READY = "ready"
DRAINING = "draining"
UNAVAILABLE = "unavailable"
DEGRADED = "degraded"
OK = "ok"


class _Answering(Protocol):
    def ping(self) -> None:
        """Return if the store answers, else raise StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The state of the server and its parts; `providers` are shown but do not decide `status`."""

    status: str
    checks: Mapping[str, str]
    providers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        """Tell whether new work may be sent here."""
        return self.status in (READY, DEGRADED)


class HealthController:
    """Checks the parts that a turn needs."""

    def __init__(
        self,
        store: _Answering,
        is_draining: Callable[[], bool],
        is_degraded: Callable[[], bool] = lambda: False,
        providers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """Take what is checked: the store, the drain, the shared log and each provider's state."""
        self._store = store
        self._is_degraded = is_degraded
        self._is_draining = is_draining
        self._providers = providers

    def readiness(self) -> Readiness:
        """Check all parts now."""
        checks = {
            "store": self._store_state(),
            "log": DEGRADED if self._is_degraded() else OK,
            "drain": DRAINING if self._is_draining() else OK,
        }
        status = READY if checks["log"] == OK else DEGRADED
        if checks["drain"] == DRAINING:
            status = DRAINING
        if checks["store"] != OK:
            status = UNAVAILABLE
        return Readiness(status, checks, self._providers())

    def _store_state(self) -> str:
        try:
            self._store.ping()
        except StoreUnavailable:
            return UNAVAILABLE
        return OK
