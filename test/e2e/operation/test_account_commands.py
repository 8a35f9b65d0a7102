"""The first admin and a forgotten password, by command, beside a server that runs."""

import json
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

from api.shell_commands import run_command
from stack.columns import Column
from stack.server_process import ServerProcess, StartServer

PRODUCTION = {
    "APP_ENV": "production",
    "JWT_SECRET_KEY": "qH7rT2mVx9LpKc4ZsW8eYbNfJd3GuAaR",
    "REGISTRATION": "off",
}
ADA = "ada@example.org"


def link_of(server: ServerProcess, column: Column, *words: str) -> dict[str, list[str]]:
    """Run a command on the server's installation; give what stands in its link's fragment."""
    settings = {**column.settings, **PRODUCTION, "PUBLIC_URL": server.url}
    ran = run_command(server.data_dir, *words, settings=settings)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"{server.url}/#")
    return parse_qs(urlsplit(ran.stdout.strip()).fragment)


def choose(server: ServerProcess, link: dict[str, list[str]], password: str) -> Any:
    """Choose a password by a link, as the page does."""
    body = json.dumps({"token": link["reset"][0], "password": password}).encode()
    request = urllib.request.Request(  # noqa: S310 - http on this machine
        f"{server.url}/api/auth/password/reset", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 - the same
        return json.load(response)


def test_an_admin_is_made_and_a_password_is_chosen_anew_while_the_server_runs(
    start_server: StartServer, column: Column
) -> None:
    server = start_server(PRODUCTION)

    first = choose(server, link_of(server, column, "create-admin", ADA), "a good password")
    again = choose(server, link_of(server, column, "reset-password", ADA), "another password")

    assert first["user"]["email"] == ADA
    assert first["user"]["role"] == "admin"
    assert again["user"] == first["user"]
    assert first["access_token"] not in server.output()
