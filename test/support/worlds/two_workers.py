"""Two servers of one worker each on one database and one Redis: nothing else is shared."""

import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from api.chat_client import Answer, ChatClient
from stack.server_process import ServerProcess

SHARED = {
    "WEB_CONCURRENCY": "1",
    "JWT_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",  # a token of one counts at the other
    "RATE_LIMIT_ENABLED": "false",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """The two servers; each keeps what is its own in a folder of its own."""

    a: ServerProcess
    b: ServerProcess

    def account(self) -> tuple[ChatClient, ChatClient]:
        """Make an account, and give its client at each."""
        at_a = ChatClient.registered(self.a.url)
        return at_a, ChatClient(self.b.url, at_a.token)


StartPair = Callable[[Mapping[str, str]], Pair]


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    """Let a server stand still, as a machine does that is suspended."""
    members = server.members()
    for member in members:
        os.kill(member.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for member in members:
            os.kill(member.pid, signal.SIGCONT)


def read_until(client: ChatClient, run_id: str, chars: int) -> Answer:
    """Read a run until so much of its text is there, and go away."""
    answer = Answer()
    with client.follow(run_id) as reader:
        for frame in reader:
            answer.take(frame)
            if len(answer.text) >= chars:
                break
    return answer


def read_with_cuts(clients: tuple[ChatClient, ChatClient], run_id: str, seed: int) -> Answer:
    """Read a run to its end; each connection is cut anywhere, and the next is to the other."""
    chance = random.Random(seed)  # noqa: S311 - repeatable cuts
    answer = Answer()
    turn = seed
    while answer.terminal is None:
        turn += 1
        reader = clients[turn % 2].follow(run_id, answer.last_id)
        assert reader.status == 200, reader.body()
        for frame in reader.read_at_most(chance.randint(1, 4000)):
            answer.take(frame)
        reader.close()
    return answer


def numbered(answer: Answer) -> list[str]:
    """Give the ids of what a reader got, in order."""
    return [frame.id for frame in answer.frames if frame.id is not None]
