"""Everything that is counted, in this process or over all workers."""

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
        """Give back connections; nothing is counted any more."""
        self.windows.close()
        self.quotas.close()
        self.breakers.close()
