"""A run: its state, its stop, and that a session has one at a time."""

import uuid

import pytest
from api.accounts import MakeApp
from api.calls import SLOWEST, ApiUser, refused

MEMBERS = {
    *("id", "session_id", "message_id", "status", "finish_reason", "provider", "model"),
    *("usage", "cost", "created_at", "ended_at", "attempts"),
}
ATTEMPT_MEMBERS = {"number", "provider", "model", "outcome", "code", "usage", "cost"}


def test_an_active_run_and_an_ended_one_have_the_same_members(ann: ApiUser) -> None:
    session = ann.new_session()
    run = ann.hold(session)

    active = ann.json(f"/runs/{run}")
    ann.stop(run)
    ended = ann.json(f"/runs/{run}")

    assert set(active) == set(ended) == MEMBERS
    assert active["session_id"] == session
    assert active["message_id"] == ann.messages(session)[-1]["id"]
    assert (active["status"], active["finish_reason"]) == ("streaming", None)
    assert (active["usage"], active["cost"], active["ended_at"]) == (None, None, None)
    assert (ended["status"], ended["finish_reason"]) == ("stopped", "stopped")
    assert ended["ended_at"] > ended["created_at"] == active["created_at"]
    assert ended["usage"]["source"] in ("provider", "estimated")
    assert active["attempts"] == []


@pytest.mark.parametrize(
    ("command", "outcome", "code"),
    [
        ("/echo a b", "ok", None),
        ("/fail during /echo a b", "failed", "upstream_error"),
        ("/fail before", "failed", "upstream_overloaded"),
    ],
)
def test_an_ended_run_tells_the_calls_that_it_took(
    ann: ApiUser, command: str, outcome: str, code: str | None
) -> None:
    stream = ann.send(ann.new_session(), f"/slow 0 {command}")
    stream.answer()
    run = stream.headers["X-Run-Id"]

    told = ann.json(f"/runs/{run}")

    attempts = told["attempts"]
    assert [one["number"] for one in attempts] == list(range(1, len(attempts) + 1))
    assert {(one["outcome"], one["code"]) for one in attempts} == {(outcome, code)}
    assert {(one["provider"], one["model"]) for one in attempts} == {("scripted", told["model"])}
    assert set(attempts[0]) == ATTEMPT_MEMBERS
    assert attempts[-1]["usage"] == told["usage"]
    assert ann.post(f"/runs/{run}/stop").get_json() == told


@pytest.mark.parametrize(
    ("command", "status", "reason"),
    [
        ("/echo a b", "complete", "stop"),
        ("/filter /echo a b", "complete", "content_filter"),
        ("/fail during /echo a b", "failed", None),
        ("/cut /echo a b", "failed", None),
    ],
)
def test_a_run_and_its_message_tell_the_same_end(
    ann: ApiUser, command: str, status: str, reason: str | None
) -> None:
    session = ann.new_session()
    stream = ann.send(session, f"/slow 0 {command}")
    terminal = stream.answer().terminal

    run = ann.json(f"/runs/{stream.headers['X-Run-Id']}")

    message = ann.messages(session)[-1]
    assert (run["status"], run["finish_reason"]) == (status, reason)
    assert (message["status"], message["finish_reason"]) == (status, reason)
    assert terminal is not None
    assert run["usage"] == message["usage"] == terminal["usage"]


def test_a_stop_keeps_what_was_written(ann: ApiUser) -> None:
    session = ann.new_session()
    stream = ann.send(session, "/slow 5 /long 100000")
    seen = stream.read(6)

    response = ann.post(f"/runs/{stream.headers['X-Run-Id']}/stop")
    rest = list(stream)

    assert response.status_code == 202
    assert set(response.get_json()) == MEMBERS
    terminal = rest[-1].event
    assert (terminal["type"], terminal["finish_reason"]) == ("done", "stopped")
    text = "".join(f.event["content"] for f in (*seen, *rest) if f.type == "content")
    assert terminal["full_content"] == text
    message = ann.messages(session)[-1]
    assert (message["content"], message["status"]) == (text, "stopped")
    assert message["usage"]["output_tokens"] > 0


def test_a_run_that_has_ended_stays_as_it_is_when_it_is_stopped(ann: ApiUser) -> None:
    stream = ann.send(ann.new_session(), "/slow 0 /echo x")
    stream.answer()
    run = f"/runs/{stream.headers['X-Run-Id']}"
    before = ann.json(run)

    responses = [ann.post(f"{run}/stop") for _ in range(2)]

    assert [response.status_code for response in responses] == [202, 202]
    assert ann.json(run) == before == responses[0].get_json()


def test_a_stop_may_come_twice(ann: ApiUser) -> None:
    run = ann.hold(ann.new_session())

    assert [ann.post(f"/runs/{run}/stop").status_code for _ in range(2)] == [202, 202]

    terminal = ann.follow(run).answer().terminal
    assert terminal is not None
    assert terminal["finish_reason"] == "stopped"


def test_a_second_message_into_a_busy_session_is_told_which_run_is_active(ann: ApiUser) -> None:
    session = ann.new_session()
    run = ann.hold(session)
    before = ann.messages(session)

    for response in (
        ann.post(f"/sessions/{session}/stream", {"content": "Hi"}),
        ann.post(f"/sessions/{session}/stream", {"content": "Hi", "parent_id": None}),
        ann.post("/api/chat", {"content": "Hi", "session_id": session}),
    ):
        assert refused(response, 409, "run_active")["active_run_id"] == run

    assert ann.messages(session) == before
    ann.stop(run)
    assert ann.ask(session, "now").text == "now"


def test_an_id_that_no_run_or_session_has_is_404(ann: ApiUser) -> None:
    for unknown in (str(uuid.uuid4()), "x", "0", "%00", "é", "A" * 300, "x y", "..", "null"):
        for path in (f"/runs/{unknown}", f"/runs/{unknown}/stream", f"/sessions/{unknown}/stream"):
            refused(ann.get(path), 404, "not_found")
        refused(ann.post(f"/runs/{unknown}/stop"), 404, "not_found")
        refused(ann.post(f"/sessions/{unknown}/stream", {"content": "Hi"}), 404, "not_found")


def test_an_id_in_capitals_is_another_id(ann: ApiUser) -> None:
    session = ann.new_session()

    assert ann.get(f"/sessions/{session.upper()}").status_code == 404


def test_a_shutdown_takes_no_new_run_and_settles_the_old_ones(make_app: MakeApp) -> None:
    app = make_app()
    ann = ApiUser.of(app)
    session, busy = ann.new_session(), ann.new_session()
    stream = ann.send(busy, SLOWEST)

    app.extensions["charla"].drain.finish()

    terminal = stream.answer().terminal
    assert terminal is not None
    assert (terminal["code"], terminal["retryable"]) == ("interrupted", True)
    for path in (f"/sessions/{session}/stream", "/api/chat"):
        response = ann.post(path, {"content": "Hi"})
        refused(response, 503, "draining")
        assert int(response.headers["Retry-After"]) >= 1
    refused(ann.post("/sessions", {"initial_message": "Hi"}), 503, "draining")
    assert ann.messages(session) == []
    assert ann.messages(busy)[-1]["status"] == "interrupted"
    assert len(ann.json("/sessions")["items"]) == 2
