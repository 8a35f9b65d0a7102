"""The rows of an embedded installation, in the form that the tables of Supabase have."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from services.stores.base.digests import Digest, Digests
from services.stores.base.times import time_text
from services.stores.sqlite.file.migrations import known_migrations
from services.stores.sqlite.file.snapshot import Snapshot

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is exported of a table; rows come in the order of their creation.

    `told` are the columns that both databases write as the same text. The rows of a session that is
    being deleted are left out.
    """

    name: str
    key: tuple[str, ...]
    owner: str
    told: tuple[str, ...]
    columns: str
    rows: str
    json: tuple[str, ...] = field(default=())
    flags: tuple[str, ...] = field(default=())


_OF_LIVING = "AS t JOIN sessions AS s ON s.id = t.session_id AND s.deleted = 0"

TABLES = (
    Table(
        name="tenants",
        key=("id",),
        owner="id",
        told=("id", "name"),
        columns="t.id, t.name, t.created_at",
        rows="tenants AS t ORDER BY t.created_at, t.id",
    ),
    Table(
        name="users",
        key=("id",),
        owner="id",
        told=("id", "tenant_id", "email", "email_folded", "name", "role", "password_hash"),
        columns="t.*",
        rows="users AS t ORDER BY t.created_at, t.id",
    ),
    Table(
        name="logins",
        key=("id",),
        owner="user_id",
        told=("id", "user_id", "network"),
        # The time of the revocation is not known; workers ask only for recent revocations.
        columns="t.id, t.user_id, t.created_at, t.network,"
        " CASE t.revoked WHEN 1 THEN t.created_at END AS revoked_at",
        rows="logins AS t ORDER BY t.created_at, t.id",
    ),
    Table(
        name="refresh_tokens",
        key=("token_hash",),
        owner="login_id",
        told=("token_hash", "login_id", "next_hash", "next_seed", "used_with"),
        columns="t.*",
        rows="refresh_tokens AS t ORDER BY t.issued_at, t.token_hash",
    ),
    Table(
        name="sessions",
        key=("id",),
        owner="user_id",
        told=(
            *("id", "user_id", "tenant_id", "title", "system_prompt", "provider", "model"),
            *("metadata", "active_leaf"),
        ),
        columns="t.id, t.user_id, t.tenant_id, t.title, t.system_prompt, t.provider, t.model,"
        " t.metadata, t.archived, t.active_leaf, t.created_at, t.updated_at, 0 AS deleted",
        rows="sessions AS t WHERE t.deleted = 0 ORDER BY t.created_at, t.id",
        json=("metadata",),
        flags=("archived", "deleted"),
    ),
    Table(
        name="messages",
        key=("id",),
        owner="user_id",
        told=(
            *("id", "session_id", "user_id", "parent_id", "role", "content", "status"),
            *("finish_reason", "provider", "model", "cost_amount", "cost_currency"),
            "token_estimate",
        ),
        columns="t.id, t.session_id, t.user_id, t.parent_id, t.role, t.content, t.status,"
        " t.finish_reason, t.provider, t.model, t.usage, t.cost_amount, t.cost_currency,"
        " t.token_estimate, t.created_at",
        rows=f"messages {_OF_LIVING} ORDER BY t.seq",
        json=("usage",),
    ),
    Table(
        name="runs",
        key=("id",),
        owner="user_id",
        told=(
            *("id", "session_id", "user_id", "message_id", "user_message_id", "epoch", "status"),
            *("finish_reason", "provider", "model", "cost_amount", "cost_currency"),
            *("terminal_epoch", "terminal_seq"),
        ),
        columns="t.id, t.session_id, t.user_id, t.tenant_id, t.message_id, t.user_message_id,"
        " t.worker_id, t.epoch, t.status, t.finish_reason, t.provider, t.model, t.offer,"
        " t.max_tokens, t.input_tokens, t.held_amount, t.attempt, t.calls, t.stop_requested_at,"
        " t.usage, t.cost_amount, t.cost_currency, json_remove(t.terminal, '$.epoch') AS terminal,"
        " coalesce(json_extract(t.terminal, '$.epoch'), t.epoch) AS terminal_epoch,"
        " t.terminal_seq, t.created_at, t.ended_at",
        rows=f"runs {_OF_LIVING} ORDER BY t.seq",
        json=("offer", "calls", "usage", "terminal"),
    ),
    Table(
        name="ledger",
        key=("run_id", "attempt"),
        owner="user_id",
        told=(
            *("run_id", "attempt", "purpose", "user_id", "tenant_id", "session_id", "provider"),
            *("model", "outcome", "code", "input_tokens", "output_tokens", "cached_tokens"),
            *("reasoning_tokens", "usage_source", "amount", "currency"),
        ),
        columns="t.run_id, t.attempt, t.purpose, t.user_id, t.tenant_id, t.session_id,"
        " t.provider, t.model, t.outcome, t.code, t.input_tokens, t.output_tokens, t.cached_tokens,"
        " t.reasoning_tokens, t.usage_source, t.amount, t.currency, t.created_at",
        rows="ledger AS t ORDER BY t.seq",
    ),
    Table(
        name="idempotency_keys",
        key=("user_id", "key_hash"),
        owner="user_id",
        told=("user_id", "key_hash", "body_hash", "session_id", "run_id"),
        columns="t.user_id, t.key_hash, t.body_hash, t.session_id, t.run_id, t.created_at",
        rows=f"idempotency_keys {_OF_LIVING} WHERE t.created_at >= :keys_since"
        " ORDER BY t.created_at, t.key_hash",
    ),
)
"""Parents before children."""


class Export:
    """The rows of a snapshot."""

    def __init__(self, state: Snapshot, keys_since: datetime) -> None:
        """Leave out idempotency keys that were made before."""
        self._connection = state.connection
        self._connection.row_factory = sqlite3.Row
        self._values = {"keys_since": time_text(keys_since)}

    def is_of_this_release(self) -> bool:
        """Tell whether the tables are those that this release knows."""
        found = self._connection.execute("SELECT max(version) FROM schema_migrations").fetchone()
        return bool(found[0] == known_migrations()[-1].version)

    def active_runs(self) -> int:
        """Count the answers that have no end."""
        row = self._connection.execute("SELECT count(*) FROM runs WHERE status = 'streaming'")
        return int(row.fetchone()[0])

    def count(self, table: Table) -> int:
        """Count the rows of a table that are exported."""
        query = f"SELECT count(*) FROM {table.rows}"  # noqa: S608 - from the list above
        return int(self._connection.execute(query, self._values).fetchone()[0])

    def rows(self, table: Table) -> Iterator[Mapping[str, object]]:
        """Read a table; JSON stays the text that it is."""
        query = f"SELECT {table.columns} FROM {table.rows}"  # noqa: S608 - from the list above
        for row in self._connection.execute(query, self._values):
            yield dict(row)


def encoded(table: Table, row: Mapping[str, object]) -> bytes:
    """Write a row as JSON."""
    values = dict(row)
    for name in table.flags:
        values[name] = bool(values[name])
    for name in table.json:
        text = values[name]
        values[name] = None if text is None else msgspec.Raw(str(text).encode())
    return _ENCODER.encode(values)


def told_by_owner(table: Table, rows: Iterable[Mapping[str, object]]) -> Digests:
    """Count and digest the rows of each owner, as `import_digests` does."""
    lines: dict[str, list[str]] = {}
    for row in rows:
        held = (row[name] for name in table.told)
        line = "\x1f".join(str(value) for value in held if value is not None)
        lines.setdefault(str(row[table.owner]), []).append(line)
    return {owner: Digest(len(told), _md5(told)) for owner, told in lines.items()}


def _md5(lines: list[str]) -> str:
    whole = "\x1e".join(sorted(lines))
    return hashlib.md5(whole.encode(), usedforsecurity=False).hexdigest()
