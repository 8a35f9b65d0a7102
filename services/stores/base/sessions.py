"""Sessions."""

from abc import ABC, abstractmethod
from datetime import datetime

from services.domain.paging import Page
from services.domain.runs import IdempotencyKey
from services.domain.sessions import NewSession, Session, SessionChanges, SessionFilter


class SessionStore(ABC):
    """Every method takes the owner; what belongs to somebody else raises NotFound."""

    @abstractmethod
    def create(self, new: NewSession, key: IdempotencyKey | None = None) -> Session:
        """Make a session; a known key returns the session that it made before.

        Raises KeyReused where the key came with another body.
        """

    @abstractmethod
    def get(self, user_id: str, session_id: str) -> Session:
        """Read a session, or raise NotFound."""

    @abstractmethod
    def list(self, user_id: str, wanted: SessionFilter) -> Page[Session]:
        """List sessions by `updated_at`, newest first.

        Sessions that change while a client pages may be met twice or moved before its cursor;
        all others are met exactly once. Raises InvalidCursor.
        """

    @abstractmethod
    def change(
        self, user_id: str, session_id: str, changes: SessionChanges, now: datetime
    ) -> Session:
        """Apply a PATCH and move `updated_at`, or raise NotFound; an empty one changes nothing."""

    @abstractmethod
    def delete(self, user_id: str, session_id: str) -> None:
        """Delete a session with messages, runs and checkpoints; the ledger stays.

        It is gone for everybody when the call returns; a long one holds up no other writer.

        Raises NotFound, and RunActive while a run writes (the caller stops it first).
        """
