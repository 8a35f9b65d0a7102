"""The messages of a session: their shape, their pages, their branches."""

import uuid

import pytest
from api.calls import ApiUser, refused, walked

MEMBERS = {
    *("id", "session_id", "parent_id", "role", "content", "status", "finish_reason"),
    *("model", "provider", "usage", "cost", "created_at"),
}
USAGE = {"input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "source"}


def contents(pages: list[list[dict[str, object]]]) -> list[object]:
    return [message["content"] for page in pages for message in page]


def test_a_turn_is_a_question_and_its_answer(ann: ApiUser) -> None:
    session = ann.new_session()
    start = ann.ask(session, "Grüße 👋🏽").frames[0].event

    question, answer = ann.messages(session)

    assert set(question) == set(answer) == MEMBERS
    assert question | {"created_at": None} == {
        "id": start["user_message_id"],
        "session_id": session,
        "parent_id": None,
        "role": "user",
        "content": "/slow 0 /echo Grüße 👋🏽",
        "status": "complete",
        "finish_reason": None,
        "model": None,
        "provider": None,
        "usage": None,
        "cost": None,
        "created_at": None,
    }
    assert answer["id"] == start["message_id"]
    assert answer["parent_id"] == question["id"]
    assert (answer["role"], answer["content"]) == ("assistant", "Grüße 👋🏽")
    assert (answer["status"], answer["finish_reason"]) == ("complete", "stop")
    assert (answer["provider"], answer["model"]) == ("scripted", "scripted-1")
    assert set(answer["usage"]) == USAGE
    assert answer["cost"] is None


@pytest.mark.parametrize(
    ("command", "status", "reason", "content"),
    [
        ("/echo a b", "complete", "stop", "a b"),
        ("/filter /echo a b", "complete", "content_filter", "a "),
        ("/fail during /echo a b", "failed", None, "a "),
        ("/cut /echo a b", "failed", None, "a "),
        ("/empty", "complete", "stop", ""),
    ],
)
def test_a_message_tells_how_its_answer_ended(
    ann: ApiUser, command: str, status: str, reason: str | None, content: str
) -> None:
    session = ann.new_session()
    ann.send(session, f"/slow 0 {command}").answer()

    message = ann.messages(session)[-1]

    found = (message["status"], message["finish_reason"], message["content"])
    assert found == (status, reason, content)


def test_an_answer_that_is_cut_by_max_tokens_says_length(ann: ApiUser) -> None:
    session = ann.new_session()
    ann.send(session, "/slow 0 /echo a b c", max_tokens=2).answer()

    message = ann.messages(session)[-1]

    assert (message["finish_reason"], message["content"]) == ("length", "a b ")
    assert message["usage"]["output_tokens"] == 2


def test_an_answer_that_is_being_written_is_streaming(ann: ApiUser) -> None:
    session = ann.new_session()
    run = ann.hold(session)

    waiting = ann.messages(session)[-1]
    ann.stop(run)
    stopped = ann.messages(session)[-1]

    assert (waiting["status"], waiting["content"], waiting["usage"]) == ("streaming", "", None)
    assert (stopped["status"], stopped["finish_reason"]) == ("stopped", "stopped")
    assert stopped["content"] == ""


def test_the_first_page_holds_the_newest_messages_oldest_first(ann: ApiUser) -> None:
    session = ann.new_session()
    for text in ("one", "two", "three"):
        ann.ask(session, text)

    page = ann.json(f"/sessions/{session}/messages?limit=3")

    assert [m["content"] for m in page["items"]] == ["two", "/slow 0 /echo three", "three"]
    assert page["next_cursor"] is not None


@pytest.mark.parametrize("tree", ["false", "true"])
def test_pages_go_back_in_time_to_the_first_message(ann: ApiUser, tree: str) -> None:
    session = ann.new_session()
    for text in ("one", "two"):
        ann.ask(session, text)
    path = f"/sessions/{session}/messages?tree={tree}"
    whole = ["/slow 0 /echo one", "one", "/slow 0 /echo two", "two"]

    assert contents(walked(ann, path, 1)) == whole[::-1]
    assert contents(walked(ann, path, 3)[::-1]) == whole
    assert contents(walked(ann, path, 4)) == whole


def test_an_empty_session_has_an_empty_page(ann: ApiUser) -> None:
    page = ann.json(f"/sessions/{ann.new_session()}/messages")

    assert page == {"items": [], "next_cursor": None}


def test_a_page_stays_where_it_is_while_new_messages_come(ann: ApiUser) -> None:
    session = ann.new_session()
    ann.ask(session, "one")
    first = ann.json(f"/sessions/{session}/messages?limit=1")
    ann.ask(session, "two")

    older = ann.messages(session, f"limit=1&cursor={first['next_cursor']}")

    assert [message["content"] for message in older] == ["/slow 0 /echo one"]


def test_a_fork_makes_the_new_branch_the_active_one(ann: ApiUser) -> None:
    session = ann.new_session()
    ann.ask(session, "root")
    root = ann.messages(session)[-1]["id"]
    ann.ask(session, "left")
    ann.ask(session, "left again")

    ann.ask(session, "right", parent_id=root)

    active, tree = ann.messages(session), ann.messages(session, "tree=true")
    answers = [m["content"] for m in active if m["role"] == "assistant"]
    assert answers == ["root", "right"]
    assert len(tree) == 8
    children = [m["content"] for m in tree if m["parent_id"] == root]
    assert children == ["/slow 0 /echo left", "/slow 0 /echo right"]

    ann.ask(session, "right again")
    assert [m["content"] for m in ann.messages(session)][-3:-1] == [
        "right",
        "/slow 0 /echo right again",
    ]


def test_a_null_parent_begins_anew_in_the_same_session(ann: ApiUser) -> None:
    session = ann.new_session()
    ann.ask(session, "one")

    ann.ask(session, "two", parent_id=None)

    assert [m["content"] for m in ann.messages(session)] == ["/slow 0 /echo two", "two"]
    tree = ann.messages(session, "tree=true")
    assert [m["content"] for m in tree if m["parent_id"] is None] == [
        "/slow 0 /echo one",
        "/slow 0 /echo two",
    ]


def test_a_parent_must_be_an_answer_of_this_session(ann: ApiUser, bob: ApiUser) -> None:
    session, other, foreign = ann.new_session(), ann.new_session(), bob.new_session()
    for user, its_session in ((ann, session), (ann, other), (bob, foreign)):
        user.ask(its_session)
    question = ann.messages(session)[0]["id"]
    elsewhere = [ann.messages(other)[-1]["id"], bob.messages(foreign)[-1]["id"]]
    path, before = f"/sessions/{session}/stream", ann.messages(session, "tree=true")

    for parent in (*elsewhere, str(uuid.uuid4()), "x", ""):
        response = ann.post(path, {"content": "Hi", "parent_id": parent})
        assert set(refused(response, 404, "not_found")["errors"]) == {"parent_id"}
    response = ann.post(path, {"content": "Hi", "parent_id": question})
    assert set(refused(response, 422, "invalid_request")["errors"]) == {"parent_id"}

    assert ann.messages(session, "tree=true") == before
    assert ann.json(f"/sessions/{session}")["active_run"] is None


def test_a_cursor_of_another_list_is_refused(ann: ApiUser) -> None:
    session, other = ann.new_session(), ann.new_session()
    for its_session in (session, other):
        ann.ask(its_session)
    path = f"/sessions/{session}/messages"
    cursors = [
        "x",
        "",
        ann.json("/sessions?limit=1")["next_cursor"],
        ann.json(f"{path}?limit=1&tree=true")["next_cursor"],
        ann.json(f"/sessions/{other}/messages?limit=1")["next_cursor"],
    ]

    for cursor in cursors:
        problem = refused(ann.get(f"{path}?cursor={cursor}"), 422, "invalid_cursor")
        assert set(problem["errors"]) == {"cursor"}
    branch = ann.json(f"{path}?limit=1")["next_cursor"]
    refused(ann.get(f"{path}?tree=true&cursor={branch}"), 422, "invalid_cursor")


def test_a_query_of_messages_that_breaks_a_rule_names_the_field(ann: ApiUser) -> None:
    path = f"/sessions/{ann.new_session()}/messages"

    for name, value in (("limit", "0"), ("limit", "101"), ("tree", "maybe"), ("q", "x")):
        problem = refused(ann.get(f"{path}?{name}={value}"), 422, "invalid_request")
        assert set(problem["errors"]) == {name}
