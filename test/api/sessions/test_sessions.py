"""A session: what it consists of, how it changes and how it is deleted."""

import uuid
from datetime import datetime
from typing import Any

from api.accounts import MakeApp
from api.calls import ApiUser, refused

MEMBERS = {
    *("id", "user_id", "title", "created_at", "updated_at", "active_run"),
    *("system_prompt", "model", "provider", "metadata", "archived"),
}


def test_a_new_session_has_all_its_members(ann: ApiUser) -> None:
    response = ann.post("/sessions", {})

    made = response.get_json()
    assert response.status_code == 201
    assert set(made) == MEMBERS
    assert uuid.UUID(made["id"]).version == 7
    assert made["user_id"] == ann.account.id
    assert made["created_at"] == made["updated_at"]
    assert made["metadata"] == {}
    assert made["archived"] is False
    for name in ("title", "active_run", "system_prompt", "model", "provider"):
        assert made[name] is None, name


def test_a_session_can_be_made_without_any_body(ann: ApiUser) -> None:
    assert ann.post("/sessions").status_code == 201


def test_a_session_keeps_what_it_was_made_with(ann: ApiUser) -> None:
    draft = {
        "title": "Übung 👋🏽",
        "system_prompt": "Be brief.",
        "model": "scripted-1",
        "provider": "scripted",
        "metadata": {"colour": "red", "deep": {"list": [1, 2.5, None, True]}},
    }

    made = ann.post("/sessions", draft).get_json()

    assert draft.items() <= made.items()
    assert ann.json(f"/sessions/{made['id']}") == made


def test_nulls_in_a_draft_are_as_good_as_nothing(ann: ApiUser) -> None:
    names = ("title", "system_prompt", "model", "provider", "initial_message")

    made = ann.post("/sessions", dict.fromkeys(names)).get_json()

    assert all(made.get(name) is None for name in names)
    assert made["active_run"] is None


def test_times_are_utc_and_end_in_z_everywhere(ann: ApiUser) -> None:
    session = ann.json(f"/sessions/{ann.new_session()}")
    answer = ann.ask(session["id"])
    start = answer.frames[0].event
    run, messages = ann.json(f"/runs/{start['run_id']}"), ann.messages(session["id"])

    times = [session["created_at"], session["updated_at"], run["created_at"], run["ended_at"]]
    times += [message["created_at"] for message in messages]

    assert run["created_at"] == start["created_at"] == messages[0]["created_at"]
    for time in times:
        assert time.endswith("Z"), time
        assert datetime.fromisoformat(time).utcoffset() is not None


def test_an_initial_message_begins_the_first_run_at_once(ann: ApiUser) -> None:
    draft = {"initial_message": "/slow 0 /echo Hola, ¿qué tal?", "model": "scripted-1"}

    made = ann.post("/sessions", draft).get_json()

    assert made["title"] == "/slow 0 /echo Hola, ¿qué tal?"
    answer = ann.follow(made["active_run"]).answer()
    assert answer.text == "Hola, ¿qué tal?"
    assert ann.json(f"/sessions/{made['id']}")["active_run"] is None
    assert [message["content"] for message in ann.messages(made["id"])] == [
        draft["initial_message"],
        "Hola, ¿qué tal?",
    ]


def test_the_first_message_gives_a_title_and_none_that_was_chosen_is_lost(ann: ApiUser) -> None:
    nameless, named = ann.new_session(), ann.new_session(title="Mine")

    ann.ask(nameless, "x" * 100)
    ann.ask(named)

    title = ann.json(f"/sessions/{nameless}")["title"]
    assert title.startswith("/slow 0 /echo xxx")
    assert len(title) == 60
    assert ann.json(f"/sessions/{named}")["title"] == "Mine"


def test_a_session_names_its_active_run(ann: ApiUser) -> None:
    session = ann.new_session()

    run = ann.hold(session)

    assert ann.json(f"/sessions/{session}")["active_run"] == run
    assert ann.json("/sessions")["items"][0]["active_run"] == run


def test_a_patch_changes_what_it_names_and_nothing_else(ann: ApiUser) -> None:
    draft = {"title": "Old", "system_prompt": "Be brief.", "metadata": {"a": 1}}
    made = ann.post("/sessions", draft).get_json()

    response = ann.patch(f"/sessions/{made['id']}", {"title": "New", "archived": True})

    changed = response.get_json()
    assert response.status_code == 200
    assert changed == ann.json(f"/sessions/{made['id']}")
    assert changed["updated_at"] > made["updated_at"]
    assert changed == made | {
        "title": "New",
        "archived": True,
        "updated_at": changed["updated_at"],
    }


def test_null_clears_what_can_be_empty(ann: ApiUser) -> None:
    draft = {"title": "Old", "system_prompt": "x", "model": "scripted-1", "provider": "scripted"}
    session = ann.new_session(**draft)

    changed = ann.patch(f"/sessions/{session}", dict.fromkeys(draft)).get_json()

    assert [changed[name] for name in draft] == [None] * 4


def test_metadata_is_replaced_as_a_whole(ann: ApiUser) -> None:
    session = ann.new_session(metadata={"a": 1})

    assert ann.patch(f"/sessions/{session}", {"metadata": {"b": 2}}).get_json()["metadata"] == {
        "b": 2
    }
    assert ann.patch(f"/sessions/{session}", {"metadata": {}}).get_json()["metadata"] == {}


def test_provider_and_model_change_one_without_the_other(ann: ApiUser) -> None:
    session = ann.new_session(provider="scripted", model="scripted-1")

    changed = ann.patch(f"/sessions/{session}", {"model": None}).get_json()
    assert (changed["provider"], changed["model"]) == ("scripted", None)

    changed = ann.patch(f"/sessions/{session}", {"model": "scripted-1"}).get_json()
    assert (changed["provider"], changed["model"]) == ("scripted", "scripted-1")

    changed = ann.patch(f"/sessions/{session}", {"provider": None}).get_json()
    assert (changed["provider"], changed["model"]) == (None, "scripted-1")


def test_a_session_can_be_changed_while_it_answers(ann: ApiUser) -> None:
    session = ann.new_session()
    run = ann.hold(session)

    changed = ann.patch(f"/sessions/{session}", {"title": "Waiting"}).get_json()

    assert (changed["title"], changed["active_run"]) == ("Waiting", run)


def test_a_patch_that_breaks_a_rule_changes_nothing(ann: ApiUser) -> None:
    made = ann.post("/sessions", {"title": "Old", "metadata": {"a": 1}}).get_json()
    wrong: dict[str, list[Any]] = {
        "title": ["", "x" * 201, 5, "\0", "\ud800"],
        "archived": [None, 1, "true"],
        "system_prompt": ["", "x" * 32_001, ["x"]],
        "model": ["", {}],
        "provider": ["x" * 201],
        "metadata": [None, [], {"\0": 1}, {"x": "\ud800"}],
        "id": ["x"],
        "active_run": [None],
        "user_id": ["x"],
    }

    for name, values in wrong.items():
        for value in values:
            response = ann.patch(f"/sessions/{made['id']}", {"title": "New", name: value})
            problem = refused(response, 422, "invalid_request")
            assert [field.partition(".")[0] for field in problem["errors"]] == [name], value
    assert ann.json(f"/sessions/{made['id']}") == made


def test_a_draft_that_breaks_a_rule_makes_nothing(ann: ApiUser) -> None:
    wrong: list[dict[str, object]] = [
        {"title": ""},
        {"title": False},
        {"initial_message": ""},
        {"initial_message": " \n\t\u3000"},
        {"initial_message": "\0"},
        {"initial_message": "\udfff"},
        {"initial_message": 5},
        {"system_prompt": ""},
        {"metadata": "x"},
        {"metadata": None},
        {"archived": True},
        {"unknown": 1},
    ]

    for body in wrong:
        problem = refused(ann.post("/sessions", body), 422, "invalid_request")
        assert set(problem["errors"]) == set(body)
    assert ann.json("/sessions")["items"] == []


def test_a_model_that_nobody_has_is_refused_by_name(ann: ApiUser) -> None:
    session = ann.new_session()
    before = ann.json(f"/sessions/{session}")

    for field in ("model", "provider"):
        body = {field: "nobody"}
        for response in (
            ann.post("/sessions", body),
            ann.post("/sessions", {**body, "initial_message": "Hi"}),
            ann.patch(f"/sessions/{session}", body),
        ):
            assert set(refused(response, 422, "model_not_available")["errors"]) == {field}
    assert ann.json("/sessions")["items"] == [before]


def test_an_initial_message_that_is_too_long_is_413_and_makes_nothing(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_CONTENT_CHARS="10"))

    problem = refused(
        ann.post("/sessions", {"initial_message": "x" * 11}), 413, "content_too_large"
    )

    assert set(problem["errors"]) == {"initial_message"}
    assert ann.json("/sessions")["items"] == []
    assert ann.post("/sessions", {"initial_message": "👋" * 10}).status_code == 201


def test_a_deleted_session_is_gone_with_all_that_hung_on_it(ann: ApiUser) -> None:
    session = ann.new_session()
    run = ann.ask(session).frames[0].event["run_id"]

    response = ann.delete(f"/sessions/{session}")

    assert (response.status_code, response.data) == (204, b"")
    assert "Content-Type" not in response.headers
    for path in (
        f"/sessions/{session}",
        f"/sessions/{session}/messages",
        f"/sessions/{session}/stream",
        f"/runs/{run}",
        f"/runs/{run}/stream",
    ):
        refused(ann.get(path), 404, "not_found")
    refused(ann.delete(f"/sessions/{session}"), 404, "not_found")
    assert ann.json("/sessions")["items"] == []


def test_deleting_a_session_stops_its_run_first(ann: ApiUser) -> None:
    session = ann.new_session()
    stream = ann.send(session, "/slow 60000 /long 3")

    assert ann.delete(f"/sessions/{session}").status_code == 204

    terminal = stream.answer().terminal
    assert terminal is not None
    assert (terminal["type"], terminal["finish_reason"]) == ("done", "stopped")
    refused(ann.get(f"/sessions/{session}"), 404, "not_found")


def test_a_first_message_may_say_what_its_model_is_chosen_for(ann: ApiUser) -> None:
    made = ann.post("/sessions", {"initial_message": "/slow 0 /echo Hi", "strategy": "cheap"})

    assert made.status_code == 201
    start = ann.follow(made.get_json()["active_run"]).answer().frames[1].event
    assert (start["type"], start["model"]) == ("start", "scripted-1")


def test_a_strategy_without_a_first_message_is_refused_instead_of_forgotten(ann: ApiUser) -> None:
    problem = refused(ann.post("/sessions", {"strategy": "cheap"}), 422, "invalid_request")
    assert list(problem["errors"]) == ["strategy"]
