"""`check-supabase` says in a line each what a project lacks; its exit status says if it does."""

from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from api.shell_commands import run_command
from stack.fixtures import MakeSupabase
from stack.server_process import find_free_port
from stack.supabase_stack import SupabaseStack


def check(folder: Path, settings: Mapping[str, str]) -> CompletedProcess[str]:
    """Run the command."""
    return run_command(folder, "check-supabase", settings=settings)


def test_a_project_with_all_that_is_needed_is_well(tmp_path: Path, supabase: SupabaseStack) -> None:
    ran = check(tmp_path, supabase.settings())

    lines = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(lines) > 3
    assert all(line.startswith("ok ") for line in lines)


def test_what_is_missing_is_told_with_the_way_to_mend_it(
    tmp_path: Path, make_supabase: MakeSupabase
) -> None:
    stack = make_supabase()
    stack.sql("alter table public.ledger disable row level security")
    stack.sql("grant delete on public.users to anon")

    ran = check(tmp_path, stack.settings())

    wrong = [line for line in ran.stdout.splitlines() if line.startswith("wrong ")]
    assert ran.returncode == 1
    assert len(wrong) == 2
    assert any("ledger" in line and "enable row level security" in line for line in wrong)
    assert any("users" in line for line in wrong)
    assert stack.service_key not in ran.stdout + ran.stderr


@pytest.mark.parametrize("broken", ["no migrations", "expired key", "nobody there"])
def test_a_project_that_cannot_be_worked_with_is_one_sentence_and_no_trace(
    tmp_path: Path, make_supabase: MakeSupabase, broken: str
) -> None:
    stack = make_supabase()
    settings = stack.settings()
    if broken == "no migrations":
        stack.sql("drop schema public cascade; drop schema charla cascade")
        stack.sql("create schema public; grant usage on schema public to anon, service_role")
        stack.reload()
    elif broken == "expired key":
        settings["SUPABASE_KEY"] = stack.keys.expired_service
    else:
        settings["SUPABASE_URL"] = f"http://127.0.0.1:{find_free_port()}"

    ran = check(tmp_path, settings)

    wrong = [line for line in ran.stdout.splitlines() if line.startswith("wrong ")]
    assert (ran.returncode, ran.stderr) == (1, "")
    assert len(wrong) == 1


def test_without_a_project_the_settings_that_are_missing_are_named(tmp_path: Path) -> None:
    ran = check(tmp_path, {})

    assert ran.returncode == 2
    assert "SUPABASE_URL and SUPABASE_KEY" in ran.stderr
