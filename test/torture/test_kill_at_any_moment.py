"""The server dies again and again at any moment of many answers; nothing may contradict itself."""

import http.client
import random
import threading
from dataclasses import dataclass

import pytest
from api.chat_client import Answer, ChatClient
from stack.server_process import ServerProcess, StartServer

STREAMS = 10
MOST_WORDS = 600
WORD_MILLISECONDS = 5
# The text is saved every 0.5 s; what came since may be lost, with as much again on a busy machine.
MOST_WORDS_LOST = 1000 // WORD_MILLISECONDS
ROUNDS_A_SESSION = 10  # its messages are read as one page
PATIENCE_SECONDS = 60.0
CUT = (http.client.HTTPException, OSError)


@dataclass(frozen=True)
class Question:
    """One message of a round, whose answer is known beforehand and like no other."""

    session: str
    answer: str

    @property
    def content(self) -> str:
        return f"/slow {WORD_MILLISECONDS} /echo {self.answer}"


class Witness(threading.Thread):
    """Reads one answer until it ends or the server dies, and remembers what it saw."""

    def __init__(
        self, client: ChatClient, question: Question, progress: threading.Semaphore
    ) -> None:
        """Read as `client`, releasing `progress` at every event."""
        super().__init__(daemon=True)
        self.question = question
        self.seen = Answer()
        self.run_id: str | None = None
        self._client = client
        self._progress = progress

    def run(self) -> None:
        try:
            with self._client.send(self.question.session, self.question.content) as reader:
                self.run_id = reader.headers["X-Run-Id"]
                for frame in reader:
                    self.seen.take(frame)
                    self._progress.release()
        except CUT:
            return


def questions_of(number: int, sessions: list[str], chance: random.Random) -> list[Question]:
    return [
        Question(
            session,
            " ".join(f"r{number}s{place}w{word}" for word in range(chance.randint(1, MOST_WORDS))),
        )
        for place, session in enumerate(sessions)
    ]


def kill_amid(
    server: ServerProcess, client: ChatClient, questions: list[Question], chance: random.Random
) -> list[Witness]:
    """Kill the server once its readers together have seen some number of events."""
    progress = threading.Semaphore(0)
    witnesses = [Witness(client, question, progress) for question in questions]
    for witness in witnesses:
        witness.start()
    words = sum(len(question.answer.split()) for question in questions)
    for _ in range(chance.randint(1, words)):
        assert progress.acquire(timeout=PATIENCE_SECONDS), server.output()
    server.kill()
    for witness in witnesses:
        witness.join(PATIENCE_SECONDS)
    return witnesses


def check_turn(client: ChatClient, witness: Witness, rows_before: int) -> None:
    """Hold what the restarted server tells against what was asked and seen."""
    question = witness.question
    messages = client.messages(question.session)
    if witness.run_id is None and len(messages) == rows_before:
        return  # the server died before the turn began, and nothing of it is there
    assert len(messages) == rows_before + 2
    asked, answer = messages[-2:]
    assert asked["content"] == question.content
    if answer["status"] == "complete":
        assert answer["content"] == question.answer
    else:
        assert answer["status"] == "interrupted"
        words, kept = question.answer.split(), answer["content"].split()
        assert words[: len(kept)] == kept
        assert len(witness.seen.text.split()) - len(kept) <= MOST_WORDS_LOST
        assert "done" not in witness.seen.types()
    if witness.run_id is not None:
        check_reader(client, witness.run_id, witness.seen, answer["content"])


def check_reader(client: ChatClient, run_id: str, seen: Answer, stored: str) -> None:
    """Read on from where the reader was cut: it has to end up with what is stored."""
    if seen.terminal is None:
        with client.follow(run_id, seen.last_id) as reader:
            reader.take_into(seen)
    assert seen.frames[-1].is_terminal
    assert seen.text == stored


def test_whenever_the_server_dies_every_turn_is_whole_or_marked_and_goes_on(
    start_server: StartServer, pytestconfig: pytest.Config
) -> None:
    rounds: int = pytestconfig.getoption("--torture-rounds")
    server = start_server({"RATE_LIMIT_ENABLED": "false"})
    client = ChatClient.registered(server.url)

    sessions: list[str] = []
    for number in range(rounds):
        if number % ROUNDS_A_SESSION == 0:
            sessions = [client.new_session() for _ in range(STREAMS)]
        rows_before = [len(client.messages(session)) for session in sessions]
        chance = random.Random(number)  # noqa: S311 - a round can be repeated
        questions = questions_of(number, sessions, chance)
        witnesses = kill_amid(server, client, questions, chance)
        server.start()
        for witness, rows in zip(witnesses, rows_before, strict=True):
            check_turn(client, witness, rows)
