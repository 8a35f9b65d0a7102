"""Circuit breakers: a model that fails again and again is left alone for a while.

A closed breaker lets calls through. Several failures in a row open it: the model is not called.
Once the breaker has rested, one caller probes (half-open), and the outcome of that call closes the
breaker or opens it again.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether calls may be made."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """What a caller may do: call, call as the probe whose outcome decides, or not call."""

    CALL = "call"
    PROBE = "probe"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """How many failures in a row open a breaker, and how long it rests before a probe.

    A probe whose outcome was never told is given up after `probe_seconds`.
    """

    failures: int = 5
    open_seconds: float = 30
    probe_seconds: float = 90


class Breakers(ABC):
    """The breakers of all models; `provider` and `model` name one.

    No method fails or waits for long: while the state that all workers share cannot be reached,
    each worker decides by itself.
    """

    @abstractmethod
    def admit(self, provider: str, model: str) -> Verdict:
        """Ask whether to call. PROBE is given to one caller at a time, over all workers.

        A caller that was let in must call exactly one of `succeeded`, `failed` and `released`.
        """

    @abstractmethod
    def succeeded(self, provider: str, model: str) -> None:
        """Tell that a call gave a first token: the breaker closes."""

    @abstractmethod
    def failed(self, provider: str, model: str) -> None:
        """Tell that a call failed through the upstream's fault."""

    @abstractmethod
    def released(self, provider: str, model: str) -> None:
        """Tell that a call ended without saying anything about the upstream (it was cancelled)."""

    @abstractmethod
    def state(self, provider: str, model: str) -> BreakerState:
        """Give the state, and change nothing; HALF_OPEN: a probe is due, or under way."""

    @abstractmethod
    def close(self) -> None:
        """Close connections."""
