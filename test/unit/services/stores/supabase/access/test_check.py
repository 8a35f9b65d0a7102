"""What `check` says about a project."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from source_tree import ROOT
from stack.fixtures import MakeSupabase
from stack.rest_server import CUT, HANG, RestServer
from stack.supabase_stack import SupabaseStack
from worlds.stores import new_id, new_session, turn_in

from services.domain.errors.outages import StoreUnavailable
from services.stores.supabase.access.check import MIGRATIONS, Finding, check
from services.stores.supabase.access.connection import ConnectionLimits
from services.stores.supabase.store import SupabaseStore

SHORT = ConnectionLimits(
    connections=1, reserved_connections=0, timeout_seconds=1, pauses_seconds=()
)


def problems(findings: Sequence[Finding]) -> list[str]:
    """Give the sentences about what is wrong; each says what to do."""
    wrong = [finding for finding in findings if not finding.is_ok]
    assert all(finding.fix for finding in wrong)
    return [finding.text for finding in wrong]


@pytest.mark.parametrize("auto_grants", [True, False])
def test_a_project_with_the_migrations_is_as_it_should_be(
    make_supabase: MakeSupabase, *, auto_grants: bool
) -> None:
    stack = make_supabase(auto_grants=auto_grants)

    for key in (stack.service_key, stack.keys.secret):
        findings = check(stack.url, key)
        assert problems(findings) == []
        assert len(findings) == 5


def test_the_migrations_that_are_asked_for_are_those_of_this_release() -> None:
    files = sorted((ROOT / "supabase" / "migrations").glob("*.sql"))

    assert [file.name[:14] for file in files] == list(MIGRATIONS)


def test_the_functions_that_are_looked_at_are_all_that_there_are(supabase: SupabaseStack) -> None:
    there = supabase.sql(
        "select proname as name from pg_proc where pronamespace = 'public'::regnamespace"
    )
    listed = supabase.sql("select unnest(charla.remote_calls()) as name")

    assert sorted(row["name"] for row in there) == sorted(row["name"] for row in listed)


def test_the_tables_that_are_looked_at_are_all_that_there_are(supabase: SupabaseStack) -> None:
    there = supabase.sql("select tablename as name from pg_tables where schemaname = 'public'")
    listed = supabase.sql("select name from charla.tables()")

    assert sorted(row["name"] for row in there) == sorted(row["name"] for row in listed)


BREAKS = {
    "alter table ledger disable row level security": "off for the table ledger",
    "grant truncate on runs to authenticated": "a table: runs to authenticated",
    "grant select (password_hash) on users to anon": "open that should not be: users.password_hash",
    "grant update (title) on sessions to authenticated": "sessions.title to authenticated",
    "revoke select (model) on messages from authenticated": "may not select the column messages.mo",
    "revoke insert on workers from service_role": "read and write the table workers",
    "drop table checkpoints": "table checkpoints is missing",
    "grant execute on function begin_turn to anon": "call a function: begin_turn to anon",
    "grant execute on function charla.pick to public": "pick to authenticated",
    "revoke execute on function beat from service_role": "call the function beat",
    "drop function latest_run": "function latest_run is missing",
    "alter function settle_turn reset search_path": "settle_turn has no fixed search_path",
    "create policy all_of_it on messages using (true)": "do not make: all_of_it on messages",
    "drop policy own_sessions on sessions": "policy own_sessions is missing",
    "delete from charla.migrations where version like '%0800'": "not applied: 20261121090800",
}


def test_everything_that_deviates_is_told_by_its_name(make_supabase: MakeSupabase) -> None:
    stack = make_supabase()
    for statement in BREAKS:
        stack.sql(statement)

    told = problems(check(stack.url, stack.service_key, SHORT))

    for sentence in BREAKS.values():
        assert any(sentence in text for text in told), sentence
    assert len(told) == len(BREAKS) + 1  # what is open to public is open to two roles


def test_a_project_without_the_migrations_gets_one_sentence(make_supabase: MakeSupabase) -> None:
    stack = make_supabase()
    stack.sql("drop schema charla cascade; drop function begin_turn, charla_status")
    stack.reload()

    told = problems(check(stack.url, stack.service_key, SHORT))

    assert told == ["The project does not have the migrations."]
    with (
        closing(SupabaseStore(stack.url, stack.service_key, SHORT)) as store,
        pytest.raises(StoreUnavailable, match="supabase db push"),
    ):
        store.runs.begin_turn(turn_in(new_session(new_id())))


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("anon", "SUPABASE_KEY is a key of the role 'anon', not `service_role`."),
        ("publishable", "SUPABASE_KEY is the project's publishable key."),
        ("expired_service", "SUPABASE_KEY has expired."),
    ],
)
def test_a_key_of_the_wrong_kind_is_named(supabase: SupabaseStack, key: str, sentence: str) -> None:
    assert problems(check(supabase.url, getattr(supabase.keys, key))) == [sentence]


@pytest.mark.parametrize(
    "key", ["sb_secret_of_another_project", "x", "a.b.c", "", "\n", "é", "a" * 10_000]
)
def test_a_key_that_the_project_does_not_know_is_refused_and_not_shown(
    supabase: SupabaseStack, key: str
) -> None:
    findings = check(supabase.url, key, SHORT)

    assert len(problems(findings)) == 1
    assert not any(len(key) > 5 and key in finding.text + finding.fix for finding in findings)


@pytest.mark.parametrize("key", ["anon", "expired_service", "publishable"])
def test_a_store_with_a_key_of_the_wrong_kind_is_away_and_says_where_to_look(
    supabase: SupabaseStack, key: str
) -> None:
    with (
        closing(SupabaseStore(supabase.url, getattr(supabase.keys, key), SHORT)) as store,
        pytest.raises(StoreUnavailable, match="check-supabase"),
    ):
        store.ping()


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://example.org", "http://", "http://[", "file:///etc"]
)
def test_what_is_no_address_is_told_so(url: str) -> None:
    assert problems(check(url, "key")) == ["SUPABASE_URL is not an address."]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (CUT, "breaks the connection"),
        (HANG, "does not answer in time"),
        ((503, {"code": "PGRST001"}), "but not the database behind it"),
        ((404, b"<html>not found</html>"), "but not as a Supabase project does"),
        ((200, b"<html>hello</html>"), "but not as a Supabase project does"),
        ((404, {"code": "PGRST202"}), "does not have the migrations"),
        ((403, {"code": "42501"}), "not as a key that may call the functions"),
    ],
)
def test_an_address_that_does_not_work_is_told_how(
    server: RestServer, answer: tuple[int, object] | str, sentence: str
) -> None:
    server.answers = [answer] * 5

    [told] = problems(check(server.url, "key", SHORT))

    assert sentence in told


def test_an_address_where_nobody_listens_is_told_so(free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"

    assert problems(check(url, "key", SHORT)) == [f"There is no connection to {url}."]


def test_clocks_that_differ_are_told(server: RestServer) -> None:
    status = {"migrations": list(MIGRATIONS), "deviations": []}
    told = []
    for seconds in (10, 40):
        now = datetime.now(UTC) - timedelta(seconds=seconds)
        server.answers = [(200, status | {"now": now.isoformat()})]
        told.append(problems(check(server.url, "key", SHORT)))

    assert told == [[], ["This machine's clock and the database's are 40 s apart."]]
