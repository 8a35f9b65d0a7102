"""When nothing is moved, and what the user is told instead."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from api.move_command import MOVE, move
from api.shell_commands import run_command
from stack.supabase_stack import SupabaseStack
from worlds.installation import Installation, make_installation
from worlds.stores import new_id

from services.runs.leases.lock import take_server_lock
from services.stores.sqlite.store import FILE_NAME


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


def test_a_project_that_is_away_gets_nothing(folder: Path, supabase: SupabaseStack) -> None:
    supabase.gateway_status(503)
    ran = move(folder, supabase)
    supabase.gateway_status(None)

    assert ran.returncode == 2
    assert "nothing was moved" in ran.stderr
    assert "Traceback" not in ran.stderr
