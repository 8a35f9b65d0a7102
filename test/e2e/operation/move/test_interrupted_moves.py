"""A move that is killed or loses its project is finished by the next move."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from api.move_command import MOVE, ledger_there, move, told_here, told_there
from api.shell_commands import arguments, environment
from source_tree import ROOT
from stack.daemon import ENVIRONMENT
from stack.supabase_postgres import SUPERUSER, programs
from stack.supabase_stack import SupabaseStack
from worlds.installation import TURNS, Installation, ledger_of
from worlds.stores import new_id

from services.stores.sqlite.store import FILE_NAME

TAKEN = """
set local session_replication_role = replica;
insert into messages (id, session_id, user_id, role, content, status, token_estimate, created_at)
values ('@message', '@other', '@other', 'user', '', 'complete', 0, now())
"""
HELD = """
select 1 from pg_stat_activity
where wait_event_type = 'Lock' and query like '%import_rows%'
"""


@contextmanager
def held(stack: SupabaseStack, statement: str) -> Iterator[None]:
    """Hold what a statement locks for the length of the block; then the statement is undone."""
    psql = subprocess.Popen(
        [programs() / "psql", "-XqAt", "-h", stack.folder, "-U", SUPERUSER, "-d", "postgres"],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert psql.stdin is not None
    assert psql.stdout is not None
    with psql:
        psql.stdin.write(f"begin; {statement}; select 'held';\n")
        psql.stdin.flush()
        assert psql.stdout.readline() == "held\n"
        yield
        psql.stdin.close()


@contextmanager
def waiting_move(
    folder: Path, stack: SupabaseStack, statement: str
) -> Iterator["subprocess.Popen[str]"]:
    """Start a move, and give it once it waits for what the statement locks."""
    with held(stack, statement):
        process = subprocess.Popen(
            arguments(MOVE),
            cwd=ROOT,
            env=environment(folder, stack.settings()),
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while not stack.sql(HELD):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process


def kill_where_it_waits(folder: Path, stack: SupabaseStack, statement: str) -> None:
    """Kill a move (-9) while it waits for what the statement locks."""
    with waiting_move(folder, stack, statement) as process:
        process.kill()
        process.communicate()


def test_a_move_that_is_killed_anywhere_is_finished_by_the_next(
    folder: Path, made: tuple[Path, Installation], supabase: SupabaseStack
) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        row = connection.execute("SELECT id FROM messages ORDER BY seq LIMIT 1 OFFSET 700")
        in_the_middle = row.fetchone()[0]
    taken = TAKEN.replace("@message", in_the_middle).replace("@other", new_id())

    kill_where_it_waits(folder, supabase, "lock table sessions in share row exclusive mode")
    kill_where_it_waits(folder, supabase, taken)
    half = supabase.sql("select count(*) as there from messages")[0]["there"]
    kill_where_it_waits(folder, supabase, "lock table ledger in share row exclusive mode")
    ran = move(folder, supabase)
    again = move(folder, supabase)

    assert 0 < half < 2 * TURNS
    assert ran.returncode == again.returncode == 0, ran.stderr
    assert told_there(supabase, made[1], folder) == told_here(folder, made[1])
    assert ledger_there(supabase) == ledger_of(folder)


def test_a_project_that_goes_away_in_the_middle_is_told_and_the_next_move_goes_on(
    folder: Path, made: tuple[Path, Installation], supabase: SupabaseStack
) -> None:
    with waiting_move(folder, supabase, "lock table runs in share row exclusive mode") as process:
        supabase.gateway_status(503)
    told = process.communicate()[1]
    supabase.gateway_status(None)
    ran = move(folder, supabase)

    assert process.returncode == 1
    assert "Start the command again: it goes on where it was." in told
    assert "Traceback" not in told
    assert ran.returncode == 0
    assert told_there(supabase, made[1], folder) == told_here(folder, made[1])
