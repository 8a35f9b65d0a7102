"""Circuit breakers: a model that fails again and again is left alone for a while.

Closed, calls go out. After several failures in a row it opens: nobody calls. Once it has rested,
one caller probes (half-open), and what comes of that closes or opens it again.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether calls go out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """What a caller may do: call, call as the only one whose outcome decides, or leave it."""

    CALL = "call"
    PROBE = "probe"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """How many failures in a row open a breaker, and how long it rests before a probe.

    A probe that never told how it went is given up after `probe_seconds`.
    """

    failures: int = 5
    open_seconds: float = 30
    probe_seconds: float = 90


class Breakers(ABC):
    """The breakers of all models; `provider` and `model` name one.

    No method fails or waits for long: what all workers share is decided by each worker alone while
    the others are out of reach.
    """

    @abstractmethod
    def admit(self, provider: str, model: str) -> Verdict:
        """Ask whether to call. PROBE is given to one caller at a time, of all workers.

        Whoever was let in tells exactly one of `succeeded`, `failed` and `released`.
        """

    @abstractmethod
    def succeeded(self, provider: str, model: str) -> None:
        """Tell that a call gave a first token: the breaker closes."""

    @abstractmethod
    def failed(self, provider: str, model: str) -> None:
        """Tell that a call failed by the upstream's fault."""

    @abstractmethod
    def released(self, provider: str, model: str) -> None:
        """Tell that a call ended without saying anything about the upstream (it was cancelled)."""

    @abstractmethod
    def state(self, provider: str, model: str) -> BreakerState:
        """Look; HALF_OPEN: a probe is due, or under way."""

    @abstractmethod
    def close(self) -> None:
        """Give back connections."""
