"""A server that dies or stands still: another takes over its answers, and each has one end."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from api.chat_client import Answer, ChatClient, EventReader
from stack.columns import SCALED, Column, only_on
from stack.fixtures import MakeRedis
from worlds.two_workers import StartPair, numbered, read_until, stopped

pytestmark = only_on(SCALED, "embedded there is no other server that could take over")

LONG = "/long 3000 /slow 5"
DEAD_SECONDS = 3.0
SEVERAL = 8


def assert_interrupted(answer: Answer, stored: str) -> None:
    """Compare what a reader got with what is stored."""
    assert answer.terminal is not None
    assert (answer.terminal["type"], answer.terminal["code"]) == ("error", "interrupted")
    assert answer.terminal["full_content"] == answer.text == stored
    assert answer.terminal["persisted"] is True
    assert len(set(numbered(answer))) == len(numbered(answer))


def text_of(client: ChatClient, session: str) -> str:
    """Give the answer as it is stored."""
    message = client.messages(session)[-1]
    assert message["status"] == "interrupted"
    return str(message["content"])


def test_the_readers_of_a_killed_server_get_all_that_it_had_shown_and_an_end(
    start_pair: StartPair, column: Column
) -> None:
    pair = start_pair(column.soon)
    here, there = pair.account()
    sessions = [here.new_session() for _ in range(SEVERAL)]
    runs = [here.begin(session, LONG) for session in sessions]
    readers = [there.follow(run) for run in runs]
    shown = [read_until(here, run, 300) for run in runs]

    pair.a.kill()
    killed = time.monotonic()
    answers = all_of(readers)
    took = time.monotonic() - killed

    assert took < DEAD_SECONDS + 7
    for session, seen, answer in zip(sessions, shown, answers, strict=True):
        assert_interrupted(answer, text_of(there, session))
        assert answer.text.startswith(seen.text)
        assert numbered(answer)[: len(numbered(seen))] == numbered(seen)
    for run, seen, answer in zip(runs, shown, answers, strict=True):
        rest = there.read_on(run, seen)
        assert (rest.text, rest.terminal) == (answer.text, answer.terminal)
        assert there.run(run)["status"] == "interrupted"
    with there.send(sessions[0], "/echo on") as reader:
        assert reader.take_into(Answer()).text == "on"


def assert_nothing_was_added(
    client: ChatClient, late: Sequence[Answer], told: Sequence[Answer]
) -> None:
    """Compare what the readers of the old owner got with what all others were told."""
    for seen, answer in zip(late, told, strict=True):
        assert answer.text.startswith(seen.text)
        assert seen.terminal in (None, answer.terminal)
        assert numbered(answer)[: len(numbered(seen))] == numbered(seen)
        rest = client.read_on(str(answer.frames[0].event["run_id"]), seen)
        assert (rest.text, rest.terminal) == (answer.text, answer.terminal)


def all_of(readers: Sequence[EventReader]) -> list[Answer]:
    """Read streams to their ends, at the same time."""
    with ThreadPoolExecutor(len(readers)) as pool:
        return list(pool.map(lambda reader: reader.take_into(Answer()), readers))


def test_a_server_that_stood_still_says_nothing_more_of_what_was_taken_over(
    start_pair: StartPair, column: Column
) -> None:
    pair = start_pair(column.soon)
    here, there = pair.account()
    sessions = [here.new_session() for _ in range(SEVERAL)]
    own = [here.send(session, LONG) for session in sessions]
    others = [there.follow(reader.headers["X-Run-Id"]) for reader in own]
    read_until(there, own[-1].headers["X-Run-Id"], 300)

    with stopped(pair.a):
        told = all_of(others)
        stored = [text_of(there, session) for session in sessions]
    late = all_of(own)

    for answer, text in zip(told, stored, strict=True):
        assert_interrupted(answer, text)
    assert_nothing_was_added(here, late, told)
    assert [text_of(here, session) for session in sessions] == stored
    with here.send(sessions[0], "/echo on") as reader:
        assert reader.take_into(Answer()).text == "on"


def test_a_server_that_stood_still_while_it_wrote_says_nothing_more_either(
    start_pair: StartPair, column: Column, make_redis: MakeRedis
) -> None:
    redis = make_redis()
    pair = start_pair({**column.soon, "REDIS_URL": redis.url, "FLUSH_TIMEOUT_SECONDS": "1"})
    here, there = pair.account()
    session = here.new_session()
    own = [here.send(session, LONG)]
    run = own[0].headers["X-Run-Id"]
    others = [there.follow(run)]
    read_until(there, run, 300)

    redis.pause()
    time.sleep(0.3)  # what is written now waits for its acknowledgement, not yet for too long
    with stopped(pair.a):
        redis.resume()
        told = [there.read_on(run, answer) for answer in all_of(others)]
    late = all_of(own)

    assert_interrupted(told[0], text_of(there, session))
    assert_nothing_was_added(here, late, told)
