"""Messages in Supabase."""

import msgspec
from msgspec.json import Decoder

from services.domain.errors.requests import InvalidCursor
from services.domain.paging import Page
from services.domain.sessions import Message, MessageRole
from services.stores.base import refusals
from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.ids import is_uuid
from services.stores.base.messages import (
    MessageList,
    MessageStore,
    cursor_message,
    message_page,
)
from services.stores.supabase.access.connection import Connection
from services.stores.supabase.answers import AnswerRow
from services.stores.supabase.times import utc


class MessageRow(AnswerRow, kw_only=True):
    """A message; while it is being written its content is what the checkpoints hold."""

    id: str
    session_id: str
    parent_id: str | None
    role: MessageRole
    content: str
    model: str | None
    provider: str | None

    def message(self) -> Message:
        """Give the message."""
        return Message(
            id=self.id,
            session_id=self.session_id,
            parent_id=self.parent_id,
            role=self.role,
            content=self.content,
            status=self.status,
            created_at=utc(self.created_at),
            finish_reason=self.finish_reason,
            model=self.model,
            provider=self.provider,
            usage=self.usage,
            cost=self.cost(),
        )


class _Reply(msgspec.Struct):
    messages: list[MessageRow] = []
    next: str | None = None
    refused: str | None = None


_PAGE: Decoder[_Reply | None] = Decoder(_Reply | None)


class SupabaseMessages(MessageStore):
    """Pages of messages; a cursor names the newest message of the page that it leads to."""

    def __init__(self, connection: Connection, bounds: Bounds = USUAL) -> None:
        """Work on a project that has the migrations."""
        self._connection = connection
        self._bounds = bounds

    def branch(
        self, user_id: str, session_id: str, limit: int, cursor: str | None = None
    ) -> Page[Message]:
        """Walk up the parents from the active leaf, or from where the last page ended."""
        return self._page(MessageList.BRANCH, user_id, session_id, limit, cursor)

    def tree(
        self, user_id: str, session_id: str, limit: int, cursor: str | None = None
    ) -> Page[Message]:
        """Read the session's messages in the order of their creation, from the newest on."""
        return self._page(MessageList.TREE, user_id, session_id, limit, cursor)

    def _page(
        self, which: MessageList, user_id: str, session_id: str, limit: int, cursor: str | None
    ) -> Page[Message]:
        reply = None
        if is_uuid(user_id) and is_uuid(session_id):
            asked: dict[str, object] = {
                "p_user": user_id,
                "p_session": session_id,
                "p_tree": which is MessageList.TREE,
                "p_limit": limit + 1,
                "p_from": None if cursor is None else cursor_message(which, cursor),
                "p_bytes": self._bounds.page_bytes,
            }
            reply = self._connection.ask("list_messages", asked, _PAGE)
        if reply is None:
            raise refusals.no_session()
        if reply.refused:
            raise InvalidCursor
        rows, further = reply.messages[:limit], reply.messages[limit:]
        next_id = further[0].id if further else reply.next
        return message_page(which, [row.message() for row in rows], next_id)
