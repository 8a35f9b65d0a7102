"""An embedded installation is the same after it was moved into a Supabase project."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from api.shell_commands import arguments, environment, run_command
from source_tree import ROOT
from stack.daemon import ENVIRONMENT
from stack.supabase_adapter import supabase_adapter
from stack.supabase_postgres import SUPERUSER, programs
from stack.supabase_stack import SupabaseStack
from worlds.installation import (
    LEDGER,
    OLD_KEY,
    TURNS,
    Installation,
    all_told,
    ledger_of,
    make_installation,
)
from worlds.stores import new_id

from services.runs.leases.lock import take_server_lock
from services.stores.sqlite.store import FILE_NAME, SqliteStore

MOVE = "move-to-supabase"
TAKEN = """
set local session_replication_role = replica;
insert into messages (id, session_id, user_id, role, content, status, token_estimate, created_at)
values ('@message', '@other', '@other', 'user', '', 'complete', 0, now())
"""
HELD = """
select 1 from pg_stat_activity
where wait_event_type = 'Lock' and query like '%import_rows%'
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Installation]:
    """Make an installation once; nothing changes it."""
    folder = tmp_path_factory.mktemp("installation") / "data"
    return folder, make_installation(folder)


@pytest.fixture
def folder(made: tuple[Path, Installation]) -> Iterator[Path]:
    """Give its folder; it must be as before after the test."""
    folder = made[0]
    before = dumped(folder)
    yield folder
    assert dumped(folder) == before


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


def test_every_answer_of_the_store_is_the_same_after_the_move(
    folder: Path, made: tuple[Path, Installation], supabase: SupabaseStack
) -> None:
    ran = move(folder, supabase)

    assert ran.returncode == 0, ran.stderr
    assert f"messages: {2 * (TURNS + 12)} of {2 * (TURNS + 12)}" in ran.stderr
    assert told_there(supabase, made[1], folder) == told_here(folder, made[1])
    assert ledger_there(supabase) == ledger_of(folder)
    assert "12345678901234567890.000000000100" in {row["amount"] for row in ledger_there(supabase)}


def test_what_is_being_deleted_and_keys_that_are_too_old_stay_behind(
    folder: Path, made: tuple[Path, Installation], supabase: SupabaseStack
) -> None:
    ran = move(folder, supabase)

    assert ran.returncode == 0, ran.stderr
    gone = made[1].deleted.id
    for table in ("messages", "runs"):
        assert not supabase.sql(f"select 1 from {table} where session_id = $1", gone)  # noqa: S608 - names of this test
    assert supabase.sql("select 1 from ledger where session_id = $1", gone)
    assert not supabase.sql("select 1 from sessions where id = $1", gone)
    kept = {row["key_hash"] for row in supabase.sql("select key_hash from idempotency_keys")}
    assert kept == {"kept"}
    assert OLD_KEY.key_hash not in kept


@contextmanager
def held(stack: SupabaseStack, statement: str) -> Iterator[None]:
    """Keep what a statement locks for as long as this lasts; then it is undone."""
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
    """Start a move, and give it where it waits for what the statement locks."""
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
    """Kill a move (-9) where it waits for what the statement locks."""
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


def test_a_move_that_is_done_sends_no_row_again(folder: Path, supabase: SupabaseStack) -> None:
    move(folder, supabase)
    supabase.requests.clear()

    ran = move(folder, supabase)

    assert ran.returncode == 0
    assert "POST /rest/v1/rpc/import_digests" in supabase.requests()
    assert "POST /rest/v1/rpc/import_rows" not in supabase.requests()


def test_other_people_with_the_same_address_are_listed_and_nothing_is_moved(
    folder: Path, made: tuple[Path, Installation], supabase: SupabaseStack
) -> None:
    user, tenant = made[1].users[1], new_id()
    supabase.sql("insert into tenants values ($1, 'Other', now())", tenant)
    supabase.sql(
        "insert into users (id, tenant_id, email, email_folded, role, password_hash, created_at)"
        " values ($1, $2, $3, $4, 'admin', 'x', now())",
        new_id(),
        tenant,
        user.email,
        user.email.casefold(),
    )

    ran = move(folder, supabase)

    assert ran.returncode == 2
    assert ran.stderr.startswith("Error: Nothing was moved")
    assert ran.stderr.splitlines()[1:] == [f"  {user.email}"]
    assert supabase.sql("select count(*) as there from users") == [{"there": 1}]
    assert supabase.sql("select count(*) as there from tenants") == [{"there": 1}]


def test_what_was_changed_there_is_told_and_left(folder: Path, supabase: SupabaseStack) -> None:
    move(folder, supabase)
    supabase.sql("update messages set content = content || '!' where content = 'answer 7'")
    supabase.sql("delete from ledger where seq = (select max(seq) from ledger)")

    ran = move(folder, supabase)

    assert ran.returncode == 1
    assert "Error: 1 differences" in ran.stderr
    assert "messages of user_id" in ran.stderr
    assert supabase.sql("select 1 from messages where content = 'answer 7!'")
    assert ledger_there(supabase) == ledger_of(folder)


def test_a_dry_run_counts_and_writes_nothing(folder: Path, supabase: SupabaseStack) -> None:
    ran = move(folder, supabase, "--dry-run")

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[:2] == ["tenants: 1", "users: 4"]
    assert f"runs: {TURNS + 12}" in ran.stdout.splitlines()
    assert supabase.sql("select count(*) as there from tenants") == [{"there": 0}]


def test_a_folder_that_a_server_works_on_is_not_moved(
    folder: Path, supabase: SupabaseStack
) -> None:
    lock = take_server_lock(folder)
    ran = move(folder, supabase)
    lock.release()

    assert ran.returncode == 2
    assert "works on" in ran.stderr
    assert supabase.sql("select count(*) as there from tenants") == [{"there": 0}]


@pytest.mark.parametrize("left", ["an active run", "an outbox"])
def test_answers_without_an_end_are_settled_by_a_start_first(
    tmp_path: Path, supabase: SupabaseStack, left: str
) -> None:
    folder = tmp_path / "data"
    make_installation(folder)
    if left == "an outbox":
        (folder / "outbox").mkdir()
        (folder / "outbox" / f"{new_id()}.json").write_text("{}")
    else:
        with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
            connection.execute(
                "UPDATE runs SET status = 'streaming', ended_at = NULL, terminal = NULL,"
                " terminal_seq = NULL WHERE seq = 3"
            )
            connection.commit()

    ran = move(folder, supabase)

    assert ran.returncode == 2
    assert "Start the server once" in ran.stderr
    assert supabase.sql("select count(*) as there from tenants") == [{"there": 0}]


def test_an_installation_that_is_not_there_is_not_made(
    tmp_path: Path, supabase: SupabaseStack
) -> None:
    ran = move(tmp_path / "nothing", supabase)

    assert ran.returncode == 2
    assert ran.stderr.startswith("Error: There is no database")


def test_without_a_project_the_settings_that_are_missing_are_named(folder: Path) -> None:
    ran = run_command(folder, MOVE)

    assert ran.returncode == 2
    assert "SUPABASE_URL and SUPABASE_KEY" in ran.stderr


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


def test_a_project_that_is_away_gets_nothing(folder: Path, supabase: SupabaseStack) -> None:
    supabase.gateway_status(503)
    ran = move(folder, supabase)
    supabase.gateway_status(None)

    assert ran.returncode == 2
    assert "nothing was moved" in ran.stderr
    assert "Traceback" not in ran.stderr
