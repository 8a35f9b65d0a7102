"""What bounds the use of sessions: how often they are written, and how they are searched."""

from dataclasses import dataclass, field

from services.admission.searches import Searches
from services.admission.windows.write_limit import WriteLimit


@dataclass(frozen=True, slots=True)
class SessionAdmission:
    """The bounds of every user; no `writes`: sessions are written without a limit."""

    writes: WriteLimit | None = None
    searches: Searches = field(default_factory=Searches)

    def take_write(self, user_id: str) -> None:
        """Count one write, or raise TooManyRequests."""
        if self.writes is not None:
            self.writes.take(user_id)
