"""What the commands that make one-time links print, refuse and leave."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner, Result

from services.commands import cli
from services.domain.users import Role
from services.stores.base.accounts.users import Credentials
from services.stores.sqlite.store import SqliteStore

ADA = "ada@example.org"
LINK = re.compile(
    r"http://127\.0\.0\.1:5000/#(invite|reset)=([\w-]{32})(&email=ada%40example\.org)?\n"
)
CHEAP = {"PASSWORD_HASH_MEMORY_KIB": "1024"}


def run(folder: Path, command: Command, *words: str, **settings: str) -> Result:
    """Run a command on a data folder."""
    return CliRunner().invoke(command, words, env={"DATA_DIR": str(folder), **CHEAP, **settings})


def account(folder: Path, email: str = ADA) -> Credentials | None:
    with closing(SqliteStore.open(folder)) as store:
        return store.users.credentials(email)


def test_a_new_admin_gets_a_link_and_cannot_log_in_before(tmp_path: Path) -> None:
    ran = run(tmp_path, cli.create_admin, ADA)

    made = account(tmp_path)
    assert (ran.exit_code, made and made.user.role) == (0, Role.ADMIN)
    found = LINK.fullmatch(ran.stdout)
    assert found
    assert found[1] == "reset"
    assert "once, until" in ran.stderr


def test_an_account_that_is_there_becomes_an_admin_and_keeps_its_password(tmp_path: Path) -> None:
    run(tmp_path, cli.create_admin, "first@example.org")
    with closing(SqliteStore.open(tmp_path)) as store:
        made = store.users.credentials("first@example.org")
        assert made is not None
        store.users.set_role(made.user.id, Role.MEMBER)

    ran = run(tmp_path, cli.create_admin, "FIRST@example.org")

    now = account(tmp_path, "first@example.org")
    assert now is not None
    assert (ran.exit_code, ran.stdout, now.user.role) == (0, "", Role.ADMIN)
    assert now.password_hash == made.password_hash


def test_an_invitation_is_for_an_address_or_for_anybody(tmp_path: Path) -> None:
    named, open_to_all = run(tmp_path, cli.invite, ADA), run(tmp_path, cli.invite)

    found = [LINK.fullmatch(ran.stdout) for ran in (named, open_to_all)]
    assert [match and (match[1], bool(match[3])) for match in found] == [
        ("invite", True),
        ("invite", False),
    ]
    assert account(tmp_path) is None


def test_the_link_has_the_public_address(tmp_path: Path) -> None:
    public = run(tmp_path, cli.invite, PUBLIC_URL="https://chat.example.com/charla/")
    everywhere = run(tmp_path, cli.invite, HOST="0.0.0.0", PORT="8080")  # noqa: S104 - as it is set

    assert public.stdout.startswith("https://chat.example.com/charla/#invite=")
    assert everywhere.stdout.startswith("http://127.0.0.1:8080/#invite=")


@pytest.mark.parametrize(
    ("command", "words", "settings", "told"),
    [
        (cli.invite, [ADA], {"REGISTRATION": "off"}, "REGISTRATION is off"),
        (cli.invite, ["ada"], {}, "not an e-mail address"),
        (cli.create_admin, ["@"], {}, "not an e-mail address"),
        (cli.reset_password, [ADA], {}, "No account has the address"),
        (cli.reset_password, [ADA], {"PORT": "none"}, "PORT"),
        (cli.invite, ["first@example.org"], {}, "reset-password"),
    ],
)
def test_a_command_that_cannot_says_why_in_a_sentence(
    tmp_path: Path, command: Command, words: list[str], settings: dict[str, str], told: str
) -> None:
    run(tmp_path, cli.create_admin, "first@example.org")

    ran = run(tmp_path, command, *words, **settings)

    assert (ran.exit_code, ran.stdout) == (2, "")
    assert told in ran.stderr


@pytest.mark.parametrize("email", ['"ada"@example.org', "ada@example.org" + "x" * 250])
def test_nobody_is_invited_at_an_address_that_no_account_may_have(
    tmp_path: Path, email: str
) -> None:
    ran = run(tmp_path, cli.invite, email)

    assert (ran.exit_code, ran.stdout) == (2, "")
    assert email in ran.stderr
