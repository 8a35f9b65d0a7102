"""The migrations and the schema files make the same database.

Both are compared by what pg_dump writes: every kind of object that a database can hold, with its
owner and its grants.
"""

import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from source_tree import ROOT
from stack.database_dump import differences, objects_of
from stack.private_folder import PrivateFolder
from stack.supabase_postgres import Postgres

SUPABASE = ROOT / "supabase"


def schema_files() -> list[Path]:
    """Give the schema files in the order in which the Supabase CLI takes them."""
    config = tomllib.loads((SUPABASE / "config.toml").read_text())
    return [SUPABASE / path for path in config["db"]["migrations"]["schema_paths"]]


@contextmanager
def new_postgres(*, auto_grants: bool) -> Iterator[Postgres]:
    """Give a server that was not started; it ends with the block."""
    with closing(PrivateFolder()) as folder:
        postgres = Postgres(folder, auto_grants=auto_grants)
        try:
            yield postgres
        finally:
            postgres.stop()


@contextmanager
def declared_database(*, auto_grants: bool = False) -> Iterator[Postgres]:
    """Give a database that the schema files have made."""
    with new_postgres(auto_grants=auto_grants) as postgres:
        postgres.create_project()
        for file in schema_files():
            postgres.apply(file)
        yield postgres


def test_every_schema_file_has_its_place_in_the_order() -> None:
    there = sorted((SUPABASE / "schemas").rglob("*.sql"))

    assert sorted(schema_files()) == there


def test_a_schema_file_begins_with_what_it_is_about() -> None:
    silent = [file.name for file in schema_files() if not file.read_text().startswith("-- ")]

    assert silent == []


# Older projects grant everything to everybody: a missing revoke shows there. Newer projects grant
# nothing: a missing grant shows there.
@pytest.mark.parametrize("auto_grants", [True, False])
def test_the_schema_files_make_the_database_that_the_migrations_make(*, auto_grants: bool) -> None:
    with new_postgres(auto_grants=auto_grants) as postgres:
        postgres.create()
        migrated = objects_of(postgres.dump())
    with declared_database(auto_grants=auto_grants) as postgres:
        declared = objects_of(postgres.dump())

    told = differences(migrated, declared, "supabase/migrations", "supabase/schemas")

    assert not told, "\n\n".join(["These differ:", *map("\n".join, told.items())])


# A change of a database, and the object that the difference must name.
CHANGES = {
    "alter table runs add column spare integer": "TABLE public.runs",
    "alter table ledger alter column code set default 'x'": "TABLE public.ledger",
    "alter table users alter column name set not null": "TABLE public.users",
    "alter table logins alter column revoked_at type timestamp": "TABLE public.logins",
    "alter table tenants add check (name <> '')": "TABLE public.tenants",
    "alter table idempotency_keys drop column run_id, add column run_id uuid": (
        "TABLE public.idempotency_keys"
    ),
    "alter table messages add unique (parent_id, seq)": (
        "CONSTRAINT public.messages messages_parent_id_seq_key"
    ),
    "alter table checkpoints drop constraint checkpoints_run_id_fkey": (
        "FK CONSTRAINT public.checkpoints checkpoints_run_id_fkey"
    ),
    "drop index runs_by_session": "INDEX public.runs_by_session",
    "alter table workers disable row level security": "ROW SECURITY public.workers",
    "alter policy own_sessions on sessions using (true)": "POLICY public.sessions own_sessions",
    "alter type charla.settlement add attribute spare text": "TYPE charla.settlement",
    "create type mood as enum ('good')": "TYPE public.mood",
    "create view shown as select id from sessions": "VIEW public.shown",
    "create trigger quiet before update on users"
    " execute function suppress_redundant_updates_trigger()": "TRIGGER public.users quiet",
    "create or replace function charla_ping() returns json language sql stable"
    " set search_path = '' as 'select null::json'": "FUNCTION public.charla_ping()",
    "alter function charla.tokens volatile": "FUNCTION charla.tokens(text)",
    "alter function get_run security definer": "FUNCTION public.get_run(uuid, uuid)",
    "alter function settle_turn reset search_path": "FUNCTION public.settle_turn(json)",
    "alter function begin_turn owner to supabase_admin": "FUNCTION public.begin_turn(json)",
    "grant truncate on sessions to anon": "ACL public.TABLE sessions",
    "grant select (email) on users to anon": "ACL public.COLUMN users.email",
    "grant execute on function beat to anon": "ACL public.FUNCTION beat(jsonb)",
    "revoke usage on sequence runs_seq_seq from service_role": "ACL public.SEQUENCE runs_seq_seq",
    "revoke usage on schema charla from service_role": "ACL -.SCHEMA charla",
    "alter default privileges in schema charla grant select on tables to anon": (
        "DEFAULT ACL charla.DEFAULT PRIVILEGES FOR TABLES"
    ),
    "drop extension pgcrypto": "EXTENSION -.pgcrypto",
    "comment on table ledger is 'paid'": "COMMENT public.TABLE ledger",
}
# The parts of an object change with it.
CONSEQUENCES = {"ACL public.FUNCTION begin_turn(json)", "COMMENT -.EXTENSION pgcrypto"}


def test_a_difference_of_any_kind_is_told_by_the_name_of_its_object() -> None:
    with declared_database() as postgres:
        before = objects_of(postgres.dump())
        postgres.sql("; ".join(CHANGES))
        after = objects_of(postgres.dump())

    told = differences(before, after, "before", "after")

    assert told.keys() == {*CHANGES.values(), *CONSEQUENCES}
