"""What a user may write and keep, told over HTTP."""

import pytest
from api.accounts import MakeApp, sign_up
from api.calls import ApiUser, refused


def test_writes_over_the_limit_are_refused_and_nothing_else_is(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(RATE_LIMIT_WRITES="3 per hour"))
    key = "again"
    session = ann.post("/sessions", {}, Idempotency_Key=key).get_json()["id"]
    ann.patch(f"/sessions/{session}", {"title": "New"})
    other = ann.new_session()

    for response in (
        ann.post("/sessions", {}),
        ann.patch(f"/sessions/{session}", {"title": "Newer"}),
        ann.delete(f"/sessions/{other}"),
    ):
        problem = refused(response, 429, "rate_limited")
        assert "3 per 1 hour" in problem["detail"]
        assert int(response.headers["Retry-After"]) > 3000
        assert response.headers["RateLimit-Remaining"] == "0"
    assert ann.post("/sessions", {}, Idempotency_Key=key).get_json()["id"] == session
    assert ann.ask(session).text
    assert ann.json(f"/sessions/{session}")["title"] == "New"
    bob = ApiUser(ann.client, sign_up(ann.client, "bob@example.org"))
    assert bob.post("/sessions", {}).status_code == 201


def test_a_user_who_is_full_is_told_to_delete_and_then_writes_on(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_STORED_BYTES_PER_USER="3000", RATE_LIMIT_AI="100 per minute"))
    session = ann.new_session()
    ann.ask(session, "x" * 3000)

    for response in (
        ann.post("/sessions", {}),
        ann.post(f"/sessions/{session}/stream", {"content": "Hi"}),
        ann.post("/api/chat", {"content": "Hi"}),
        ann.patch(f"/sessions/{session}", {"metadata": {"a": 1}}),
    ):
        assert "Delete some" in refused(response, 409, "storage_full")["detail"]
    assert len(ann.messages(session)) == 2
    assert ann.delete(f"/sessions/{session}").status_code == 204
    assert ann.ask(ann.new_session()).text


@pytest.mark.parametrize("setting", [{"MAX_STORED_BYTES_PER_USER": "0"}, {}])
def test_usually_nobody_notices(make_app: MakeApp, setting: dict[str, str]) -> None:
    ann = ApiUser.of(make_app(**setting))

    for _ in range(100):
        assert ann.post("/sessions", {"metadata": {"a": "x" * 10_000}}).status_code == 201


def test_a_page_of_long_messages_is_short_and_leads_on(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_PAGE_BYTES="20000", RATE_LIMIT_AI="100 per minute"))
    session = ann.new_session()
    for n in range(4):
        ann.ask(session, f"{n}" + "x" * 9000)

    page = ann.get(f"/sessions/{session}/messages?limit=100")
    rest = ann.get(page.headers["Link"].partition(">")[0][1:])

    # Each message has 9,000 bytes: the third fills the page.
    assert [message["content"][:15] for message in page.get_json()["items"]] == [
        *("2xxxxxxxxxxxxxx", "/slow 0 /echo 3", "3xxxxxxxxxxxxxx")
    ]
    assert [message["content"][:15] for message in rest.get_json()["items"]] == [
        *("/slow 0 /echo 1", "1xxxxxxxxxxxxxx", "/slow 0 /echo 2")
    ]
