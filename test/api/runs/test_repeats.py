"""A message that is sent again with its key, by readers that read on by repeating the POST."""

from api.calls import ApiStream, ApiUser, refused
from api.chat_client import Answer

SHORT = {"content": "/slow 0 /echo one two"}


def stream(user: ApiUser, session: str, key: str, last_id: str = "", **body: object) -> ApiStream:
    path, sent = f"/sessions/{session}/stream", body or dict(SHORT)
    return ApiStream(user.post(path, sent, Idempotency_Key=key, Last_Event_ID=last_id))


def test_a_repeat_reads_on_after_the_last_event_that_was_seen(ann: ApiUser) -> None:
    session = ann.new_session()
    first = stream(ann, session, "k")
    run, frames = first.headers["X-Run-Id"], first.answer().frames
    path, greeting = f"/sessions/{session}/stream", {"type": "resume", "run_id": run}

    for position, frame in enumerate(frames[:-1]):
        by_header = stream(ann, session, "k", frame.id or "").answer().frames
        query = f"{path}?last_event_id={frame.id}"
        by_query = ApiStream(ann.post(query, SHORT, Idempotency_Key="k")).answer().frames
        assert by_header == by_query
        assert by_header[0].event == {**greeting, "recovered": True}
        assert by_header[1:] == frames[position + 1 :]

    assert len(ann.messages(session)) == 2


def test_a_repeat_by_who_saw_the_end_is_no_content(ann: ApiUser) -> None:
    session = ann.new_session()
    end = stream(ann, session, "k").answer().frames[-1].id or ""

    again = stream(ann, session, "k", end)

    assert (again.status, again.response.data) == (204, b"")
    refused(stream(ann, session, "k", end, content="x").response, 422, "idempotency_key_reused")


def test_a_repeat_after_an_id_that_means_nothing_gives_the_text_so_far(
    ann: ApiUser, bob: ApiUser
) -> None:
    session = ann.new_session()
    first = stream(ann, session, "k")
    run, frames = first.headers["X-Run-Id"], first.answer().frames
    earlier = stream(ann, session, "other").answer().frames
    foreign = stream(bob, bob.new_session(), "k").answer().frames

    for last_id in ("x", f"{run}.1.99", f"{run}.2.1", earlier[0].id, foreign[0].id):
        greeting, *rest = stream(ann, session, "k", last_id or "").answer().frames
        lost = {"type": "resume", "run_id": run, "recovered": False, "content": "one two"}
        assert (greeting.id, greeting.event) == ("", lost), last_id
        assert rest == frames[-1:]


def test_a_message_that_is_new_is_read_from_its_start_whatever_was_seen(ann: ApiUser) -> None:
    session = ann.new_session()
    seen = stream(ann, session, "k").answer().frames[-1].id or ""

    assert stream(ann, session, "new", seen).answer().types()[0] == "start"
    response = ann.post(f"/sessions/{session}/stream", SHORT, Last_Event_ID=seen)
    assert ApiStream(response).answer().types()[0] == "start"
    refused(ann.post(f"/sessions/{session}/stream?after=1", SHORT), 422, "invalid_request")


def test_an_answer_is_read_by_repeats_alone_while_it_is_written(ann: ApiUser) -> None:
    session, answer = ann.new_session(), Answer()

    while answer.terminal is None:
        reading = stream(ann, session, "k", answer.last_id or "", content="/slow 5 /long 40")
        for frame in reading.read(7):
            answer.take(frame)
        reading.close()

    assert answer.text == answer.terminal["full_content"]
    assert answer.types().count("content") == 40
