"""Sessions: what a store promises, and what is the same of their rows in every database."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.domain.errors.requests import InvalidCursor
from services.domain.paging import Page, decode_cursor, encode_cursor
from services.domain.runs import IdempotencyKey
from services.domain.sessions import NewSession, Session, SessionChanges, SessionFilter
from services.stores.base.ids import is_uuid
from services.stores.base.times import time_of, time_text

_CURSOR = "sessions"


class SessionStore(ABC):
    """Every method takes the owner; a session that belongs to another user raises NotFound."""

    @abstractmethod
    def create(self, new: NewSession, key: IdempotencyKey | None = None) -> Session:
        """Make a session; a known key returns the session that it made before.

        Raises KeyReused if the key was used with another body, and StorageFull.
        """

    @abstractmethod
    def get(self, user_id: str, session_id: str) -> Session:
        """Read a session, or raise NotFound."""

    @abstractmethod
    def list(self, user_id: str, wanted: SessionFilter) -> Page[Session]:
        """List sessions by `updated_at`, newest first.

        Sessions that change while a client pages may be met twice, or be missed because they moved
        before its cursor; all others are met exactly once. A page ends early once it has
        `Bounds.page_bytes` of prompts and metadata. Raises InvalidCursor; a search SearchTooBroad
        if it takes too long.
        """

    @abstractmethod
    def change(
        self, user_id: str, session_id: str, changes: SessionChanges, now: datetime
    ) -> Session:
        """Apply a PATCH and move `updated_at`, or raise NotFound; an empty one changes nothing.

        Raises StorageFull if the session would grow.
        """

    @abstractmethod
    def delete(self, user_id: str, session_id: str) -> None:
        """Delete a session with messages, runs and checkpoints; the ledger stays.

        Nobody sees it any more when the call returns; a long deletion holds up no other writer.

        Raises NotFound, and RunActive while a run writes (the caller stops it first).
        """


@dataclass(frozen=True, slots=True)
class SessionPosition:
    """Where a page of a list ended: its last session's place in the order."""

    updated_at: datetime
    id: str


def session_position(cursor: str) -> SessionPosition:
    """Read where the next page begins, or raise InvalidCursor."""
    kind, updated_at, session_id = decode_cursor(cursor, 3)
    try:
        time = time_of(updated_at)
        is_ours = time_text(time) == updated_at
    except (ValueError, OverflowError):
        raise InvalidCursor from None
    if kind != _CURSOR or not is_ours or not is_uuid(session_id):
        raise InvalidCursor
    return SessionPosition(time, session_id)


def session_page(items: Sequence[Session], *, more: bool) -> Page[Session]:
    """Make a page of sessions; `more`: there is another one."""
    if not more:
        return Page(items)
    last = items[-1]
    return Page(items, encode_cursor(_CURSOR, time_text(last.updated_at), last.id))


def changed_columns(changes: SessionChanges) -> dict[str, object]:
    """Give what a PATCH writes, by column; the metadata as they are."""
    columns: dict[str, dict[str, object]] = {
        "title": {"title": changes.title},
        "archived": {"archived": changes.archived},
        "system_prompt": {"system_prompt": changes.system_prompt},
        "choice": {"provider": changes.choice.provider, "model": changes.choice.model},
        "metadata": {"metadata": changes.metadata},
    }
    unknown = changes.given - columns.keys()
    if unknown:
        raise ValueError(f"A session has no {', '.join(sorted(unknown))} to change.")
    return {name: value for given in changes.given for name, value in columns[given].items()}


def metadata_text(metadata: Mapping[str, object]) -> str:
    """Write what a client gave; NaN and Infinity are not JSON and raise ValueError.

    The standard library takes integers of any length; msgspec stops at 64 bits.
    """
    return json.dumps(metadata, allow_nan=False)


def metadata_of(text: str | bytes) -> Mapping[str, object]:
    """Read metadata that `metadata_text` wrote."""
    metadata: dict[str, object] = json.loads(text)
    return metadata
