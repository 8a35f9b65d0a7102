"""Reading on: where a reader begins, and what it is told first."""

import uuid

import pytest
from api.accounts import MakeApp
from api.calls import ApiStream, ApiUser, refused
from api.chat_client import Frame
from stack.columns import Column


@pytest.fixture
def forgetful(make_app: MakeApp) -> ApiUser:
    """Give the calls of a user whose server keeps no log of an ended run."""
    return ApiUser.of(make_app(LOG_KEEP_SECONDS="0"))


def ended(user: ApiUser, session_id: str, text: str = "a b c") -> tuple[str, list[Frame]]:
    """Have an answer written to its end; give the run and its frames."""
    stream = user.send(session_id, f"/slow 0 /echo {text}")
    return stream.headers["X-Run-Id"], stream.answer().frames


def greeting(stream: ApiStream) -> dict[str, object]:
    """Read the first frame, which has no id; an empty one where nothing was recovered."""
    (frame,) = stream.read(1)
    assert frame.id == (None if frame.event["recovered"] else "")
    return frame.event


def recovered(run_id: str) -> dict[str, object]:
    return {"type": "resume", "run_id": run_id, "recovered": True}


def lost(run_id: str, text: str) -> dict[str, object]:
    return {"type": "resume", "run_id": run_id, "recovered": False, "content": text}


def test_without_an_id_a_reader_gets_the_active_run_from_its_start(ann: ApiUser) -> None:
    session = ann.new_session()
    first = ann.send(session, "/slow 20 /long 20")
    run = first.headers["X-Run-Id"]
    first.read(5)

    stream = ann.attach(session)
    assert stream.headers["X-Run-Id"] == run
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert greeting(stream) == recovered(run)
    answer = stream.answer()

    assert answer.types() == ["start", *["content"] * 20, "done"]


def test_without_an_id_and_anything_active_there_is_no_content(ann: ApiUser) -> None:
    session = ann.new_session()
    never = ann.attach(session)
    ended(ann, session)
    after = ann.attach(session)

    assert (never.status, after.status) == (204, 204)
    assert never.response.data == after.response.data == b""


def test_an_empty_id_is_none(ann: ApiUser) -> None:
    session = ann.new_session()
    ended(ann, session)

    response = ann.get(f"/sessions/{session}/stream?last_event_id=", Last_Event_ID="")

    assert response.status_code == 204


def test_an_ended_run_is_read_from_its_start_by_its_own_address(ann: ApiUser) -> None:
    run, frames = ended(ann, ann.new_session())

    again = ann.follow(run).answer().frames

    assert again[0].event == recovered(run)
    assert again[1:] == frames


@pytest.mark.parametrize("place", ["session", "run"])
@pytest.mark.parametrize("way", ["header", "query"])
def test_after_an_id_comes_only_what_is_behind_it(ann: ApiUser, place: str, way: str) -> None:
    session = ann.new_session()
    run, frames = ended(ann, session)
    path = f"/sessions/{session}/stream" if place == "session" else f"/runs/{run}/stream"

    for position, frame in enumerate(frames[:-1]):
        assert frame.id is not None
        if way == "header":
            response = ann.get(path, Last_Event_ID=frame.id)
        else:
            response = ann.get(f"{path}?last_event_id={frame.id}")
        rest = ApiStream(response).answer().frames
        assert rest[0].event == recovered(run)
        assert rest[1:] == frames[position + 1 :]


def test_who_saw_the_end_gets_no_content(ann: ApiUser) -> None:
    session = ann.new_session()
    run, frames = ended(ann, session)
    end = frames[-1].id or ""

    assert ann.attach(session, end).status == 204
    assert ann.follow(run, end).status == 204
    assert ann.get(f"/runs/{run}/stream?last_event_id={end}").status_code == 204


def test_the_header_counts_before_the_query(ann: ApiUser) -> None:
    run, frames = ended(ann, ann.new_session())
    path = f"/runs/{run}/stream?last_event_id={frames[0].id}"

    assert ann.get(path, Last_Event_ID=frames[-1].id or "").status_code == 204


def test_a_reader_follows_a_living_run_to_its_end(ann: ApiUser) -> None:
    session = ann.new_session()
    first = ann.send(session, "/slow 5 /long 30")
    seen = first.read(4)

    rest = ann.attach(session, seen[-1].id or "").answer()

    assert rest.frames[0].event == recovered(first.headers["X-Run-Id"])
    assert seen + rest.frames[1:] == seen + first.answer().frames


def test_an_id_of_an_ended_run_wins_over_the_active_one(ann: ApiUser) -> None:
    session = ann.new_session()
    run, frames = ended(ann, session)
    active = ann.hold(session)

    stream = ann.attach(session, frames[1].id or "")
    assert greeting(stream) == recovered(run)
    assert stream.answer().frames == frames[2:]

    assert ann.attach(session, frames[-1].id or "").status == 204
    waiting = ann.attach(session)
    assert greeting(waiting) == recovered(active)
    waiting.close()


def test_an_id_that_means_nothing_gives_the_text_so_far_and_what_comes_later(
    ann: ApiUser, bob: ApiUser
) -> None:
    session, elsewhere = ann.new_session(), ann.new_session()
    run, frames = ended(ann, session, "the end")
    _, others = ended(ann, elsewhere)
    _, foreign = ended(bob, bob.new_session())
    end = frames[-1].id or ""
    future = end.rpartition(".")[0] + ".99"
    other_epoch = f"{run}.2.1"
    strange = [
        *(future, other_epoch, f"{uuid.uuid4()}.1.1", others[0].id, foreign[0].id),
        *("x", "1", "..", f"{run}..", f"{run}.1.x", f"{run}.-1.1", f"{run}.1.1.1", "é", "9" * 5000),
    ]

    for last_id in strange:
        for stream in (ann.attach(session, last_id or ""), ann.follow(run, last_id or "")):
            assert greeting(stream) == lost(run, "the end"), last_id
            assert stream.answer().frames == frames[-1:]


def test_a_living_run_is_read_on_after_an_id_that_means_nothing(ann: ApiUser) -> None:
    session = ann.new_session()
    first = ann.send(session, "/slow 20 /long 12")
    first.read(3)

    answer = ann.attach(session, "nonsense").answer()

    greeted = answer.frames[0].event
    assert (greeted["recovered"], greeted["run_id"]) == (False, first.headers["X-Run-Id"])
    assert answer.terminal is not None
    assert answer.text == answer.terminal["full_content"]
    assert len(answer.text) > len(str(greeted["content"])) > 0


def test_an_id_in_a_session_without_any_run_is_no_content(ann: ApiUser) -> None:
    assert ann.attach(ann.new_session(), "nonsense").status == 204


def test_an_id_with_a_nul_is_refused(ann: ApiUser) -> None:
    run, _ = ended(ann, ann.new_session())

    problem = refused(ann.get(f"/runs/{run}/stream?last_event_id=%00"), 422, "invalid_request")

    assert set(problem["errors"]) == {"last_event_id"}
    refused(ann.get(f"/runs/{run}/stream?after=1"), 422, "invalid_request")


def test_the_end_is_told_after_the_log_is_gone(forgetful: ApiUser, column: Column) -> None:
    session = forgetful.new_session()
    run, frames = ended(forgetful, session, "kept for ever")
    column.forget_logs()

    for last_id in ("", "nonsense", frames[0].id, frames[1].id):
        stream = forgetful.follow(run, last_id or "")
        assert greeting(stream) == lost(run, "kept for ever"), last_id
        assert stream.answer().frames == frames[-1:]
    assert forgetful.follow(run, frames[-1].id or "").status == 204
    assert forgetful.attach(session, frames[-1].id or "").status == 204
    assert forgetful.attach(session).status == 204
    assert forgetful.attach(session, frames[0].id or "").answer().frames[1:] == frames[-1:]


@pytest.mark.parametrize("command", ["/fail during /echo a b", "/cut /echo a b", "/empty"])
def test_every_kind_of_end_is_told_after_the_log_is_gone(
    forgetful: ApiUser, column: Column, command: str
) -> None:
    stream = forgetful.send(forgetful.new_session(), f"/slow 0 {command}")
    answer = stream.answer()
    column.forget_logs()

    later = forgetful.follow(stream.headers["X-Run-Id"]).answer()

    assert later.terminal == answer.terminal
    assert later.text == answer.text
    assert later.frames[-1] == answer.frames[-1]


def test_two_readers_of_one_run_see_the_same(ann: ApiUser) -> None:
    session = ann.new_session()
    first = ann.send(session, "/slow 2 /long 20")
    second, third = ann.attach(session), ann.follow(first.headers["X-Run-Id"])

    frames = first.answer().frames

    assert second.answer().frames[1:] == third.answer().frames[1:] == frames
