"""Whether the server lives, and whether it can take work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

READY = "ready"
DRAINING = "draining"
UNAVAILABLE = "unavailable"
DEGRADED = "degraded"
OK = "ok"


@dataclass(frozen=True, slots=True)
class Readiness:
    """The state of the server and its parts; `providers` are shown but do not decide `status`.

    `reasons` says, for an operator, why a part is not what it should be.
    """

    status: str
    checks: Mapping[str, str]
    reasons: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        """Tell whether new work may be sent here."""
        return self.status in (READY, DEGRADED)


class HealthController:
    """Checks the parts that a turn needs."""

    def __init__(
        self,
        store_failure: Callable[[], str | None],
        is_draining: Callable[[], bool],
        is_degraded: Callable[[], bool] = lambda: False,
        providers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """Take what is checked: the store, the drain, the shared log and each provider's state.

        `store_failure` tells why the store takes no work; None: it does.
        """
        self._store_failure = store_failure
        self._is_degraded = is_degraded
        self._is_draining = is_draining
        self._providers = providers

    def readiness(self) -> Readiness:
        """Check all parts now."""
        reason = self._store_failure()
        checks = {
            "store": UNAVAILABLE if reason else OK,
            "log": DEGRADED if self._is_degraded() else OK,
            "drain": DRAINING if self._is_draining() else OK,
        }
        status = READY if checks["log"] == OK else DEGRADED
        if checks["drain"] == DRAINING:
            status = DRAINING
        if checks["store"] != OK:
            status = UNAVAILABLE
        reasons = {"store": reason} if reason else {}
        return Readiness(status, checks, reasons, self._providers())
