"""Every error is a problem document, and says what a client can do about it."""

import io
from typing import Any

import pytest
from api.accounts import PASSWORD, Account
from api.chat_client import REALTIME
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
JSON = "application/json"
ACCOUNT_BYTES = 16 * 1024
"""What an address below /api/auth takes."""

NO_ID = "00000000-0000-7000-8000-000000000000"


def problem_of(response: TestResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.get_json()
    assert problem.keys() >= MEMBERS
    assert problem["status"] == response.status_code
    assert problem["type"] == f"/api/docs/errors#{problem['code']}"
    assert problem["request_id"] == response.headers["X-Request-ID"]
    return problem


def send(client: FlaskClient, body: bytes, content_type: str | None = JSON) -> TestResponse:
    return client.post("/api/auth/login", data=body, content_type=content_type)


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "/api/auth", "/%00", "/api/auth/me/"])
def test_an_unknown_address_is_a_problem(client: FlaskClient, path: str) -> None:
    assert problem_of(client.get(path))["code"] == "not_found"


def test_a_wrong_method_tells_the_right_ones(client: FlaskClient) -> None:
    response = client.get("/api/auth/login")

    assert problem_of(response)["code"] == "method_not_allowed"
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"NaN",
        b'{"email": NaN}',
        b'{"email": Infinity}',
        b'{"email": 1e999}',
        b'{"email": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b'{"email": "\xff"}',
        b"\xef\xbb\xbf{}",
        '{"email": "x"}'.encode("utf-16"),
        b"[" * 8_000,
        b'{"a":' * 3_000,
        b"{'email': 1}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_json_object_is_malformed(client: FlaskClient, body: bytes) -> None:
    response = send(client, body)

    assert response.status_code == 400
    assert problem_of(response)["code"] == "malformed_request"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x", None])
def test_a_body_of_another_type_is_refused(client: FlaskClient, kind: str | None) -> None:
    response = send(client, b"{}", kind)

    assert response.status_code == 415
    assert problem_of(response)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.x+json"])
def test_a_body_of_a_kind_of_json_is_read(client: FlaskClient, kind: str) -> None:
    assert send(client, b"{}", kind).status_code == 422


def test_no_body_at_all_is_an_empty_object(client: FlaskClient) -> None:
    response = client.post("/api/auth/login")

    assert response.status_code == 422
    assert set(problem_of(response)["errors"]) == {"email", "password"}


def test_an_unknown_field_is_refused_by_name(client: FlaskClient) -> None:
    body = {"email": "ann@example.org", "password": PASSWORD, "remember": True}

    problem = problem_of(client.post("/api/auth/login", json=body))

    assert problem["code"] == "invalid_request"
    assert problem["errors"] == {"remember": ["Unknown field."]}


def test_a_field_whose_name_is_no_text_is_still_reported(client: FlaskClient) -> None:
    problem = problem_of(send(client, b'{"\\ud800": 1, "' + b"x" * 500 + b'": 2}'))

    assert set(problem["errors"]) == {"?", "x" * 100, "email", "password"}


def test_a_thousand_wrong_fields_make_no_endless_answer(client: FlaskClient) -> None:
    response = client.post("/api/auth/login", json={f"f{n}": n for n in range(1000)})

    assert len(problem_of(response)["errors"]) == 50


def test_a_body_over_the_limit_is_refused_by_its_header(client: FlaskClient) -> None:
    too_long = ACCOUNT_BYTES + 1

    response = client.post(
        "/api/auth/login",
        content_type=JSON,
        environ_overrides={"CONTENT_LENGTH": str(too_long)},
    )

    assert response.status_code == 413
    assert problem_of(response)["code"] == "content_too_large"
    assert f" {ACCOUNT_BYTES} bytes" in problem_of(response)["detail"]


def test_a_body_over_the_limit_is_refused_by_counting(client: FlaskClient) -> None:
    endless = io.BytesIO(b'{"email": "' + b"x" * ACCOUNT_BYTES)

    response = client.post(
        "/api/auth/login",
        input_stream=endless,
        content_type=JSON,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert response.status_code == 413
    assert problem_of(response)["code"] == "content_too_large"


def test_a_failure_of_the_server_tells_nothing_but_its_request(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise ValueError("the inside of the server")

    response = app.test_client().get("/broken", headers={"X-Request-ID": "abc"})

    assert response.status_code == 500
    assert problem_of(response)["code"] == "internal_error"
    assert "inside" not in response.text
    del broken


def test_a_query_is_as_strict_as_a_body(client: FlaskClient, account: Account) -> None:
    path = "/api/chat/realtime/sessions"

    unknown = client.get(f"{path}?limits=5", headers=account.headers)
    wrong = client.get(f"{path}?limit=many", headers=account.headers)

    assert problem_of(unknown)["errors"] == {"limits": ["Unknown field."]}
    assert set(problem_of(wrong)["errors"]) == {"limit"}
    assert (unknown.status_code, wrong.status_code) == (422, 422)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/auth/me"),
        ("POST", "/api/auth/logout"),
        ("GET", "/api/providers"),
        ("POST", f"{REALTIME}/sessions"),
        ("GET", f"{REALTIME}/sessions/{NO_ID}"),
        ("PATCH", f"{REALTIME}/sessions/{NO_ID}"),
        ("DELETE", f"{REALTIME}/sessions/{NO_ID}"),
        ("GET", f"{REALTIME}/sessions/{NO_ID}/messages"),
        ("GET", f"{REALTIME}/sessions/{NO_ID}/stream"),
        ("GET", f"{REALTIME}/runs/{NO_ID}"),
        ("POST", f"{REALTIME}/runs/{NO_ID}/stop"),
        ("GET", f"{REALTIME}/runs/{NO_ID}/stream"),
    ],
)
def test_a_query_that_no_route_asked_for_is_refused(
    client: FlaskClient, account: Account, method: str, path: str
) -> None:
    response = client.open(f"{path}?bogus=1", method=method, headers=account.headers)

    assert response.status_code == 422
    assert problem_of(response)["errors"] == {"bogus": ["Unknown field."]}
    assert client.get("/api/auth/me", headers=account.headers).status_code == 200


def test_a_stranger_hears_nothing_of_parameters(client: FlaskClient) -> None:
    assert client.get("/api/auth/me?bogus=1").status_code == 401


def test_mistakes_inside_a_field_are_named_with_their_path(
    client: FlaskClient, account: Account
) -> None:
    body = {"metadata": {"colour": "\0", "size": {"\ud800": 1}}}

    response = client.post("/api/chat/realtime/sessions", json=body, headers=account.headers)

    assert response.status_code == 422
    assert set(problem_of(response)["errors"]) == {"metadata.colour", "metadata.size"}


def test_metadata_has_bounds(client: FlaskClient, account: Account) -> None:
    deep: dict[str, Any] = {}
    for _ in range(6):
        deep = {"inside": deep}

    for metadata in (deep, {"long": "x" * 20_000}):
        response = client.post(
            "/api/chat/realtime/sessions", json={"metadata": metadata}, headers=account.headers
        )
        assert response.status_code == 422
