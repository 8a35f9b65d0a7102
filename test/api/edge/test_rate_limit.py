"""The limit of messages: on every way to send a message, and told in headers."""

import pytest
from api.accounts import MakeApp, sign_up
from api.calls import ApiUser, refused
from werkzeug.test import TestResponse

SHORT = {"content": "/slow 0 /echo x"}
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def limited(make_app: MakeApp) -> ApiUser:
    """Give the calls of a user who may send two messages an hour."""
    return ApiUser.of(make_app(RATE_LIMIT_AI="2 per hour"))


def ways(user: ApiUser) -> list[TestResponse]:
    """Send a message in each way there is."""
    session = user.new_session()
    return [
        user.post(f"/sessions/{session}/stream", SHORT),
        user.post("/api/chat", SHORT),
        user.post("/sessions", {"initial_message": SHORT["content"]}),
    ]


def test_every_way_of_sending_takes_from_one_limit(limited: ApiUser) -> None:
    stream, whole, creation = ways(limited)

    assert (stream.status_code, whole.status_code) == (200, 200)
    assert stream.headers["RateLimit-Remaining"] == "1"
    assert whole.headers["RateLimit-Remaining"] == "0"
    refused(creation, 429, "rate_limited")
    stream.close()
    for response in ways(limited):
        problem = refused(response, 429, "rate_limited")
        assert "2 per 1 hour" in problem["detail"]
        limit, remaining, reset = (response.headers[name] for name in HEADERS)
        assert (limit, remaining) == ("2", "0")
        assert 3500 < int(response.headers["Retry-After"]) == int(reset) <= 3600


def test_a_refused_message_leaves_nothing(limited: ApiUser) -> None:
    for response in ways(limited):
        response.close()
    before = limited.json("/sessions")["items"]
    session = before[-1]["id"]
    messages = limited.messages(session)

    refused(limited.post(f"/sessions/{session}/stream", SHORT), 429, "rate_limited")
    refused(limited.post("/api/chat", SHORT), 429, "rate_limited")
    refused(limited.post("/sessions", {"initial_message": "Hi"}), 429, "rate_limited")

    assert limited.json("/sessions")["items"] == before
    assert limited.messages(session) == messages


def test_reading_and_stopping_and_an_empty_session_are_not_limited(limited: ApiUser) -> None:
    for response in ways(limited):
        response.close()
    (session, *_) = limited.json("/sessions")["items"]
    run = limited.messages(session["id"])[-1]

    assert limited.post("/sessions", {}).status_code == 201
    assert limited.get("/sessions").status_code == 200
    assert limited.get("/api/providers").status_code == 200
    assert limited.patch(f"/sessions/{session['id']}", {"title": "x"}).status_code == 200
    assert run["status"] == "complete"


def test_what_is_refused_for_another_reason_takes_nothing(limited: ApiUser) -> None:
    session = limited.new_session()
    run = limited.hold(session)
    path = f"/sessions/{session}/stream"

    for _ in range(3):
        refused(limited.post(path, SHORT), 409, "run_active")
        refused(limited.post(path, {"content": ""}), 422, "invalid_request")
        refused(limited.post("/api/chat", {**SHORT, "session_id": "x"}), 404, "not_found")

    limited.stop(run)
    stream = limited.send(session, "/slow 0 /echo x")
    assert (stream.status, stream.headers["RateLimit-Remaining"]) == (200, "0")
    stream.close()


def test_a_repeat_takes_nothing(limited: ApiUser) -> None:
    responses = [limited.post("/api/chat", SHORT, Idempotency_Key="k") for _ in range(4)]

    assert [response.status_code for response in responses] == [200] * 4
    assert {response.headers["RateLimit-Remaining"] for response in responses} == {"1"}


def test_nobody_else_feels_a_limit_that_is_used_up(limited: ApiUser) -> None:
    for response in ways(limited):
        response.close()
    bob = ApiUser(limited.client, sign_up(limited.client, "bob@example.org"))

    assert bob.post("/api/chat", SHORT).headers["RateLimit-Remaining"] == "1"


def test_a_limit_that_is_off_limits_nothing_and_shows_nothing(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(RATE_LIMIT_AI="1 per hour", RATE_LIMIT_ENABLED="false"))

    for response in (*ways(ann), *ways(ann)):
        assert response.status_code in (200, 201)
        assert not any(name in response.headers for name in HEADERS)
        response.close()
