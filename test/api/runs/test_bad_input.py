"""Bodies that are not a message: refused by name, and nothing of them is kept."""

import json
from typing import Any

import pytest
from api.accounts import MakeApp
from api.calls import ApiUser, refused
from api.chat_client import REALTIME, Json
from werkzeug.test import TestResponse

JSON = "application/json"
MEGABYTE = 1024 * 1024


@pytest.fixture
def session(ann: ApiUser) -> str:
    """Give a session without any message."""
    return ann.new_session()


def sendings(ann: ApiUser, session: str, body: Json) -> list[TestResponse]:
    """Send a body in both ways to send a message."""
    return [
        ann.post(f"/sessions/{session}/stream", body),
        ann.post("/api/chat", body),
        ann.post("/api/chat", {**body, "session_id": session}),
    ]


def raw(ann: ApiUser, session: str, body: bytes, kind: str = JSON) -> list[TestResponse]:
    """Send bytes in both ways to send a message."""
    return [
        ann.client.post(path, data=body, content_type=kind, headers=ann.account.headers)
        for path in (f"{REALTIME}/sessions/{session}/stream", "/api/chat")
    ]


def assert_nothing_was_kept(ann: ApiUser, session: str) -> None:
    (only,) = ann.json("/sessions")["items"]
    assert only["id"] == session
    assert (only["active_run"], only["title"]) == (None, None)
    assert only["created_at"] == only["updated_at"]
    assert ann.messages(session, "tree=true") == []


BLANK = ["", " ", "\n\r\t\x0b", "\u3000\u00a0"]
UNSTORABLE = ["Hi\0", "Hi\ud800", "\udfff\ud83d"]
WRONG: dict[str, list[Any]] = {
    "content": [*BLANK, *UNSTORABLE, None, 5, True, ["Hi"], {"text": "Hi"}],
    "temperature": [-0.1, 2.1, 1e300, 10**400, "0.7", True, [], {}],
    "max_tokens": [0, -1, 1_000_001, 10**30, 1e300, 1.5, "5", True, [5]],
    "model": ["", 5, "x" * 201, "\0", ["x"], "a\r\nX: 1", "a\n", "a\x7fb", "a\x85b"],
    "provider": ["", 5, "x" * 201, {}, "a\tb"],
    "parent_id": [5, "x" * 65, ["x"]],
}
UNKNOWN = ["stream", "n", "Content"]


def test_a_field_that_breaks_a_rule_is_named(ann: ApiUser, session: str) -> None:
    for field, values in (WRONG | {name: [1] for name in UNKNOWN}).items():
        for value in values:
            for response in sendings(ann, session, {"content": "Hi", field: value}):
                problem = refused(response, 422, "invalid_request")
                assert set(problem["errors"]) == {field}, value
    assert_nothing_was_kept(ann, session)


def test_a_message_without_content_is_none(ann: ApiUser, session: str) -> None:
    for body in ({}, {"model": "scripted-1"}):
        for response in sendings(ann, session, dict(body)):
            assert set(refused(response, 422, "invalid_request")["errors"]) == {"content"}
    assert_nothing_was_kept(ann, session)


def test_several_mistakes_are_told_at_once(ann: ApiUser, session: str) -> None:
    body = {"temperature": 3, "max_tokens": 0, "unknown": 1}

    problem = refused(ann.post(f"/sessions/{session}/stream", body), 422, "invalid_request")

    assert set(problem["errors"]) == {"content", *body}


@pytest.mark.parametrize("value", [0, 2, 0.5, None])
def test_a_temperature_within_its_bounds_is_taken(
    ann: ApiUser, session: str, value: float | None
) -> None:
    assert ann.ask(session, temperature=value).text == "one two"


def test_a_message_at_the_limit_is_taken_and_one_over_it_is_413(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_CONTENT_CHARS="60", RATE_LIMIT_AI="100 per minute"))
    session = ann.new_session()
    over = "👋" * 61

    for response in sendings(ann, session, {"content": over}):
        problem = refused(response, 413, "content_too_large")
        assert set(problem["errors"]) == {"content"}
    assert_nothing_was_kept(ann, session)
    text = "👋" * (60 - len("/slow 0 /echo "))
    assert ann.ask(session, text).text == text


@pytest.mark.parametrize("size", [MEGABYTE, 10 * MEGABYTE])
def test_a_huge_body_is_413(ann: ApiUser, session: str, size: int) -> None:
    for response in raw(ann, session, b'{"content": "%b"}' % (b"x" * size)):
        refused(response, 413, "content_too_large")
    assert_nothing_was_kept(ann, session)


def test_a_message_that_fits_no_window_is_422_before_anything_is_written(
    make_app: MakeApp,
) -> None:
    ann = ApiUser.of(make_app(MAX_CONTENT_CHARS="1000000"))
    session = ann.new_session()

    for response in sendings(ann, session, {"content": "x" * 200_000}):
        assert set(refused(response, 422, "context_too_long")["errors"]) == {"content"}
    assert_nothing_was_kept(ann, session)


NO_OBJECT = [
    *(b"{", b"[]", b'["content"]', b'"Hi"', b"null", b"5", b"{'content': 'Hi'}"),
    *(b'{"content": "Hi",}', b'{"content": "\xff"}', b'{"temperature": NaN, "content": "Hi"}'),
    *(b"[" * 100_000, b'{"content":' * 20_000, json.dumps({"content": "Hi"}).encode("utf-16")),
]


def test_a_body_that_is_no_object_begins_nothing(ann: ApiUser, session: str) -> None:
    for body in NO_OBJECT:
        for response in raw(ann, session, body):
            refused(response, 400, "malformed_request")
    assert_nothing_was_kept(ann, session)


def test_a_field_that_is_nested_too_deeply_is_refused(ann: ApiUser, session: str) -> None:
    deep: Any = "Hi"
    for _ in range(200):
        deep = {"x": deep}

    for response in sendings(ann, session, {"content": deep}):
        refused(response, 422, "invalid_request")
    assert_nothing_was_kept(ann, session)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/json"])
def test_a_message_of_another_type_is_415(ann: ApiUser, session: str, kind: str) -> None:
    for response in raw(ann, session, b'{"content": "Hi"}', kind):
        refused(response, 415, "unsupported_media_type")
    assert_nothing_was_kept(ann, session)


def test_nothing_of_a_strangers_message_is_looked_at(ann: ApiUser, session: str) -> None:
    for path in (f"{REALTIME}/sessions/{session}/stream", "/api/chat", f"{REALTIME}/sessions"):
        response = ann.client.post(path, data=b"{", content_type="text/plain")
        refused(response, 401, "unauthorized")
    assert_nothing_was_kept(ann, session)


def test_a_member_that_comes_twice_counts_as_its_last(ann: ApiUser, session: str) -> None:
    body = b'{"content": 5, "content": "/slow 0 /echo last"}'

    assert raw(ann, session, body)[1].get_json()["content"] == "last"


def test_what_a_named_model_cannot_do_is_refused_with_what_it_can(
    ann: ApiUser, session: str
) -> None:
    body = {"content": "Hi", "model": "scripted-1", "max_tokens": 4001}

    for response in sendings(ann, session, body):
        problem = refused(response, 422, "invalid_request")
        assert problem["errors"] == {"max_tokens": ["scripted-1 answers with 4000 at most."]}
    assert_nothing_was_kept(ann, session)


def test_a_model_that_was_not_named_answers_with_as_much_as_it_can(ann: ApiUser) -> None:
    response = ann.post("/api/chat", {"content": "/slow 0 /echo Hi", "max_tokens": 4001})
    assert response.get_json()["content"] == "Hi"
