"""All counters of limits, quotas and failures: of this process, or shared by all workers."""

from dataclasses import dataclass

from services.admission.breakers.base import Breakers
from services.admission.quotas.base import Quotas
from services.domain.limits import Windows


@dataclass(frozen=True, slots=True)
class Counters:
    """The limits of callers, and the quotas and breakers of providers."""

    windows: Windows
    quotas: Quotas
    breakers: Breakers

    def close(self) -> None:
        """Close the connections; nothing is counted after that."""
        self.windows.close()
        self.quotas.close()
        self.breakers.close()
