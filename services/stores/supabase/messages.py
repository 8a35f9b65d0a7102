"""Messages in Supabase."""

import msgspec
from msgspec.json import Decoder

from services.domain.errors.requests import InvalidCursor
from services.domain.paging import Page, decode_cursor, encode_cursor
from services.domain.sessions import Message
from services.stores.base import refusals
from services.stores.base.ids import is_uuid
from services.stores.base.messages import MessageStore
from services.stores.supabase.access.connection import Connection
from services.stores.supabase.rows import MessageRow

_BRANCH, _TREE = "branch", "tree"


class _Reply(msgspec.Struct):
    messages: list[MessageRow] = []
    refused: str | None = None


_PAGE: Decoder[_Reply | None] = Decoder(_Reply | None)


class SupabaseMessages(MessageStore):
    """Pages of messages; a cursor names the newest message of the page that it leads to."""

    def __init__(self, connection: Connection) -> None:
        """Work on a project that has the migrations."""
        self._connection = connection

    def branch(
        self, user_id: str, session_id: str, limit: int, cursor: str | None = None
    ) -> Page[Message]:
        """Walk up the parents from the active leaf, or from where the last page ended."""
        return self._page(_BRANCH, (user_id, session_id), limit, cursor)

    def tree(
        self, user_id: str, session_id: str, limit: int, cursor: str | None = None
    ) -> Page[Message]:
        """Read the session's messages in the order of their creation, from the newest on."""
        return self._page(_TREE, (user_id, session_id), limit, cursor)

    def _page(
        self, kind: str, session: tuple[str, str], limit: int, cursor: str | None
    ) -> Page[Message]:
        user_id, session_id = session
        reply = None
        if is_uuid(user_id) and is_uuid(session_id):
            asked: dict[str, object] = {
                "p_user": user_id,
                "p_session": session_id,
                "p_tree": kind == _TREE,
                "p_limit": limit + 1,
                "p_from": None if cursor is None else _message_at(kind, cursor),
            }
            reply = self._connection.ask("list_messages", asked, _PAGE)
        if reply is None:
            raise refusals.no_session()
        if reply.refused:
            raise InvalidCursor
        newest_first = [row.message() for row in reply.messages]
        next_cursor = encode_cursor(kind, newest_first[limit].id) if newest_first[limit:] else None
        return Page(newest_first[:limit][::-1], next_cursor)


def _message_at(kind: str, cursor: str) -> str:
    found_kind, message_id = decode_cursor(cursor, 2)
    if found_kind != kind or not is_uuid(message_id):
        raise InvalidCursor
    return message_id
