"""Moves an embedded installation into a Supabase project; the embedded one is only read.

The move recognises by their content the rows that are there already. So a move that was killed
goes on where it was when it is started again, and a repeated move changes nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from services.commands.progress import Counter
from services.commands.refusals import Refused, Unfinished
from services.domain.errors.outages import StoreUnavailable
from services.runs.ending.outbox import FOLDER as OUTBOX
from services.runs.leases.lock import DataDirTaken, take_server_lock
from services.settings.load import load_settings
from services.stores.sqlite.file.export import TABLES, Export, Table, encoded, told_by_owner
from services.stores.sqlite.file.snapshot import CannotRead, snapshot
from services.stores.sqlite.store import FILE_NAME as DATABASE
from services.stores.supabase.access.connection import Connection, ConnectionLimits
from services.stores.supabase.access.errors import BrokenConstraint
from services.stores.supabase.access.importing import Import

Row = Mapping[str, object]

_BATCH_ROWS = 500
_BATCH_BYTES = 1_000_000
"""Bytes of JSON: one statement indexes all words in it, and Supabase allows it 8 seconds."""

_TOLD_DIFFERENCES = 20

LIMITS = ConnectionLimits(connections=1, reserved_connections=0, timeout_seconds=60.0)


def run(*, is_dry_run: bool) -> None:
    """Move the installation of the settings, or raise Refused or Unfinished."""
    settings = load_settings()
    scaling, folder = settings.scaling, settings.server.data_dir
    if scaling.supabase_url is None or scaling.supabase_key is None:
        raise Refused("Set SUPABASE_URL and SUPABASE_KEY: they name the project to move to.")
    keys_since = datetime.now(UTC) - timedelta(seconds=settings.runs.idempotency_seconds)
    connection = Connection(scaling.supabase_url, scaling.supabase_key, LIMITS)
    with closing(connection), _opened(folder, keys_since) as source:
        target = Import(connection)
        _refuse_collisions(source, target)
        if is_dry_run:
            for table in TABLES:
                click.echo(f"{table.name}: {source.count(table)}")
            return
        _move(source, target)
    click.echo("Everything was moved and checked. With the same JWT_SECRET_KEY logins stay good.")


@contextmanager
def _opened(folder: Path, keys_since: datetime) -> Iterator[Export]:
    """Open a data folder that no server uses and whose answers have all ended, or raise Refused."""
    try:
        lock = take_server_lock(folder)
    except DataDirTaken as exc:
        raise Refused(f"{exc} A move needs it at rest.") from exc
    try:
        with snapshot(folder / DATABASE) as state:
            export = Export(state, keys_since)
            _refuse_unsettled(export, folder)
            yield export
    except CannotRead as exc:
        raise Refused(str(exc)) from exc
    finally:
        lock.release()


def _refuse_unsettled(source: Export, folder: Path) -> None:
    way_out = "Start the server once on it, without SUPABASE_URL, and stop it"
    if not source.is_of_this_release():
        raise Refused(f"The database in {folder} is of another release. {way_out}.")
    waiting = len(list((folder / OUTBOX).glob("*.json")))
    if source.active_runs() or waiting:
        raise Refused(
            f"In {folder} {source.active_runs()} answers have no end, and {waiting} ends are not "
            f"stored yet. {way_out}: that settles them."
        )


def _refuse_collisions(source: Export, target: Import) -> None:
    """Raise Refused, before anything is moved, where the project cannot take an account."""
    users = next(table for table in TABLES if table.name == "users")
    colliding: list[str] = []
    try:
        for batch in _batches(source, users):
            colliding += target.collisions(encoded(users, row) for row in batch)
    except StoreUnavailable as exc:
        raise Refused(f"{exc.reason.rstrip('.')}: nothing was moved.") from exc
    if colliding:
        raise Refused(
            "Nothing was moved: the project has other accounts with these addresses (or ids). "
            "Delete those there, or move into an empty project.\n  " + "\n  ".join(colliding)
        )


def _move(source: Export, target: Import) -> None:
    differing: list[str] = []
    try:
        for table in TABLES:
            differing += _moved(source, target, table)
    except (StoreUnavailable, BrokenConstraint) as exc:
        said = exc.reason if isinstance(exc, StoreUnavailable) else str(exc)
        raise Unfinished(f"{said} Start the command again: it goes on where it was.") from exc
    if differing:
        told = differing[:_TOLD_DIFFERENCES]
        raise Unfinished(
            f"{len(differing)} differences, which were made in the project since or by an earlier "
            "move; they were left as they are:\n  " + "\n  ".join(told)
        )


def _moved(source: Export, target: Import, table: Table) -> list[str]:
    """Move a table and check it; return a line for each difference that is left."""
    tell, total, done = Counter(table.name), source.count(table), 0
    differing: list[str] = []
    for batch in _batches(source, table):
        here = told_by_owner(table, batch)
        keys = [{name: row[name] for name in table.key} for row in batch]
        there = target.digests(table.name, table.owner, table.told, keys)
        if there != here:
            target.add(table.name, (encoded(table, row) for row in batch))
            there = target.digests(table.name, table.owner, table.told, keys)
        differing += [
            f"{table.name} of {table.owner} {owner}: {told.rows} rows here, "
            f"{there[owner].rows if owner in there else 0} there"
            for owner, told in here.items()
            if there.get(owner) != told
        ]
        done += len(batch)
        tell(done, total)
    return differing


def _batches(source: Export, table: Table) -> Iterator[list[Row]]:
    """Read a table in batches that are small enough for one request."""
    batch: list[Row] = []
    size = 0
    for row in source.rows(table):
        length = len(encoded(table, row))
        if batch and (len(batch) == _BATCH_ROWS or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch
