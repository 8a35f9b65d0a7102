"""Straight at PostgREST, past the server: what a user's token and the anon key can do there."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import TypeAlias

import httpx
import pytest
from api.exposure import Caller, Catalog
from source_tree import ROOT
from stack.fixtures import MakeSupabase
from stack.supabase_stack import SupabaseStack
from worlds.stores import new_id

SCHEMAS = ("public", "charla")
"""More schemas than a project exposes: one that is exposed by mistake must not open anything."""

READABLE = {
    f"read public.{table}.{column}"
    for table, columns in {
        "sessions": "id user_id title system_prompt provider model metadata archived created_at"
        " updated_at",
        "messages": "id session_id user_id parent_id role content status finish_reason provider"
        " model usage created_at",
    }.items()
    for column in columns.split()
}

PAGE = ROOT / "Documentation" / "clients" / "supabase-js.md"
QUERY = re.compile(r"\.from\(\"(\w+)\"\)\s+\.select\(\"([^\"]+)\"\)((?:\s+\.\w+\([^\n]*\))*)")
NAMED = re.compile(r"\.(?:eq|order)\(\"(\w+)\"")

# What a migration could open by mistake, and what that allows.
MISTAKES = {
    "create table public.notes (session_id uuid references public.sessions);"
    "grant select on public.notes to authenticated;": {
        "read public.notes",
        "read public.notes.session_id",
        "read public.notes through public.sessions",
    },
    "create table charla.notes (id int);"
    "grant usage on schema charla to authenticated;"
    "grant delete on charla.notes to authenticated;": {"delete charla.notes"},
    "create view public.people as select email, password_hash from public.users;"
    "grant select (email) on public.people to authenticated;": {"read public.people.email"},
    "grant select (active_leaf) on public.sessions to authenticated;": {
        "read public.sessions.active_leaf"
    },
    "grant update (title) on public.sessions to authenticated;": {"update public.sessions.title"},
    "grant insert (id) on public.tenants to authenticated;": {
        "insert public.tenants",
        "insert public.tenants.id",
    },
    "grant select on sequence public.ledger_seq_seq to authenticated;": {
        f"read public.ledger_seq_seq{column}"
        for column in ("", ".last_value", ".log_cnt", ".is_called")
    },
    "grant execute on function public.begin_turn to authenticated;": {"call public.begin_turn"},
    "grant execute on function public.get_session to public;": {"call public.get_session"},
}

MakeCaller: TypeAlias = Callable[..., Caller]


@pytest.fixture(scope="module", params=[False, True], ids=["explicit-grants", "auto-grants"])
def stack(request: pytest.FixtureRequest) -> Iterator[SupabaseStack]:
    """Give a project of each kind; none of its tests changes what the others see."""
    with SupabaseStack(auto_grants=request.param, schemas=SCHEMAS) as stack:
        yield stack


@pytest.fixture
def caller() -> Iterator[MakeCaller]:
    """Call a stack: `caller(stack)` with the anon key alone, `caller(stack, user_id)` as a user."""
    with ExitStack() as opened:

        def call(stack: SupabaseStack, user_id: str | None = None) -> Caller:
            token = stack.user_token(user_id) if user_id else None
            return opened.enter_context(closing(Caller(stack, token)))

        yield call


def add_session(stack: SupabaseStack, user_id: str, *, deleted: bool = False) -> str:
    """Store a session with one message, and give its id."""
    session_id = new_id()
    stack.sql(
        "insert into public.sessions (id, user_id, tenant_id, title, metadata, deleted,"
        " created_at, updated_at) values ($1, $2, $2, 'A title', '{}', $3, now(), now())",
        session_id,
        user_id,
        deleted,
    )
    stack.sql(
        "insert into public.messages (id, session_id, user_id, role, content, status,"
        " token_estimate, created_at) values ($1, $2, $3, 'user', 'A word', 'complete', 1, now())",
        new_id(),
        session_id,
        user_id,
    )
    return session_id


def sessions_seen(caller: Caller) -> tuple[set[str], set[str]]:
    """Give the ids of the sessions that are visible, and of those whose messages are."""
    sessions = {row["id"] for row in caller.rows("sessions?select=id")}
    messages = {row["session_id"] for row in caller.rows("messages?select=session_id")}
    return sessions, messages


def test_everything_that_could_be_shown_is_tried(stack: SupabaseStack) -> None:
    catalog = Catalog.of(stack)

    deeds = {attempt.deed for attempt in catalog.attempts()}

    assert set(catalog.schemas) == set(SCHEMAS)
    assert {"call public.begin_turn", "call public.settle_turn", "call charla.write_turn"} <= deeds
    assert {"read public.users.password_hash", "read charla.migrations.version"} <= deeds
    assert deeds > READABLE


def test_the_anon_key_opens_nothing(stack: SupabaseStack, caller: MakeCaller) -> None:
    add_session(stack, new_id())

    nobody = caller(stack)

    assert nobody.allowed(Catalog.of(stack)) == set()
    assert nobody.shown() == {"/"}


@pytest.mark.parametrize("has_sessions", [True, False], ids=["with sessions", "a stranger"])
def test_a_users_token_reads_named_columns_and_does_nothing_else(
    stack: SupabaseStack, caller: MakeCaller, *, has_sessions: bool
) -> None:
    owner = new_id()
    add_session(stack, owner)
    user = caller(stack, owner if has_sessions else new_id())

    assert user.allowed(Catalog.of(stack)) == READABLE
    assert user.shown() == {"/", "/sessions", "/messages"}


def test_a_user_sees_own_sessions_and_their_messages_only(
    stack: SupabaseStack, caller: MakeCaller
) -> None:
    first, second = new_id(), new_id()
    own, other = add_session(stack, first), add_session(stack, second)

    assert sessions_seen(caller(stack, first)) == ({own}, {own})
    assert sessions_seen(caller(stack, second)) == ({other}, {other})
    assert sessions_seen(caller(stack, new_id())) == (set(), set())


def test_a_deleted_session_is_hidden_with_its_messages(
    stack: SupabaseStack, caller: MakeCaller
) -> None:
    user_id = new_id()
    add_session(stack, user_id, deleted=True)

    assert sessions_seen(caller(stack, user_id)) == (set(), set())


def test_a_session_is_read_together_with_its_messages(
    stack: SupabaseStack, caller: MakeCaller
) -> None:
    user_id = new_id()
    add_session(stack, user_id)

    rows = caller(stack, user_id).rows("sessions?select=title,messages(role,content)")

    assert rows == [{"title": "A title", "messages": [{"role": "user", "content": "A word"}]}]


def test_the_page_about_supabase_js_names_what_can_be_read() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`.*`) \|$", PAGE.read_text(), re.MULTILINE)

    named = {
        f"read public.{table}.{column.strip('`')}"
        for table, columns in rows
        for column in columns.split(", ")
    }
    assert named == READABLE


def test_the_examples_for_supabase_js_are_answered(
    stack: SupabaseStack, caller: MakeCaller
) -> None:
    user_id = new_id()
    add_session(stack, user_id)
    queries = QUERY.findall(PAGE.read_text())

    assert len(queries) == 3
    for table, columns, further in queries:
        # As supabase-js asks: without blanks, and with the other columns in filters and orders.
        others = "".join(f"&{name}=not.is.null&order={name}" for name in NAMED.findall(further))
        path = f"{table}?select={columns.replace(' ', '')}{others}"
        (row,) = caller(stack, user_id).rows(path)
        assert set(row) == set(re.sub(r"\(.*?\)", "", columns).split(", "))


@pytest.mark.parametrize("table", ["sessions", "messages"])
def test_all_columns_at_once_are_refused_as_the_page_says(
    stack: SupabaseStack, caller: MakeCaller, table: str
) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        caller(stack, new_id()).rows(f"{table}?select=*")

    assert refused.value.response.status_code == 403
    assert refused.value.response.json()["code"] == "42501"
    assert refused.value.response.json()["message"] == f"permission denied for table {table}"


def test_no_publication_tells_of_a_table(stack: SupabaseStack) -> None:
    assert stack.sql("select tablename from pg_publication_tables") == []


def test_row_level_security_is_on_for_every_table(stack: SupabaseStack) -> None:
    tables = stack.sql(
        "select relname as name, relrowsecurity as is_on from pg_class"
        " where relkind in ('r', 'p') and relnamespace::regnamespace::text in ('public', 'charla')"
    )

    assert len(tables) > 5
    assert [table["name"] for table in tables if not table["is_on"]] == []


def test_only_the_service_role_may_call_a_function_and_each_has_a_fixed_search_path(
    stack: SupabaseStack,
) -> None:
    functions = stack.sql(
        "select proname as name, proconfig as settings,"
        " has_function_privilege('service_role', oid, 'execute') as for_service,"
        " has_function_privilege('anon', oid, 'execute') as for_anon,"
        " has_function_privilege('authenticated', oid, 'execute') as for_users"
        " from pg_proc where pronamespace::regnamespace::text in ('public', 'charla')"
    )
    for_service = {function["name"] for function in functions if function["for_service"]}

    assert {"begin_turn", "settle_turn", "beat", "claim_dead"} <= for_service
    assert [f["name"] for f in functions if f["for_anon"] or f["for_users"]] == []
    assert [f["name"] for f in functions if 'search_path=""' not in (f["settings"] or [])] == []


def test_whatever_a_migration_opens_by_mistake_is_found(
    make_supabase: MakeSupabase, caller: MakeCaller
) -> None:
    stack = make_supabase(schemas=SCHEMAS)
    user = caller(stack, new_id())

    for mistake in MISTAKES:
        stack.sql(mistake)
    stack.reload()

    assert user.allowed(Catalog.of(stack)) - READABLE == set().union(*MISTAKES.values())


def test_a_table_of_an_older_project_is_found_where_nothing_was_revoked(
    make_supabase: MakeSupabase, caller: MakeCaller
) -> None:
    stack = make_supabase(auto_grants=True, schemas=SCHEMAS)
    stack.sql("set local role postgres; create table public.notes (id int);")
    stack.reload()

    assert caller(stack).allowed(Catalog.of(stack)) == {
        "read public.notes",
        "read public.notes.id",
        "insert public.notes",
        "insert public.notes.id",
        "update public.notes.id",
        "delete public.notes",
    }


def test_a_policy_that_shows_foreign_rows_is_found(
    make_supabase: MakeSupabase, caller: MakeCaller
) -> None:
    stack = make_supabase()
    add_session(stack, new_id())
    stack.sql("create policy all_of_them on public.sessions to authenticated using (true);")

    sessions, messages = sessions_seen(caller(stack, new_id()))

    assert len(sessions) == 1
    assert messages == set()
