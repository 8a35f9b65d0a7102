"""How many readers and runs there may be: refused before anything is begun."""

import pytest
from api.accounts import MakeApp, sign_up
from api.calls import ApiUser, refused


def assert_nothing_was_begun(user: ApiUser, session: str) -> None:
    assert user.messages(session) == []
    assert user.json(f"/sessions/{session}")["active_run"] is None


def second(user: ApiUser) -> ApiUser:
    return ApiUser(user.client, sign_up(user.client, "bob@example.org"))


def test_a_server_with_all_its_streams_open_says_503(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_STREAMS="1"))
    bob, busy = second(ann), ann.new_session()
    session = bob.new_session()
    open_stream = ann.send(busy, "/slow 60000 /long 2")
    run = open_stream.headers["X-Run-Id"]

    for response in (
        bob.post(f"/sessions/{session}/stream", {"content": "Hi"}),
        bob.post("/api/chat", {"content": "Hi"}),
        ann.get(f"/runs/{run}/stream"),
        ann.get(f"/sessions/{busy}/stream"),
    ):
        refused(response, 503, "too_many_streams")
        assert int(response.headers["Retry-After"]) >= 1

    assert_nothing_was_begun(bob, session)
    assert len(bob.json("/sessions")["items"]) == 1
    assert ann.post(f"/runs/{run}/stop").status_code == 202
    open_stream.answer()
    assert bob.ask(session).text == "one two"


def test_a_run_has_so_many_readers_and_no_more(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_READERS_PER_RUN="2"))
    session = ann.new_session()
    run = ann.hold(session)
    readers = [ann.follow(run), ann.attach(session)]

    response = ann.get(f"/runs/{run}/stream")

    refused(response, 429, "too_many_readers")
    assert int(response.headers["Retry-After"]) >= 1
    assert ann.ask(ann.new_session()).text == "one two"
    readers[0].close()
    assert ann.follow(run).status == 200
    readers[1].close()


def test_a_user_has_so_many_streams_and_no_more(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_READERS_PER_USER="1"))
    bob, session = second(ann), ann.new_session()
    run = ann.hold(ann.new_session())
    reader = ann.follow(run)

    for response in (
        ann.get(f"/runs/{run}/stream"),
        ann.post(f"/sessions/{session}/stream", {"content": "Hi"}),
        ann.post("/api/chat", {"content": "Hi"}),
    ):
        refused(response, 429, "too_many_readers")

    assert_nothing_was_begun(ann, session)
    assert bob.ask(bob.new_session()).text == "one two"
    reader.close()
    assert ann.ask(session).text == "one two"


def test_a_user_has_so_many_active_runs_and_no_more(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_ACTIVE_RUNS_PER_USER="2"))
    bob, session = second(ann), ann.new_session()
    runs = [ann.hold(ann.new_session()) for _ in range(2)]

    for response in (
        ann.post(f"/sessions/{session}/stream", {"content": "Hi"}),
        ann.post("/api/chat", {"content": "Hi"}),
        ann.post("/sessions", {"initial_message": "Hi"}),
    ):
        refused(response, 429, "too_many_runs")
        assert int(response.headers["Retry-After"]) >= 1

    assert_nothing_was_begun(ann, session)
    assert len(ann.json("/sessions")["items"]) == 3
    assert bob.ask(bob.new_session()).text == "one two"
    ann.stop(runs[0])
    assert ann.ask(session).text == "one two"


def test_limits_of_a_user_that_are_off_let_everything_through(make_app: MakeApp) -> None:
    app = make_app(
        RATE_LIMIT_ENABLED="false",
        RATE_LIMIT_AI="1 per hour",
        MAX_ACTIVE_RUNS_PER_USER="1",
        MAX_READERS_PER_USER="1",
    )
    ann = ApiUser.of(app)
    runs = [ann.hold(ann.new_session()) for _ in range(3)]

    readers = [ann.follow(run) for run in runs]

    assert [reader.status for reader in readers] == [200] * 3
    for reader in readers:
        reader.close()


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_place_is_given_back_however_a_stream_was_read(make_app: MakeApp, method: str) -> None:
    ann = ApiUser.of(make_app(MAX_READERS_PER_USER="1"))
    run = ann.hold(ann.new_session())

    for _ in range(3):
        response = ann.call(method, f"/runs/{run}/stream")
        assert response.status_code == 200
        response.close()
