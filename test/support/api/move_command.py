"""`flask --app app move-to-supabase`, and what both databases tell after it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from api.shell_commands import run_command
from stack.supabase_adapter import supabase_adapter
from stack.supabase_stack import SupabaseStack
from worlds.installation import LEDGER, Installation, all_told

from services.stores.sqlite.store import FILE_NAME, SqliteStore

if TYPE_CHECKING:
    import subprocess

MOVE = "move-to-supabase"


def dumped(folder: Path) -> list[str]:
    """Write a database out as SQL."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        return list(connection.iterdump())


def move(folder: Path, stack: SupabaseStack, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end."""
    return run_command(folder, MOVE, *options, settings=stack.settings())


def told_here(folder: Path, made: Installation) -> object:
    """Ask the embedded store for everything."""
    with closing(SqliteStore.open(folder)) as store:
        return all_told(store, made)


def told_there(stack: SupabaseStack, made: Installation, folder: Path) -> object:
    """Ask the project's store for everything."""
    with closing(supabase_adapter(stack).open(folder)) as store:
        return all_told(store, made)


def ledger_there(stack: SupabaseStack) -> list[dict[str, object]]:
    """Read the project's ledger, its amounts as text."""
    query = LEDGER.replace(" amount,", " amount::text as amount,")
    return stack.sql(query)
