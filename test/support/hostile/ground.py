"""A server that is attacked while a good user is there, and what it holds before and after."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil
from api.chat_client import PASSWORD, REALTIME, ChatClient
from hostile.attack import Attack, Target
from hostile.attackers import Attackers
from hostile.good_user import GoodUser
from hostile.pressure import Pressure
from stack.server_process import ServerProcess

NOTICED_SECONDS = 0.2
QUIET_SECONDS = 1.0
TRIES = 3
BACK_SECONDS = 15.0
BACK_MB = 64.0
"""Memory that the allocator may keep for the next large bodies."""

DEADLINE_SECONDS = 1.0
PATIENCE_SECONDS = 7.0
"""After a refusal the server reads on for 5 seconds, so that the refusal is read too."""

WORD = "x" * 98_000

SETTINGS = {
    # What is slow is dropped sooner, so that a test need not wait for it.
    "HEAD_TIMEOUT_SECONDS": str(DEADLINE_SECONDS),
    "BODY_TIMEOUT_SECONDS": str(DEADLINE_SECONDS),
    "SEND_TIMEOUT_SECONDS": str(DEADLINE_SECONDS),
    "KEEPALIVE_SECONDS": "1",
    "PASSWORD_QUEUE_SECONDS": "2",
    "PING_SECONDS": "0.5",
    # So few that a test can take them all.
    "MAX_STREAMS": "24",
    "MAX_READERS_PER_USER": "8",
    "QUEUE_SIZE": "6",
    # A provider that lets one call out in a minute, and never answers it.
    "LOCAL_BASE_URL": "http://127.0.0.1:9/v1",
    "LOCAL_RPM": "1",
    "PROVIDER_RETRIES": "0",
    "SCRIPTED": "on",
    "DEFAULT_PROVIDER": "scripted",
    "RATE_LIMIT_AI": "10000 per minute",
    "RATE_LIMIT_WRITES": "10000 per minute",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a worker holds."""

    connections: int
    files: int
    memory_mb: float

    def is_back_to(self, before: "Held") -> bool:
        """Tell whether nothing is left of what happened since."""
        return (
            self.connections <= before.connections
            and self.files <= before.files
            and self.memory_mb <= before.memory_mb + BACK_MB
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What attacks did to the good user and to the server, and what the attackers of each got."""

    noticed: list[str]
    got: Mapping[str, Counter[str]]
    before: Held
    after: Held

    def wrong_answers(self, attacks: Sequence[Attack]) -> list[str]:
        """Say which attackers got what they may not get, or nothing at all."""
        return [
            f"{attack.name}: {dict(got)}"
            for attack in attacks
            if not (got := self.got[attack.name]) or not got.keys() <= attack.answers
        ]


class Ground:
    """A server with a good user and strangers; attacks are tried on it one after the other."""

    def __init__(self, server: ServerProcess, attackers: Attackers) -> None:
        """Let the good user sign up."""
        self._port = server.port
        self._worker = server.members()[1]
        self._attackers = attackers
        self._user = GoodUser(server.url)
        self._user.act(QUIET_SECONDS)
        self._quiet = self._user.act(QUIET_SECONDS)
        self._before = self.held()

    def under(self, attacks: Sequence[Attack], seconds: float, scale: int) -> Outcome:
        """Attack in all of these ways while the good user acts for so long.

        There are `scale` times as many attackers as each attack has. Where other processes have
        the cores, everything takes longer: the user may notice as many times more as the server and
        the user themselves had to wait for a core. What is noticed is tried again, twice at most:
        what else the machine does comes and goes, and what an attack does stays.
        """
        got: dict[str, Counter[str]] = {attack.name: Counter() for attack in attacks}
        for tries_left in reversed(range(TRIES)):
            for attack in attacks:
                self._attackers.begin(attack.name, attack.at_once * scale)
            pressed = Pressure(self._worker, psutil.Process())
            waits = self._user.act(seconds)
            pressed.end()
            for name, some in self._attackers.end().items():
                got[name] += some
            after = self._come_back()
            noticed = waits.beyond(self._quiet, NOTICED_SECONDS * pressed.stretch)
            if not noticed or not tries_left:
                break
            self._quiet = self._user.act(QUIET_SECONDS)
        return Outcome(noticed=noticed, got=got, before=self._before, after=after)

    def held(self) -> Held:
        """Tell what the worker holds now."""
        worker = self._worker
        return Held(
            connections=sum(
                1
                for one in worker.net_connections("tcp")
                if one.laddr and one.laddr.port == self._port and one.status != psutil.CONN_LISTEN
            ),
            files=worker.num_fds(),
            memory_mb=worker.memory_info().rss / 2**20,
        )

    def _come_back(self) -> Held:
        deadline = time.monotonic() + BACK_SECONDS
        while not (held := self.held()).is_back_to(self._before):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return held


def strangers(server: ServerProcess, accounts: int = 8) -> Target:
    """Make the accounts of the attackers; the first has a conversation that is large to read."""
    clients = [ChatClient.registered(server.url) for _ in range(accounts)]
    sessions = [client.new_session() for client in clients]
    for _ in range(8):
        body = {"content": f"/slow 0 /echo {WORD}", "session_id": sessions[0]}
        reply = clients[0].call("POST", "/api/chat", body)
        assert reply.status == 200, reply
    other = clients[0].new_session()
    return Target(
        port=server.port,
        deadline=DEADLINE_SECONDS,
        patience=PATIENCE_SECONDS,
        tokens=tuple(client.token or "" for client in clients),
        sessions=tuple(f"{REALTIME}/sessions/{session}" for session in (other, *sessions[1:])),
        page=f"{REALTIME}/sessions/{sessions[0]}/messages?limit=100",
        run=f"{REALTIME}/runs/{reply.json['run_id']}/stream",
        email=clients[0].user["email"],
        password=PASSWORD,
    )
