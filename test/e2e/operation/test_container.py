"""What is in the image is enough, and the parts of the local stack work, without docker."""

import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from api.chat_client import Answer, ChatClient
from disks.sealed_python import SealedPython
from source_tree import ROOT
from stack.daemon import ENVIRONMENT, Daemon
from stack.fixtures import MakeSupabase
from stack.private_folder import PrivateFolder
from stack.server_process import ServerProcess, find_free_port
from stack.supabase_gateway import status_of
from stack.supabase_postgres import OWNER, SUPERUSER, programs
from stack.supabase_stack import SupabaseStack

LOCAL = ROOT / "deploy" / "local"
TABLES = """
select schemaname || '.' || tablename as name from pg_tables
where schemaname not in ('pg_catalog', 'information_schema') order by 1
"""
FORGET_MIGRATIONS = """
do $$
declare
  own name;
begin
  for own in
    select nspname from pg_namespace
    where nspname !~ '^(pg_|information_schema|auth|extensions|supabase_migrations)'
  loop
    execute format('drop schema %I cascade', own);
  end loop;
  create schema public authorization postgres;
  truncate supabase_migrations.schema_migrations;
end $$;
"""


def instruction(word: str) -> str:
    """Give the last instruction of this kind in the Dockerfile, with its arguments."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    return next(line for line in reversed(lines) if line.startswith(f"{word} "))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Make a folder with what the Dockerfile copies."""
    folder = tmp_path / "image"
    folder.mkdir()
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            for source in sources:
                (folder / target).parent.mkdir(exist_ok=True)
                if (ROOT / source).is_dir():
                    ignored = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(ROOT / source, folder / target, ignore=ignored)
                else:
                    shutil.copy(ROOT / source, folder / target)
    return folder


def paths_of(url: str) -> list[str]:
    """List what can be asked of a server without an id, and what its pages load."""

    def read(path: str) -> str:
        with urllib.request.urlopen(url + path, timeout=10) as answer:  # noqa: S310 - the server of this test
            return str(answer.read(), "utf-8")

    described = json.loads(read("/api/openapi.json"))["paths"]
    asked = [path for path, methods in described.items() if "get" in methods and "{" not in path]
    pages = ["/", "/api/docs"]
    loaded = [name for page in pages for name in re.findall(r"/assets/[\w./-]+", read(page))]
    return [*asked, *pages, *loaded, "/api/docs/errors"]


def test_what_is_in_the_image_answers_on_a_read_only_disk_and_its_health_check_sees_it(
    image: Path, tmp_path: Path
) -> None:
    command = json.loads(instruction("HEALTHCHECK").split("CMD", 1)[1])
    sealed = SealedPython.make(tmp_path, Path(sys.executable))
    server = ServerProcess(tmp_path / "server")
    server.home, server.python, server.data_dir = image, sealed.path, sealed.disk / "data"

    def is_healthy() -> bool:
        ran = subprocess.run(
            [sys.executable, *command[1:]],
            env={"PORT": str(server.port)},
            capture_output=True,
            check=False,
        )
        return ran.returncode == 0

    assert command[0] == "python"
    assert not is_healthy()
    with server:
        client = ChatClient.registered(server.url)
        with client.send(client.new_session(), "/echo in a box") as reader:
            answer = reader.take_into(Answer())
        assert is_healthy()
        statuses = {path: status_of(server.port, path) for path in paths_of(server.url)}
    assert answer.text == "in a box"
    assert len(statuses) > 12
    assert {path: told for path, told in statuses.items() if told not in (200, 204, 401)} == {}


def test_a_command_in_the_image_works_from_any_folder_whatever_a_shell_exports(
    image: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shell = {"FLASK_APP": "other", "FLASK_DEBUG": "1", "GUNICORN_CMD_ARGS": "--workers=9"}

    ran = subprocess.run(
        [sys.executable, "-m", "flask", "--app", image / "app.py", "check"],
        cwd=elsewhere,
        env={"PATH": os.defpath, **shell},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, "scripted: usable" in ran.stdout) == (0, True)
    assert (image / "instance").is_dir()
    assert list(elsewhere.iterdir()) == []


def local_settings() -> ModuleType:
    """Load the program that makes settings for the local stack."""
    spec = importlib.util.spec_from_file_location("local_settings", LOCAL / "settings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_of_the_local_stack_are_new_each_time() -> None:
    def made() -> Mapping[str, str]:
        ran = subprocess.run(
            [sys.executable, LOCAL / "settings.py"], capture_output=True, text=True, check=True
        )
        return dict(line.split("=", 1) for line in ran.stdout.splitlines())

    one, other = made(), made()

    assert list(one) == [
        "SUPABASE_URL",
        "SUPABASE_KEY",
        "SUPABASE_JWT_SECRET",
        "JWT_SECRET_KEY",
        "METRICS_TOKEN",
        "REGISTRATION",
        "POSTGRES_PASSWORD",
    ]
    assert [name for name in one if one[name] == other[name]] == ["SUPABASE_URL", "REGISTRATION"]


def test_the_file_of_the_local_stacks_secrets_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    with file.open("w") as output:
        file.chmod(0o644)
        subprocess.run([sys.executable, LOCAL / "settings.py"], stdout=output, check=True)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "SUPABASE_KEY=" in file.read_text()


def test_the_local_gateway_lets_the_service_key_read(supabase: SupabaseStack) -> None:
    port, folder = find_free_port(), PrivateFolder()
    config = (LOCAL / "gateway.conf").read_text()
    socket = f"unix:{supabase.folder}/postgrest.sock"
    config = config.replace("rest:3000", socket).replace("listen 8000", f"listen {port}")
    scratch = folder.make("scratch")
    paths = "".join(
        f"{kind}_temp_path {scratch};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off; pid {scratch}/pid; error_log stderr; events {{}}"
    main = folder.write("nginx.conf", f"{head} http {{ access_log off; {paths} {config} }}")
    command = ["/usr/sbin/nginx", "-p", str(folder.path), "-e", "stderr", "-c", str(main)]
    key = local_settings().service_key(supabase.jwt_secret)
    nginx = Daemon("nginx", folder, command, lambda: status_of(port, "/rest/v1/") is not None)
    with closing(folder):
        nginx.start()
        anonymous = status_of(port, "/rest/v1/users")
        service = status_of(port, "/rest/v1/users", {"Authorization": f"Bearer {key}"})
        checked = status_of(port, "/rest/v1/")
        nginx.stop()

    assert (anonymous, service, checked) == (401, 200, 200)


def psql(stack: SupabaseStack, user: str, **environment: str) -> dict[str, str]:
    """Give a program of PostgreSQL the settings to find the stack's database."""
    path = {"PATH": f"{programs()}:{os.defpath}"}
    return (
        ENVIRONMENT
        | path
        | {
            "PGHOST": str(stack.folder),
            "PGUSER": user,
            "PGDATABASE": "postgres",
            **environment,
        }
    )


def test_the_migrations_are_applied_once_to_a_new_local_database(
    make_supabase: MakeSupabase,
) -> None:
    stack = make_supabase()
    tables = stack.sql(TABLES)
    stack.sql(FORGET_MIGRATIONS)
    assert stack.sql(TABLES) != tables

    def migrate() -> list[str]:
        ran = subprocess.run(
            ["sh", LOCAL / "migrate.sh", ROOT / "supabase" / "migrations"],
            env=psql(stack, OWNER),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    first, second = migrate(), migrate()

    names = sorted(path.stem for path in (ROOT / "supabase" / "migrations").glob("*.sql"))
    assert (first, second) == (names, [])
    assert stack.sql(TABLES) == tables
    noted = stack.sql("select version from supabase_migrations.schema_migrations order by 1")
    assert [row["version"] for row in noted] == [name.split("_")[0] for name in names]


def test_a_migration_that_fails_leaves_nothing_and_is_told(
    make_supabase: MakeSupabase, tmp_path: Path
) -> None:
    stack = make_supabase()
    (tmp_path / "20990101000000_bad.sql").write_text("create table half (x int);\nselect 1/0;")

    ran = subprocess.run(
        ["sh", LOCAL / "migrate.sh", tmp_path],
        env=psql(stack, OWNER),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode != 0
    assert "division by zero" in ran.stderr
    assert not [row for row in stack.sql(TABLES) if "half" in row["name"]]


def test_those_who_log_in_over_the_network_get_the_password(make_supabase: MakeSupabase) -> None:
    stack = make_supabase()
    who = "select rolname from pg_authid where rolpassword is not null order by 1"
    assert stack.sql(who) == []

    subprocess.run(
        ["psql", "-X", "--set=ON_ERROR_STOP=1", "-f", LOCAL / "20_passwords.sql"],
        env=psql(stack, SUPERUSER, POSTGRES_PASSWORD="it's a secret"),
        check=True,
        capture_output=True,
    )

    assert [row["rolname"] for row in stack.sql(who)] == ["authenticator", OWNER]
