"""The blocking counterpart of a stream: the same turn, one JSON."""

import gevent
import pytest
from api.accounts import MakeApp
from api.calls import ApiUser, refused
from api.chat_client import Json
from flask import Flask

MEMBERS = {
    *("session_id", "run_id", "message_id", "content", "finish_reason"),
    *("usage", "cost", "model", "provider"),
}
FAILED = {"session_id", "run_id", "message_id", "content"}


def chat(user: ApiUser, content: str, **fields: object) -> Json:
    response = user.post("/api/chat", {"content": f"/slow 0 {content}", **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.get_json()
    return answer


def test_an_answer_is_one_json(ann: ApiUser) -> None:
    answer = chat(ann, "/echo Grüße 👋🏽")

    assert set(answer) == MEMBERS
    assert (answer["content"], answer["finish_reason"]) == ("Grüße 👋🏽", "stop")
    assert (answer["provider"], answer["model"], answer["cost"]) == ("scripted", "scripted-1", None)


def test_the_twin_is_the_same_turn(ann: ApiUser) -> None:
    answer = chat(ann, "/echo x")

    run, message = ann.json(f"/runs/{answer['run_id']}"), ann.messages(answer["session_id"])[-1]
    terminal = ann.follow(answer["run_id"]).answer().terminal
    assert terminal is not None
    assert run["session_id"] == answer["session_id"]
    assert run["message_id"] == message["id"] == answer["message_id"] == terminal["message_id"]
    assert message["content"] == terminal["full_content"] == answer["content"]
    assert run["usage"] == message["usage"] == terminal["usage"] == answer["usage"]


def test_without_a_session_a_new_one_is_made(ann: ApiUser) -> None:
    first, second = chat(ann, "/echo one"), chat(ann, "/echo two", session_id=None)

    sessions = ann.json("/sessions")["items"]

    assert [s["id"] for s in sessions] == [second["session_id"], first["session_id"]]
    assert sessions[1]["title"] == "/slow 0 /echo one"
    assert sessions[1]["active_run"] is None


def test_with_a_session_the_answer_stands_in_it(ann: ApiUser) -> None:
    session = ann.new_session()
    ann.ask(session, "one")

    answer = chat(ann, "/echo two", session_id=session)

    assert answer["session_id"] == session
    assert [m["content"] for m in ann.messages(session)][1::2] == ["one", "two"]


def test_a_chat_can_fork_too(ann: ApiUser) -> None:
    session = ann.new_session()
    ann.ask(session, "one")
    root = ann.messages(session)[-1]["id"]
    chat(ann, "/echo left", session_id=session)

    chat(ann, "/echo right", session_id=session, parent_id=root)

    assert [m["content"] for m in ann.messages(session)][1::2] == ["one", "right"]


def test_a_parent_without_a_session_is_404_and_makes_none(ann: ApiUser) -> None:
    session = ann.new_session()
    ann.ask(session)
    parent = ann.messages(session)[-1]["id"]

    refused(ann.post("/api/chat", {"content": "Hi", "parent_id": parent}), 404, "not_found")

    assert len(ann.json("/sessions")["items"]) == 1


@pytest.mark.parametrize(
    ("command", "reason", "content"),
    [("/filter /echo a b", "content_filter", "a "), ("/empty", "stop", "")],
)
def test_an_end_that_is_no_failure_is_200(
    ann: ApiUser, command: str, reason: str, content: str
) -> None:
    answer = chat(ann, command)

    assert (answer["finish_reason"], answer["content"]) == (reason, content)


def test_max_tokens_end_an_answer_with_length(ann: ApiUser) -> None:
    answer = chat(ann, "/echo a b c", max_tokens=1)

    assert (answer["finish_reason"], answer["content"]) == ("length", "a ")


@pytest.mark.parametrize(
    ("command", "status", "code", "content"),
    [
        ("/fail before /echo a b", 502, "upstream_overloaded", ""),
        ("/fail during /echo a b", 502, "upstream_error", "a "),
        ("/fail rate_limited", 502, "upstream_rate_limited", ""),
        ("/cut /echo a b", 502, "upstream_cut", "a "),
        ("/stall /echo a b", 504, "upstream_timeout", "a "),
    ],
)
def test_a_run_that_failed_is_a_problem_with_what_there_is(
    make_app: MakeApp, command: str, status: int, code: str, content: str
) -> None:
    ann = ApiUser.of(make_app(PROVIDER_RETRIES="0", CONTENT_TIMEOUT_SECONDS="0.2"))

    response = ann.post("/api/chat", {"content": f"/slow 0 {command}"}, Idempotency_Key="k")

    problem = refused(response, status, code)
    assert problem.keys() >= FAILED
    assert problem["content"] == content
    run, message = ann.json(f"/runs/{problem['run_id']}"), ann.messages(problem["session_id"])[-1]
    assert (run["status"], message["status"]) == ("failed", "failed")
    assert (message["id"], message["content"]) == (problem["message_id"], content)
    again = ann.post("/api/chat", {"content": f"/slow 0 {command}"}, Idempotency_Key="k")
    found = refused(again, status, code)
    assert {name: found[name] for name in FAILED} == {name: problem[name] for name in FAILED}


def ask_and_stop(app: Flask, ann: ApiUser) -> tuple[int, Json]:
    """Stop a run from another request while its answer is waited for."""

    def ask() -> tuple[int, Json]:
        client = app.test_client()
        body = {"content": "/slow 10 /long 100000"}
        response = client.post("/api/chat", json=body, headers=ann.account.headers)
        return response.status_code, response.get_json()

    asking = gevent.spawn(ask)
    while not (items := ann.json("/sessions")["items"]):
        gevent.sleep(0.01)
    ann.follow(items[0]["active_run"]).read(3)
    assert ann.post(f"/runs/{items[0]['active_run']}/stop").status_code == 202
    answered: tuple[int, Json] = asking.get(timeout=20)
    return answered


def test_a_chat_that_is_stopped_answers_with_what_there_is(app: Flask, ann: ApiUser) -> None:
    status, answer = ask_and_stop(app, ann)

    assert (status, answer["finish_reason"]) == (200, "stopped")
    assert answer["content"] == ann.messages(answer["session_id"])[-1]["content"] != ""
