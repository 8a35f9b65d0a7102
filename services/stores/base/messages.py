"""Messages, read only: `begin_turn` and `settle_turn` write them."""

from abc import ABC, abstractmethod

from services.domain.paging import Page
from services.domain.sessions import Message


class MessageStore(ABC):
    """The cost of a page does not grow with the length of its session."""

    @abstractmethod
    def branch(
        self, user_id: str, session_id: str, limit: int, cursor: str | None = None
    ) -> Page[Message]:
        """Page through the active branch: the first page holds its newest messages.

        Within a page the oldest comes first; `next_cursor` goes back in time. The content of a
        message that is being written is what the last checkpoint held. Raises NotFound and
        InvalidCursor.
        """

    @abstractmethod
    def tree(
        self, user_id: str, session_id: str, limit: int, cursor: str | None = None
    ) -> Page[Message]:
        """Page through all branches in the same way, by time of creation."""
