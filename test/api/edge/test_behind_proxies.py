"""What proxies tell of a request: who asks, and below which path this server is."""

from typing import Any

import pytest
from api.accounts import Account, MakeApp, sign_up
from api.calls import ApiUser
from flask.testing import FlaskClient
from stack.columns import EMBEDDED, only_on
from structlog.testing import capture_logs

pytestmark = only_on(EMBEDDED, "no header of a proxy reaches the database")

BELOW = {"X-Forwarded-Prefix": "/chat"}
ODD = [
    "", ",", ",,,", " , ", "unknown", "x" * 4000, "[", "]:1", "1.2.3.4:", "::::", "\x7f", "\xff",
    "1.2.3.4," * 500, '"', "%00", "for=1.2.3.4;proto=https", "-1", "999.999.999.999", "[::1]:99999",
]  # fmt: skip


@pytest.fixture
def behind(make_app: MakeApp) -> FlaskClient:
    """Give a client of a server that is behind one proxy."""
    return make_app(TRUSTED_PROXIES="1").test_client()


def log_in(client: FlaskClient, headers: dict[str, str], peer: str = "127.0.0.1") -> int:
    """Try a login, and give the status."""
    guess = {"email": "ann@example.org", "password": "a guess"}
    peers = {"REMOTE_ADDR": peer}
    return client.post(
        "/api/auth/login", json=guess, headers=headers, environ_overrides=peers
    ).status_code


@pytest.mark.parametrize("trusted", ["1", "127.0.0.1"])
def test_an_address_is_the_same_however_a_proxy_writes_it(make_app: MakeApp, trusted: str) -> None:
    app = make_app(RATE_LIMIT_LOGIN="1 per hour", TRUSTED_PROXIES=trusted)
    client = app.test_client()

    def seen(written: str) -> int:
        return log_in(client, {"X-Forwarded-For": written})

    assert [seen("192.0.2.1"), seen("192.0.2.1:5678"), seen("x, ::ffff:192.0.2.1")] == [
        401,
        429,
        429,
    ]
    assert [seen("[2001:db8::1]:443"), seen("2001:db8::1")] == [401, 429]


def test_only_named_proxies_are_believed(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_LOGIN="1 per hour", TRUSTED_PROXIES="10.0.0.0/8").test_client()

    def answers(peer: str) -> list[int]:
        spoofed = [{"X-Forwarded-For": f"198.51.100.{n}"} for n in range(2)]
        return [log_in(client, headers, peer) for headers in spoofed]

    assert answers("192.0.2.1") == [401, 429]
    assert answers("10.1.2.3") == [401, 401]
    assert client.get("/x", headers=BELOW).get_json()["type"].startswith("/api/")


@pytest.mark.parametrize("trusted", ["0", "10.0.0.0/8"])
def test_a_proxy_that_was_forgotten_is_told_once_and_no_stranger_is(
    make_app: MakeApp, trusted: str
) -> None:
    client = make_app(TRUSTED_PROXIES=trusted).test_client()

    with capture_logs() as lines:
        for peer in ("8.8.8.8", "172.17.0.1", "172.17.0.1", "127.0.0.1"):
            asked = {"headers": {"X-Forwarded-For": "1.1.1.1"}}
            client.get("/health", environ_overrides={"REMOTE_ADDR": peer}, **asked)
        client.get("/health", environ_overrides={"REMOTE_ADDR": "127.0.0.1"})

    told = [line["address"] for line in lines if line["event"] == "proxy_not_believed"]
    assert told == ["172.17.0.1"]


@pytest.mark.parametrize("trusted", ["0", "1", "3", "127.0.0.1"])
def test_no_header_of_a_proxy_is_a_failure_or_another_address(
    make_app: MakeApp, trusted: str
) -> None:
    client = make_app(RATE_LIMIT_LOGIN="1 per hour", TRUSTED_PROXIES=trusted).test_client()
    names = ("For", "Proto", "Host", "Prefix")

    answers = [
        log_in(client, {**{f"X-Forwarded-{name}": text for name in names}, "Forwarded": text})
        for text in ODD
    ]

    # Only what is at the right place and an address may count: the one in the list of 500.
    assert set(answers) <= {401, 429}
    assert answers.count(401) <= 2


def test_everything_that_is_linked_stands_below_the_prefix(behind: FlaskClient) -> None:
    ann = ApiUser(behind, sign_up(behind))
    for _ in range(2):
        ann.new_session()
    sessions = "/api/chat/realtime/sessions?limit=1"

    page = behind.get(sessions, headers={**ann.account.headers, **BELOW})
    problem = behind.get("/nothing", headers=BELOW).get_json()
    described = behind.get("/api/openapi.json", headers=BELOW).get_json()

    assert page.headers["Link"].startswith("</chat/api/chat/realtime/sessions?")
    assert problem["type"] == "/chat/api/docs/errors#not_found"
    assert described["servers"] == [{"url": "/chat"}]
    assert behind.get("/api/openapi.json").get_json()["servers"] == [{"url": "/"}]


@pytest.mark.parametrize("evil", ["//evil.example", "/\\evil.example", "/a\x0b", "evil", "/.."])
def test_a_prefix_that_is_no_plain_path_is_none(behind: FlaskClient, evil: str) -> None:
    problem = behind.get("/nothing", headers={"X-Forwarded-Prefix": evil}).get_json()

    assert problem["type"] == "/api/docs/errors#not_found"


def test_without_a_proxy_nobody_moves_the_links(client: FlaskClient, account: Account) -> None:
    problem = client.get("/nothing", headers={**account.headers, **BELOW}).get_json()

    assert problem["type"] == "/api/docs/errors#not_found"


@pytest.mark.parametrize("path", ["/api//docs", "//api//docs", "/api//docs?x=//y"])
def test_a_redirect_names_no_host(behind: FlaskClient, path: str) -> None:
    line, _, query = path.partition("?")
    given: dict[str, Any] = {"PATH_INFO": line, "QUERY_STRING": query}
    hosts: list[dict[str, str]] = [
        {"Host": name}
        for name in ("evil.example", "a b", "[::1", '"><script>', "evil.example:99999")
    ]
    hosts += [{**BELOW, **hosts[0]}, {"X-Forwarded-Host": "evil.example"}]

    answers = [behind.get("/", headers=told, environ_overrides=given) for told in hosts]

    target = "/api/docs" + (f"?{query}" if query else "")
    assert {answer.status_code for answer in answers} == {308}
    assert [answer.headers["Location"] for answer in answers] == [
        told.get("X-Forwarded-Prefix", "") + target for told in hosts
    ]
