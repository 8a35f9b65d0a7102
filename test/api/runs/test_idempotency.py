"""An Idempotency-Key: two requests that count as one."""

import pytest
from api.accounts import MakeApp
from api.calls import SLOWEST, ApiStream, ApiUser, refused
from api.chat_client import REALTIME
from stack.columns import Column

SHORT = {"content": "/slow 0 /echo one two"}


def stream(user: ApiUser, session: str, key: str, **body: object) -> ApiStream:
    return ApiStream(
        user.post(f"/sessions/{session}/stream", body or dict(SHORT), Idempotency_Key=key)
    )


def test_a_repeat_attaches_to_the_same_run(ann: ApiUser) -> None:
    session = ann.new_session()
    first = stream(ann, session, "k")
    frames = first.answer().frames

    again = stream(ann, session, "k")

    assert again.status == 200
    assert again.headers["X-Run-Id"] == first.headers["X-Run-Id"]
    assert again.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    repeated = again.answer().frames
    assert repeated[0].event == {
        "type": "resume",
        "run_id": first.headers["X-Run-Id"],
        "recovered": True,
    }
    assert repeated[1:] == frames
    assert len(ann.messages(session)) == 2


def test_a_repeat_meets_the_run_while_it_is_active(ann: ApiUser) -> None:
    session = ann.new_session()
    first = stream(ann, session, "k", content=SLOWEST)
    run = first.headers["X-Run-Id"]

    again = stream(ann, session, "k", content=SLOWEST)

    assert again.headers["X-Run-Id"] == run
    refused(stream(ann, session, "other", content=SLOWEST).response, 409, "run_active")
    ann.post(f"/runs/{run}/stop")
    assert again.answer().frames[1:] == first.answer().frames


def test_a_repeat_is_answered_after_the_log_is_gone(make_app: MakeApp, column: Column) -> None:
    ann = ApiUser.of(make_app(LOG_KEEP_SECONDS="0"))
    session = ann.new_session()
    terminal = stream(ann, session, "k").answer().terminal
    column.forget_logs()

    again = stream(ann, session, "k").answer()

    assert again.types() == ["resume", "done"]
    assert again.frames[0].event["recovered"] is False
    assert (again.text, again.terminal) == ("one two", terminal)


def test_the_body_counts_as_what_it_means_not_as_it_is_written(ann: ApiUser) -> None:
    session = ann.new_session()
    run = stream(ann, session, "k", content="/slow 0 /echo é", max_tokens=5).headers["X-Run-Id"]
    bodies = (
        b'{"max_tokens":5,"content":"/slow 0 /echo \\u00e9"}',
        b' {\n"content" : "/slow 0 /echo \xc3\xa9",\t"max_tokens": 5 } ',
    )

    for body in bodies:
        response = ann.client.post(
            f"{REALTIME}/sessions/{session}/stream",
            data=body,
            content_type="application/json; charset=utf-8",
            headers={**ann.account.headers, "Idempotency-Key": "k"},
        )
        assert response.headers["X-Run-Id"] == run
        response.close()


def test_the_same_key_with_another_body_is_refused(ann: ApiUser) -> None:
    session = ann.new_session()
    stream(ann, session, "k").answer()

    for body in ({"content": "other"}, {**SHORT, "max_tokens": 5}, {**SHORT, "model": None}):
        response = ann.post(f"/sessions/{session}/stream", body, Idempotency_Key="k")
        refused(response, 422, "idempotency_key_reused")

    assert len(ann.messages(session)) == 2


def test_another_path_is_another_scope(ann: ApiUser) -> None:
    one, two = ann.new_session(), ann.new_session()

    runs = [
        stream(ann, one, "k").headers["X-Run-Id"],
        stream(ann, two, "k").headers["X-Run-Id"],
        ann.post("/api/chat", SHORT, Idempotency_Key="k").get_json()["run_id"],
        ann.post("/sessions", {"initial_message": "Hi"}, Idempotency_Key="k").get_json()[
            "active_run"
        ],
    ]

    assert len(set(runs)) == 4


def test_another_user_is_another_scope(ann: ApiUser, bob: ApiUser) -> None:
    mine, theirs = (
        user.post("/api/chat", SHORT, Idempotency_Key="k").get_json() for user in (ann, bob)
    )

    assert mine["run_id"] != theirs["run_id"]
    assert mine["session_id"] != theirs["session_id"]


def test_a_begin_that_was_refused_is_not_remembered(ann: ApiUser) -> None:
    session, busy = ann.new_session(), ann.new_session()
    run = ann.hold(busy)

    refused(stream(ann, busy, "busy").response, 409, "run_active")
    refused(stream(ann, session, "k", content="").response, 422, "invalid_request")
    refused(stream(ann, session, "k", content="x", model="no").response, 422, "model_not_available")

    assert stream(ann, session, "k").answer().text == "one two"
    ann.stop(run)
    assert stream(ann, busy, "busy").answer().text == "one two"


def test_a_run_that_failed_stays_the_one_of_its_key(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(PROVIDER_RETRIES="0"))
    session, body = ann.new_session(), {"content": "/slow 0 /fail during /echo a b"}
    first = ApiStream(ann.post(f"/sessions/{session}/stream", body, Idempotency_Key="k"))
    terminal = first.answer().terminal

    again = ApiStream(ann.post(f"/sessions/{session}/stream", body, Idempotency_Key="k"))

    assert again.answer().terminal == terminal
    assert len(ann.messages(session)) == 2


def test_a_repeated_chat_gives_the_same_answer_and_makes_no_second_session(ann: ApiUser) -> None:
    first, again = (ann.post("/api/chat", SHORT, Idempotency_Key="k") for _ in range(2))

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.get_json() == again.get_json()
    assert len(ann.json("/sessions")["items"]) == 1
    refused(
        ann.post("/api/chat", {"content": "other"}, Idempotency_Key="k"),
        422,
        "idempotency_key_reused",
    )
    assert len(ann.json("/sessions")["items"]) == 1


@pytest.mark.parametrize("draft", [{}, {"title": "Mine"}, None])
def test_a_repeated_creation_gives_the_same_session(
    ann: ApiUser, draft: dict[str, object] | None
) -> None:
    first, again = (ann.post("/sessions", draft, Idempotency_Key="k") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    refused(
        ann.post("/sessions", {"title": "Other"}, Idempotency_Key="k"),
        422,
        "idempotency_key_reused",
    )
    refused(
        ann.post("/sessions", {"initial_message": "Hi"}, Idempotency_Key="k"),
        422,
        "idempotency_key_reused",
    )
    assert len(ann.json("/sessions")["items"]) == 1


def test_a_repeated_creation_with_a_message_begins_one_run(ann: ApiUser) -> None:
    draft = {"title": "Mine", "initial_message": "/slow 0 /echo one two"}
    first = ann.post("/sessions", draft, Idempotency_Key="k").get_json()
    ann.follow(first["active_run"]).answer()

    again = ann.post("/sessions", draft, Idempotency_Key="k")

    assert again.status_code == 201
    assert again.get_json() == first | {"active_run": None}
    assert len(ann.messages(first["id"])) == 2
    refused(
        ann.post("/sessions", {"title": "Mine"}, Idempotency_Key="k"),
        422,
        "idempotency_key_reused",
    )
    assert len(ann.json("/sessions")["items"]) == 1


def test_the_key_of_a_deleted_session_is_free_again(ann: ApiUser) -> None:
    first = ann.post("/sessions", {}, Idempotency_Key="k").get_json()
    ann.delete(f"/sessions/{first['id']}")

    again = ann.post("/sessions", {}, Idempotency_Key="k")

    assert again.status_code == 201
    assert again.get_json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["x" * 256, "é", "a\tb"])
def test_a_key_that_is_no_key_is_refused_by_name(ann: ApiUser, key: str) -> None:
    session = ann.new_session()

    for path, body in (
        (f"/sessions/{session}/stream", SHORT),
        ("/api/chat", SHORT),
        ("/sessions", {}),
    ):
        problem = refused(ann.post(path, body, Idempotency_Key=key), 422, "invalid_request")
        assert set(problem["errors"]) == {"Idempotency-Key"}
    assert len(ann.json("/sessions")["items"]) == 1


def test_a_key_of_any_printable_kind_is_taken(ann: ApiUser) -> None:
    for key in (
        "x",
        "x" * 255,
        'a "b" {c}',
        "../..",
        "%00",
        "5f3c9a52-8f5e-4d59-9a4e-2f1f7c0c4b7d",
    ):
        first, again = (ann.post("/sessions", {}, Idempotency_Key=key) for _ in range(2))
        assert first.get_json()["id"] == again.get_json()["id"], key


def test_an_empty_key_is_refused_and_not_taken_for_none(ann: ApiUser) -> None:
    headers = {**ann.account.headers, "Idempotency-Key": ""}

    response = ann.client.post("/api/chat", json=SHORT, headers=headers)

    refused(response, 422, "invalid_request")
    assert ann.json("/sessions")["items"] == []


def test_a_known_key_is_answered_where_new_runs_are_refused(make_app: MakeApp) -> None:
    app = make_app(RATE_LIMIT_AI="1 per hour")
    ann = ApiUser.of(app)
    session = ann.new_session()
    first = stream(ann, session, "k")
    run, _ = first.headers["X-Run-Id"], first.answer()

    refused(stream(ann, session, "new").response, 429, "rate_limited")
    limited = stream(ann, session, "k")
    assert (limited.status, limited.headers["X-Run-Id"]) == (200, run)
    limited.close()
    refused(stream(ann, session, "k", content="other").response, 422, "idempotency_key_reused")
    app.extensions["charla"].drain.finish()
    refused(stream(ann, session, "new").response, 503, "draining")
    draining = stream(ann, session, "k")
    assert (draining.status, draining.headers["X-Run-Id"]) == (200, run)
    assert draining.answer().text == "one two"
