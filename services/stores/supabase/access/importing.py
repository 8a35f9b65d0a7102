"""Rows of another installation, put into a project as they are."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.json import Decoder

from services.stores.base.digests import Digest, Digests
from services.stores.supabase.access.connection import COUNT, TEXTS, Connection

_DIGESTS: Decoder[dict[str, Digest]] = Decoder(dict[str, Digest])


class Import:
    """Puts rows into a project. Every call may be repeated: a row that is there stays as it is."""

    def __init__(self, connection: Connection) -> None:
        """Work on a project that has the migrations."""
        self._connection = connection

    def collisions(self, users: Iterable[bytes]) -> list[str]:
        """List the addresses that exist under another id, or whose id has another address."""
        return self._connection.ask("import_collisions", {"p_rows": _array(users)}, TEXTS)

    def add(self, table: str, rows: Iterable[bytes]) -> int:
        """Insert rows, given as JSON, in this order; return how many were new."""
        asked = {"p_table": table, "p_rows": _array(rows)}
        return self._connection.ask("import_rows", asked, COUNT)

    def digests(
        self,
        table: str,
        owner: str,
        columns: Sequence[str],
        keys: Sequence[Mapping[str, object]],
    ) -> Digests:
        """Count and digest the rows that have these keys, by owner."""
        asked = {
            "p_table": table,
            "p_owner": owner,
            "p_key": list(keys[0]),
            "p_columns": columns,
            "p_rows": keys,
        }
        return self._connection.ask("import_digests", asked, _DIGESTS)


def _array(rows: Iterable[bytes]) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join(rows) + b"]")
