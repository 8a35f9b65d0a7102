"""Messages, only to be read: `begin_turn` and `settle_turn` write them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum

from services.domain.errors.requests import InvalidCursor
from services.domain.paging import Page, decode_cursor, encode_cursor
from services.domain.sessions import Message
from services.stores.base.ids import is_uuid


class MessageStore(ABC):
    """The cost of a page does not grow with the length of its session.

    A page ends early once it has `Bounds.page_bytes` of text.
    """

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


class MessageList(StrEnum):
    """Which of a session's two lists a cursor belongs to."""

    BRANCH = "branch"
    TREE = "tree"


def cursor_message(which: MessageList, cursor: str) -> str:
    """Read the id of the message that a page begins with, or raise InvalidCursor."""
    kind, message_id = decode_cursor(cursor, 2)
    if kind != which or not is_uuid(message_id):
        raise InvalidCursor
    return message_id


def message_page(
    which: MessageList, newest_first: Sequence[Message], next_id: str | None
) -> Page[Message]:
    """Make a page, the oldest message first; `next_id` is the message that begins the next page."""
    next_cursor = None if next_id is None else encode_cursor(which, next_id)
    return Page(newest_first[::-1], next_cursor)
