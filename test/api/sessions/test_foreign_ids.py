"""Other users' ids: 404 everywhere, as if nothing were there, and nothing is changed."""

import uuid

import pytest
from api.accounts import Account
from api.calls import ApiUser, refused
from api.chat_client import Json


@pytest.fixture
def theirs(bob: ApiUser) -> Json:
    """Give what another user has: a session with an ended and an active run."""
    session = bob.new_session(title="theirs", metadata={"a": 1})
    answer = bob.ask(session)
    return {
        "session": session,
        "ended": answer.frames[0].event["run_id"],
        "seen": answer.frames[1].id,
        "message": answer.frames[0].event["message_id"],
        "active": bob.hold(session),
    }


def all_of(user: ApiUser, session: str) -> list[object]:
    return [
        user.json(f"/sessions/{session}"),
        user.json("/sessions"),
        user.messages(session, "tree=true"),
    ]


def requests(theirs: Json) -> list[tuple[str, str, Json | None]]:
    session, message = f"/sessions/{theirs['session']}", {"content": "Hi"}
    found: list[tuple[str, str, Json | None]] = [
        ("GET", session, None),
        ("PATCH", session, {"title": "mine", "metadata": {}}),
        ("PATCH", session, {"model": "scripted-1"}),
        ("PATCH", session, {"provider": None}),
        ("PATCH", session, {}),
        ("DELETE", session, None),
        ("GET", f"{session}/messages", None),
        ("GET", f"{session}/messages?tree=true", None),
        ("GET", f"{session}/stream", None),
        ("POST", f"{session}/stream", message),
        ("POST", f"{session}/stream", {**message, "parent_id": theirs["message"]}),
        ("POST", "/api/chat", {**message, "session_id": theirs["session"]}),
        ("POST", "/api/chat", {**message, "parent_id": theirs["message"]}),
    ]
    for run in (theirs["ended"], theirs["active"]):
        found += [
            ("GET", f"/runs/{run}", None),
            ("GET", f"/runs/{run}/stream", None),
            ("GET", f"/runs/{run}/stream?last_event_id={theirs['seen']}", None),
            ("POST", f"/runs/{run}/stop", None),
        ]
    return found


def test_every_address_is_404_and_nothing_is_changed(
    ann: ApiUser, bob: ApiUser, theirs: Json
) -> None:
    before = all_of(bob, theirs["session"])

    for method, path, body in requests(theirs):
        refused(ann.call(method, path, body), 404, "not_found")

    assert all_of(bob, theirs["session"]) == before
    assert bob.json(f"/runs/{theirs['active']}")["status"] == "streaming"
    assert ann.json("/sessions")["items"] == []


def test_it_looks_like_what_was_never_there(ann: ApiUser, theirs: Json) -> None:
    nothing = {name: str(uuid.uuid4()) for name in theirs}

    for (method, path, body), (_, empty, unknown) in zip(
        requests(theirs), requests(nothing), strict=True
    ):
        met = ann.call(method, path, body).get_json()
        unmet = ann.call(method, empty, unknown).get_json()
        assert met | {"request_id": None} == unmet | {"request_id": None}


def test_a_foreign_event_id_opens_no_foreign_run(ann: ApiUser, theirs: Json) -> None:
    session = ann.new_session()
    ann.ask(session, "mine")

    for last_id in (theirs["seen"], f"{theirs['active']}.1.1"):
        answer = ann.attach(session, last_id).answer()
        assert answer.text == "mine"
        assert answer.frames[0].event["run_id"] not in theirs.values()


def test_a_foreign_answer_is_no_parent(ann: ApiUser, theirs: Json) -> None:
    session = ann.new_session()
    body = {"content": "Hi", "parent_id": theirs["message"]}

    refused(ann.post(f"/sessions/{session}/stream", body), 404, "not_found")

    assert ann.messages(session) == []


def test_a_foreign_key_is_no_key(ann: ApiUser, bob: ApiUser) -> None:
    session = bob.new_session()
    bob.send(session, "/slow 0 /echo x", key="k").answer()
    body = {"content": "/slow 0 /echo x"}

    response = ann.post(f"/sessions/{session}/stream", body, Idempotency_Key="k")

    refused(response, 404, "not_found")
    assert ann.post("/sessions", {}, Idempotency_Key="k").get_json()["user_id"] == ann.account.id


def test_without_a_token_every_address_is_401(ann: ApiUser, theirs: Json) -> None:
    stranger = ApiUser(ann.client, Account("", {"access_token": "x"}))

    for method, path, body in requests(theirs):
        refused(stranger.call(method, path, body), 401, "unauthorized")
