"""An embedded installation is the same after it was moved into a Supabase project."""

from pathlib import Path

from api.move_command import ledger_there, move, told_here, told_there
from stack.supabase_stack import SupabaseStack
from worlds.installation import OLD_KEY, TURNS, Installation, ledger_of


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


def test_a_move_that_is_done_sends_no_row_again(folder: Path, supabase: SupabaseStack) -> None:
    move(folder, supabase)
    supabase.requests.clear()

    ran = move(folder, supabase)

    assert ran.returncode == 0
    assert "POST /rest/v1/rpc/import_digests" in supabase.requests()
    assert "POST /rest/v1/rpc/import_rows" not in supabase.requests()


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
