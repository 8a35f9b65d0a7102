"""Two servers of one worker each, which share a database and a Redis and nothing else."""

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
    "JWT_SECRET_KEY": "qH7rT2mVx9LpKc4ZsW8eYbNfJd3GuAaR",  # tokens are valid at both
    "RATE_LIMIT_ENABLED": "false",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """The two servers; each keeps its own data in its own folder."""

    a: ServerProcess
    b: ServerProcess

    def account(self) -> tuple[ChatClient, ChatClient]:
        """Make an account, and give a client of it for each server."""
        at_a = ChatClient.registered(self.a.url)
        return at_a, ChatClient(self.b.url, at_a.token)


StartPair = Callable[[Mapping[str, str]], Pair]


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    """Stop a server's processes for the block, as on a suspended machine."""
    members = server.members()
    for member in members:
        os.kill(member.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for member in members:
            os.kill(member.pid, signal.SIGCONT)


def read_until(client: ChatClient, run_id: str, chars: int) -> Answer:
    """Read a run until at least `chars` characters of its text have come, and leave."""
    answer = Answer()
    with client.follow(run_id) as reader:
        for frame in reader:
            answer.take(frame)
            if len(answer.text) >= chars:
                break
    return answer


def read_with_cuts(clients: tuple[ChatClient, ChatClient], run_id: str, seed: int) -> Answer:
    """Read a run to its end; each connection is cut at random, and the next goes to the other."""
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
    """Give the ids of the events that a reader got, in order."""
    return [frame.id for frame in answer.frames if frame.id is not None]
