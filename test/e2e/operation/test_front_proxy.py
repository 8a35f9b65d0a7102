"""The nginx sample does what it says, with the real nginx before the real server."""

import http.client
import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus

import pytest
from api.chat_client import PASSWORD, REALTIME, Answer, ChatClient, EventReader
from stack.front_proxy import HOST, SAMPLE, FrontProxy
from stack.server_process import ServerProcess

from services.settings.whole import Settings


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start a server that trusts the proxy by its address; an address may log in only once."""
    settings = {"TRUSTED_PROXIES": "127.0.0.1", "RATE_LIMIT_LOGIN": "1 per hour"}
    with ServerProcess(tmp_path_factory.mktemp("proxied"), settings) as server:
        yield server


@pytest.fixture(scope="module")
def front(proxied: ServerProcess) -> Iterator[FrontProxy]:
    """Start nginx before the server."""
    with FrontProxy([proxied.port]) as front:
        yield front


def ask(front: FrontProxy, path: str, source: str = "127.0.0.1", **headers: str) -> int:
    """Ask for a page and give the status."""
    with closing(front.connect(source)) as connection:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


def log_in(front: FrontProxy, source: str, **headers: str) -> int:
    """Try a login from an address, and give the status."""
    body = json.dumps({"email": "nobody@example.org", "password": PASSWORD})
    with closing(front.connect(source)) as connection:
        sent = {"Content-Type": "application/json", **headers}
        connection.request("POST", "/api/auth/login", body, sent)
        return connection.getresponse().status


def test_the_first_word_is_read_while_the_last_is_not_written(
    proxied: ServerProcess, front: FrontProxy
) -> None:
    client = ChatClient.registered(proxied.url)
    session = client.new_session()
    connection = front.connect()
    connection.request(
        "POST",
        f"{REALTIME}/sessions/{session}/stream",
        json.dumps({"content": "/long 200 /slow 20"}),
        {
            "Authorization": f"Bearer {client.token}",
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",
        },
    )
    with EventReader(connection) as reader:
        answer = Answer()
        statuses: list[str] = []
        for frame in reader:
            answer.take(frame)
            if frame.type == "content" and len(statuses) < 3:
                statuses.append(client.run(reader.headers["X-Run-Id"])["status"])

    assert statuses == ["streaming"] * 3
    assert "Content-Encoding" not in reader.headers
    assert answer.terminal is not None
    assert answer.terminal["full_content"] == answer.text
    assert len(answer.text.split()) == 200


def test_addresses_are_the_clients_own_and_cannot_be_made_up(front: FrontProxy) -> None:
    spoofed = [{"X-Forwarded-For": f"203.0.113.{n}"} for n in range(3)]

    from_one = [log_in(front, "127.0.0.1", **headers) for headers in spoofed]
    from_another = log_in(front, "127.0.0.2")

    assert from_one == [401, 429, 429]
    assert from_another == 401


def test_browsers_stay_with_tls_after_the_first_visit(front: FrontProxy) -> None:
    for path in ("/", "/health", "/nothing", "/metrics"):
        with closing(front.connect()) as connection:
            connection.request("GET", path)
            headers = connection.getresponse().headers

        told = ", ".join(headers.get_all("Strict-Transport-Security") or [])
        seconds = re.fullmatch(r"max-age=(\d+)", told)
        assert seconds is not None
        assert int(seconds[1]) >= 365 * 24 * 3600
        assert headers["Server"] in ("nginx", "charla")


@pytest.mark.parametrize("header", ["X-Forwarded-Prefix", "Forwarded"])
def test_a_client_moves_no_link_through_the_proxy(front: FrontProxy, header: str) -> None:
    with closing(front.connect()) as connection:
        connection.request("GET", "/nothing", headers={header: "/evil"})
        problem = json.loads(connection.getresponse().read())

    assert problem["type"] == "/api/docs/errors#not_found"


def test_the_last_of_several_lines_is_the_proxys_own(proxied: ServerProcess) -> None:
    body = json.dumps({"email": "nobody@example.org", "password": PASSWORD})

    def log_in_past_nginx(*lines: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", proxied.port)) as connection:
            connection.putrequest("POST", "/api/auth/login")
            for line in lines:
                connection.putheader("X-Forwarded-For", line)
            connection.putheader("X_Forwarded_For", "203.0.113.200")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body.encode())
            return connection.getresponse().status

    spoofed = [log_in_past_nginx(f"203.0.113.{n}", "", "192.0.2.50:4711") for n in range(2)]

    assert spoofed == [401, 429]


def test_the_server_itself_takes_no_path_from_who_connects(proxied: ServerProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxied.port)
    with closing(connection):
        connection.request("GET", "/nothing", headers={"SCRIPT_NAME": "/evil"})
        problem = json.loads(connection.getresponse().read())

    assert problem["type"] == "/api/docs/errors#not_found"


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/metrics?x", "/metrics/"])
def test_the_figures_are_not_for_the_public(
    proxied: ServerProcess, front: FrontProxy, path: str
) -> None:
    assert ask(front, path) == HTTPStatus.NOT_FOUND
    assert ask(front, "/health") == HTTPStatus.OK
    assert "charla_" in raw(proxied, "/metrics")


def raw(server: ServerProcess, path: str) -> str:
    """Read a page that is not JSON."""
    with ChatClient(server.url).open("GET", path) as reader:
        return reader.body().decode()


def test_browsers_get_http_2_and_who_comes_without_tls_is_sent_on(front: FrontProxy) -> None:
    with closing(front.connect(protocol="h2")) as connection:
        connection.connect()
        chosen = connection.sock.selected_alpn_protocol()
    with ChatClient(f"http://127.0.0.1:{front.plain_port}").open("GET", "/x?y=1") as reader:
        location = reader.headers["Location"]

    assert chosen == "h2"
    assert location == "https://127.0.0.1/x?y=1"
    assert HOST in SAMPLE.read_text()


@contextmanager
def closing_servers(count: int, seen: list[str]) -> Iterator[list[int]]:
    """Run servers that read a request and close the connection without an answer."""

    class Closing(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline()
            if line:
                seen.append(line.decode().split()[0])

    servers = [socketserver.ThreadingTCPServer(("127.0.0.1", 0), Closing) for _ in range(count)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield [server.server_address[1] for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_post_that_was_sent_is_never_sent_to_another_server() -> None:
    read: list[str] = []
    sent: list[str] = []
    with closing_servers(2, read) as ports, FrontProxy(ports) as front:
        assert ask(front, "/health") == HTTPStatus.BAD_GATEWAY
    with closing_servers(2, sent) as ports, FrontProxy(ports) as front:
        assert log_in(front, "127.0.0.1") == HTTPStatus.BAD_GATEWAY

    assert read == ["GET", "GET"]
    assert sent == ["POST"]


def test_its_numbers_fit_those_of_the_server() -> None:
    sample, defaults = SAMPLE.read_text(), Settings()

    def number(pattern: str, text: str) -> int:
        found = re.search(pattern, text, re.MULTILINE)
        assert found is not None, pattern
        return int(found[1])

    idle = number(r"^\s*keepalive_timeout (\d+)s;", sample)
    assert idle < defaults.connections.keepalive_seconds
    assert number(r"client_max_body_size (\d+)m;", sample) * 2**20 > defaults.limits.max_body_bytes
    assert number(r"proxy_read_timeout (\d+)s;", sample) > defaults.runs.run_timeout_seconds
