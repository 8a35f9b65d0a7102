"""Sessions in Supabase."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

import msgspec
from msgspec.json import Decoder

from services.domain.catalog import ModelChoice
from services.domain.errors.conflicts import RunActive
from services.domain.errors.outages import StoreUnavailable
from services.domain.paging import Page
from services.domain.runs import IdempotencyKey
from services.domain.sessions import NewSession, Session, SessionChanges, SessionFilter
from services.stores.base import refusals
from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.ids import is_uuid
from services.stores.base.sessions import (
    SessionStore,
    changed_columns,
    metadata_of,
    metadata_text,
    session_page,
    session_position,
)
from services.stores.supabase import deletions
from services.stores.supabase.access.connection import Connection
from services.stores.supabase.access.errors import CancelledCall
from services.stores.supabase.times import Time, utc

QUERY_CHARS = 2000
"""A search takes 32 words; a longer text would not change what it finds."""


class SessionRow(msgspec.Struct):
    """A session."""

    id: str
    user_id: str
    title: str | None
    created_at: Time
    updated_at: Time
    active_run: str | None
    system_prompt: str | None
    provider: str | None
    model: str | None
    metadata: msgspec.Raw
    archived: bool

    def session(self) -> Session:
        """Give the session."""
        return Session(
            id=self.id,
            user_id=self.user_id,
            title=self.title,
            created_at=utc(self.created_at),
            updated_at=utc(self.updated_at),
            active_run=self.active_run,
            system_prompt=self.system_prompt,
            choice=ModelChoice(self.provider, self.model),
            metadata=metadata_of(bytes(self.metadata)),
            archived=self.archived,
        )


class _Refused(msgspec.Struct):
    refused: str | None = None
    active_run_id: str = ""
    more: bool = False


class _List(msgspec.Struct):
    sessions: list[SessionRow] = []
    more: bool = False
    refused: str | None = None


_MADE: Decoder[SessionRow] = Decoder(SessionRow)
_LIST: Decoder[_List] = Decoder(_List)
_RAW: Decoder[msgspec.Raw] = Decoder(msgspec.Raw)
_REFUSED: Decoder[_Refused] = Decoder(_Refused)
_DELETED: Decoder[_Refused | None] = Decoder(_Refused | None)


class SupabaseSessions(SessionStore):
    """Sessions; which run is active is read from the runs, not stored twice."""

    def __init__(self, connection: Connection, bounds: Bounds = USUAL) -> None:
        """Work on a project that has the migrations."""
        self._connection = connection
        self._bounds = bounds

    def create(self, new: NewSession, key: IdempotencyKey | None = None) -> Session:
        """Insert a session, or read the one that the key made."""
        asked: dict[str, object] = {
            "p_session": session_json(new),
            "p_max_stored": self._bounds.stored_bytes,
        }
        if key is None:
            made = self._connection.tell("create_session", asked, _RAW)
        else:
            asked |= {"p_key_hash": key.key_hash, "p_body_hash": key.body_hash}
            made = self._connection.ask("create_session", asked, _RAW)
        _raise_refusal(made)
        return _MADE.decode(made).session()

    def get(self, user_id: str, session_id: str) -> Session:
        """Read the row."""
        return self._found("get_session", user_id, session_id, {})

    def list(self, user_id: str, wanted: SessionFilter) -> Page[Session]:
        """Read a page along the index, or search."""
        asked: dict[str, object] = {
            "p_user": user_id,
            "p_archived": wanted.archived,
            "p_limit": wanted.limit + 1,
            "p_bytes": self._bounds.page_bytes,
        }
        if wanted.cursor is not None:
            before = session_position(wanted.cursor)
            asked |= {"p_before": before.updated_at, "p_before_id": before.id}
        if not is_uuid(user_id):
            return Page([])
        if wanted.query is None:
            reply = self._connection.ask("list_sessions", asked, _LIST)
        else:
            reply = self._search(asked | {"p_query": _plain(wanted.query[:QUERY_CHARS])})
        page = [row.session() for row in reply.sessions[: wanted.limit]]
        return session_page(page, more=reply.more or len(reply.sessions) > wanted.limit)

    def _search(self, asked: dict[str, object]) -> "_List":
        try:
            reply = self._connection.ask("search_sessions", asked, _LIST)
        except CancelledCall:
            raise refusals.search_too_broad() from None
        if reply.refused:
            raise refusals.search_busy()
        return reply

    def change(
        self, user_id: str, session_id: str, changes: SessionChanges, now: datetime
    ) -> Session:
        """Write the row with the given changes."""
        columns = _changed(changes)
        if not columns:
            return self.get(user_id, session_id)
        asked = {
            "p_changes": columns,
            "p_now": now,
            "p_max_stored": self._bounds.stored_bytes,
        }
        return self._found("change_session", user_id, session_id, asked)

    def delete(self, user_id: str, session_id: str) -> None:
        """Hide the session; then delete it chunk by chunk."""
        _check_ids(user_id, session_id)
        asked = {"p_user": user_id, "p_session": session_id, "p_limit": deletions.CHUNK}
        reply = self._connection.tell("delete_session", asked, _DELETED)
        if reply is None:
            raise refusals.no_session()
        if reply.refused:
            raise RunActive(reply.active_run_id)
        if reply.more:
            # Nobody sees it any more: what is left when this fails, the purge deletes later.
            with suppress(StoreUnavailable):
                deletions.finish(self._connection, session_id)

    def _found(
        self, function: str, user_id: str, session_id: str, asked: dict[str, object]
    ) -> Session:
        _check_ids(user_id, session_id)
        asked = {"p_user": user_id, "p_session": session_id, **asked}
        found = self._connection.ask(function, asked, _RAW)
        if bytes(found) == b"null":
            raise refusals.no_session()
        _raise_refusal(found)
        return _MADE.decode(found).session()


def session_json(new: NewSession) -> dict[str, object]:
    """Describe a session to be made, by the columns of its table."""
    return {
        "id": new.id,
        "user_id": new.user_id,
        "tenant_id": new.tenant_id,
        "title": new.title,
        "system_prompt": new.system_prompt,
        "provider": new.choice.provider,
        "model": new.choice.model,
        "metadata": _metadata_json(new.metadata),
        "created_at": new.created_at,
    }


def _raise_refusal(reply: msgspec.Raw) -> None:
    match _REFUSED.decode(reply).refused:
        case "key_reused":
            raise refusals.key_reused()
        case "storage_full":
            raise refusals.storage_full()


def _check_ids(user_id: str, session_id: str) -> None:
    if not (is_uuid(user_id) and is_uuid(session_id)):
        raise refusals.no_session()


def _changed(changes: SessionChanges) -> dict[str, object]:
    columns = changed_columns(changes)
    if "metadata" in columns:
        columns["metadata"] = _metadata_json(changes.metadata)
    return columns


def _metadata_json(metadata: Mapping[str, object]) -> msgspec.Raw:
    return msgspec.Raw(metadata_text(metadata).encode())


def _plain(query: str) -> str:
    """Replace what no text in PostgreSQL can hold; to the search it separates words."""
    return query.encode(errors="replace").decode().replace("\0", " ")
