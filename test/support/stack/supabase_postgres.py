"""PostgreSQL as a new Supabase project has it, and the project's migrations in it."""

import atexit
import json
import re
import signal
import subprocess
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from source_tree import ROOT
from stack.daemon import ENVIRONMENT, Daemon
from stack.private_folder import PrivateFolder, unprivileged

MIGRATIONS = ROOT / "supabase" / "migrations"
BOOTSTRAP = ROOT / "deploy" / "local" / "10_project.sql"
QUERY_SECONDS = 60.0
SUPERUSER = "supabase_admin"
OWNER = "postgres"
"""The role as which Supabase runs migrations: it is not a superuser."""

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    # These protect against a crash of the machine only, and tests kill processes. A commit that was
    # answered is in the kernel's hands, as `synchronous_commit` stays on.
    "fsync": "off",
    "full_page_writes": "off",
}

# Projects made before the end of October 2026 grant all new objects in `public` to the API's roles.
AUTO_GRANTS = """
alter default privileges for role postgres in schema public
  grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on functions to anon, authenticated, service_role;
"""
# Later projects grant none of that to any role, not even to the service role.
EXPLICIT_GRANTS = """
alter default privileges for role postgres in schema public
  grant truncate, references, trigger on tables to anon, authenticated, service_role;
alter default privileges for role postgres revoke execute on functions from public;
"""

RECORD = """;
insert into supabase_migrations.schema_migrations (version, name)
values (:'migration_version', :'migration_name');
"""

GIVES_ROWS = re.compile(
    r"\s*(select|with|values|(insert|update|delete)\b.*\breturning)\b", re.IGNORECASE | re.DOTALL
)

AS_JSON = "with _rows as ($query) select to_jsonb(_rows) from _rows"

# Truncating takes 90 ms, as it makes new files for each table and index; this takes 10 ms. Neither
# triggers nor foreign keys stand in its way.
EMPTY_ALL_TABLES = """
set local session_replication_role = replica;
do $$
declare
  name text;
begin
  for name in
    select format('%I.%I', schemaname, tablename)
    from pg_tables where schemaname in ('public', 'auth')
  loop
    execute 'delete from ' || name;
  end loop;
end $$;
"""


class SqlFailed(Exception):
    """PostgreSQL refused a statement; the message is PostgreSQL's own."""


class Postgres(Daemon):
    """A database that can be reached only through a unix socket in its folder."""

    def __init__(self, folder: PrivateFolder, *, auto_grants: bool) -> None:
        """Prepare the database; `auto_grants` gives it the default privileges of older projects."""
        self._grants = AUTO_GRANTS if auto_grants else EXPLICIT_GRANTS
        self._data = folder.path / "data"
        self._socket_folder = str(folder.path)
        settings = [part for item in SETTINGS.items() for part in ("-c", "=".join(item))]
        arguments = ["-D", str(self._data), "-k", str(folder.path), *settings]
        program = str(programs() / "postgres")
        super().__init__("postgres", folder, [program, *arguments], self._answers, signal.SIGINT)

    def create(self) -> None:
        """Make the database, start it, and apply the migrations in the order of their names."""
        self.create_project()
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            version, _, name = migration.stem.partition("_")
            self.apply(migration, RECORD, migration_version=version, migration_name=name)

    def create_project(self) -> None:
        """Make the database as a new project has it, without a migration, and start it."""
        _run("cp", "-R", _new_cluster().path / "data", self._data)
        self.start()
        self._psql(BOOTSTRAP.read_text() + self._grants, SUPERUSER)

    def apply(self, file: Path, record: str = "", **values: str) -> None:
        """Run a file, and `record` after it in one transaction, as Supabase runs a migration."""
        try:
            self._psql(file.read_text() + record, OWNER, values)
        except SqlFailed as refused:
            raise SqlFailed(f"{file.name}: {refused}") from None

    def dump(self) -> str:
        """Give the SQL that makes the database again, without its rows."""
        options = ["--schema-only", "--create", "--dbname=postgres"]
        whole = [*options, "--host", self._socket_folder, "--username", SUPERUSER]
        return _run(programs() / "pg_dump", *whole)

    def sql(self, text: str, *params: object) -> list[dict[str, Any]]:
        """Run SQL as the superuser; `$1` and so on stand for the params.

        A single query gives its rows: numbers that are no integers as Decimal, and types that JSON
        does not have as text. Anything else runs in one transaction and gives nothing.
        """
        values = {f"p{n}": str(value) for n, value in enumerate(params, 1) if value is not None}
        for number in range(1, len(params) + 1):
            stands_for = f":'p{number}'" if f"p{number}" in values else "null"
            text = re.sub(rf"\${number}\b", stands_for, text)
        if not GIVES_ROWS.match(text):
            self._psql(text, SUPERUSER, values)
            return []
        query = text.strip().removesuffix(";")
        printed = self._psql(AS_JSON.replace("$query", query), SUPERUSER, values)
        return [json.loads(row, parse_float=Decimal) for row in printed.split("\n") if row]

    def empty(self) -> None:
        """Empty every table of `public` and `auth`, also of the rows that a migration put there.

        Sequences go on where they were.
        """
        self._psql(EMPTY_ALL_TABLES, SUPERUSER)

    def _psql(self, text: str, user: str, values: dict[str, str] | None = None) -> str:
        variables = [f"--set={name}={value}" for name, value in (values or {}).items()]
        options = ["-XqAt1", "--set=ON_ERROR_STOP=1", *variables, "-f", "-"]
        database = ["-h", self._socket_folder, "-U", user, "-d", "postgres"]
        ran = subprocess.run(
            [programs() / "psql", *options, *database],
            input=text,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=QUERY_SECONDS,
            check=False,
        )
        if ran.returncode:
            raise SqlFailed(ran.stderr.strip())
        return ran.stdout

    def _answers(self) -> bool:
        try:
            return bool(self._psql("select 1", SUPERUSER))
        except SqlFailed:
            return False


@cache
def programs() -> Path:
    """Find the folder of the newest PostgreSQL that Debian has installed; it is not on PATH."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: int(path.parents[1].name), default=None)
    assert newest is not None, "run: .ci/setup-system postgresql"
    return newest.parent


@cache
def _new_cluster() -> PrivateFolder:
    """Make an empty database once for this process; copying it takes almost no time."""
    folder = PrivateFolder()
    atexit.register(folder.close)
    arguments = [
        "-U",
        SUPERUSER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
        "--wal-segsize=1",
    ]
    _run(programs() / "initdb", "-D", folder.path / "data", *arguments)
    return folder


def _run(*command: str | Path) -> str:
    ran = subprocess.run(
        command,
        env=ENVIRONMENT,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=QUERY_SECONDS,
        check=False,
        **unprivileged(),
    )
    assert ran.returncode == 0, f"{command[0]} failed:\n{ran.stdout}{ran.stderr}"
    printed: str = ran.stdout
    return printed
