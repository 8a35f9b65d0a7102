"""Request ids, security headers, CORS, and what the log says of a request."""

import json
import uuid

import pytest
from api.accounts import Account, MakeApp
from flask.testing import FlaskClient
from subjects.loaded_settings import SECRET

STRICT = "default-src 'none'; frame-ancestors 'none'"


def test_every_request_gets_an_id(client: FlaskClient) -> None:
    first, second = (client.get("/health").headers["X-Request-ID"] for _ in range(2))

    assert uuid.UUID(first) != uuid.UUID(second)


def test_a_sane_id_of_the_caller_is_kept(client: FlaskClient) -> None:
    given = "trace-1.a_B"

    assert client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "é", "a;b"])
def test_any_other_id_is_replaced(client: FlaskClient, given: str) -> None:
    answered = client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]

    assert uuid.UUID(answered)


@pytest.mark.parametrize("path", ["/health", "/", "/nothing", "/api/docs", "/api/openapi.json"])
def test_every_answer_is_protected(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_page_may_load_its_own_files_and_an_answer_nothing(client: FlaskClient) -> None:
    page = client.get("/", buffered=True).headers["Content-Security-Policy"]

    assert "script-src 'self';" in page
    assert "unsafe" not in page
    assert client.get("/health").headers["Content-Security-Policy"] == STRICT


def test_an_answer_without_content_may_load_nothing_either(
    client: FlaskClient, account: Account
) -> None:
    sessions = "/api/chat/realtime/sessions"
    made = client.post(sessions, json={}, headers=account.headers).get_json()["id"]

    deleted = client.delete(f"{sessions}/{made}", headers=account.headers)

    assert deleted.status_code == 204
    assert deleted.headers["Content-Security-Policy"] == STRICT
    assert "Content-Type" not in deleted.headers


def test_what_is_somebodys_is_not_kept_by_a_browser(client: FlaskClient, account: Account) -> None:
    mine = client.get("/api/auth/me", headers=account.headers)

    assert mine.headers["Cache-Control"] == "no-store"
    assert client.get("/api/auth/me").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("origin", ["null", "http://localhost:3000", "http://127.0.0.1"])
def test_pages_of_ones_own_machine_may_call_in_development(make_app: MakeApp, origin: str) -> None:
    named = {"CORS_ORIGINS": "null, http://localhost:*"} if origin == "null" else {}
    client = make_app(**named).test_client()
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, idempotency-key, last-event-id",
    }

    allowed = client.options("/api/chat", headers=asked).headers
    answer = client.get("/health", headers={"Origin": origin}).headers

    assert allowed["Access-Control-Allow-Origin"] == origin
    for name in ("Authorization", "Idempotency-Key", "Last-Event-ID"):
        assert name.lower() in allowed["Access-Control-Allow-Headers"].lower()
    assert answer["Access-Control-Allow-Origin"] == origin
    for name in ("X-Run-Id", "X-Request-ID", "Retry-After", "RateLimit-Remaining", "Link"):
        assert name in answer["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://example.org",
        "http://localhost.example.org",
        "http://localhost:80.example.org",
        "http://localhost:1@example.org",
        "http://xlocalhost:3000",
        "http://127.0.0.1:5000/",
        "https://localhost:3000",
    ],
)
def test_other_pages_may_not(client: FlaskClient, origin: str) -> None:
    headers = client.get("/health", headers={"Origin": origin}).headers

    assert "Access-Control-Allow-Origin" not in headers


def test_who_is_no_page_is_told_nothing_of_pages(client: FlaskClient) -> None:
    headers = client.get("/health").headers

    assert not [name for name in headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118 - iterating gives pairs


def test_in_production_only_named_pages_may_call(make_app: MakeApp) -> None:
    secret = {"APP_ENV": "production", "JWT_SECRET_KEY": SECRET}
    closed = make_app(**secret).test_client()
    named = make_app(**secret, CORS_ORIGINS="https://a.example, https://b.example").test_client()

    def allowed(client: FlaskClient, origin: str) -> str | None:
        headers = client.get("/health", headers={"Origin": origin}).headers
        return headers.get("Access-Control-Allow-Origin")

    assert allowed(closed, "http://localhost:3000") is None
    assert allowed(closed, "null") is None
    assert allowed(named, "https://b.example") == "https://b.example"
    assert allowed(named, "https://c.example") is None


def test_a_page_of_an_address_in_brackets_is_that_page_only(make_app: MakeApp) -> None:
    client = make_app(CORS_ORIGINS="http://[::1]:3000, https://a.example").test_client()

    def allowed(origin: str) -> str | None:
        headers = client.get("/health", headers={"Origin": origin}).headers
        return headers.get("Access-Control-Allow-Origin")

    assert allowed("http://[::1]:3000") == "http://[::1]:3000"
    for other in (
        "http://1:3000",
        "http://[::1]:30001",
        "https://a.example.org",
        "https://aXexample",
    ):
        assert allowed(other) is None


def test_a_proxy_is_believed_only_where_one_is_configured(make_app: MakeApp) -> None:
    guess = {"email": "ann@example.org", "password": "a guess"}

    def answers(**environ: str) -> list[int]:
        client = make_app(RATE_LIMIT_LOGIN="1 per minute", **environ).test_client()
        return [
            client.post(
                "/api/auth/login", json=guess, headers={"X-Forwarded-For": f"192.0.2.{n}"}
            ).status_code
            for n in range(2)
        ]

    assert answers() == [401, 429]
    assert answers(TRUSTED_PROXIES="1") == [401, 401]


def test_a_request_is_one_line_that_tells_no_secret(
    make_app: MakeApp, capfd: pytest.CaptureFixture[str]
) -> None:
    client = make_app(LOG_LEVEL="info", LOG_FORMAT="json").test_client()
    body = {"email": "ann@example.org", "password": "seven quiet rivers run north"}
    token = client.post("/api/auth/register", json=body).get_json()["access_token"]
    capfd.readouterr()

    client.get(
        "/api/auth/me?access_token=hush",
        headers={"Authorization": f"Bearer {token}", "X-Request-ID": "abc"},
    )

    written = capfd.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line["route"] == line["path"] == "/api/auth/me"
    assert (line["method"], line["status"], line["request_id"]) == ("GET", 422, "abc")
    assert uuid.UUID(line["user_id"])
    assert line["duration_ms"] >= 0
    assert token not in written
    assert "hush" not in written


def test_one_requests_ids_do_not_stay_for_the_next(
    make_app: MakeApp, capfd: pytest.CaptureFixture[str]
) -> None:
    client = make_app(LOG_LEVEL="info", LOG_FORMAT="json").test_client()
    body = {"email": "ann@example.org", "password": "seven quiet rivers run north"}
    token = client.post("/api/auth/register", json=body).get_json()["access_token"]
    client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    capfd.readouterr()

    client.get("/health")

    assert "user_id" not in capfd.readouterr().err
