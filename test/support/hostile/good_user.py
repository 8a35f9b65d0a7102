"""A user who streams, searches and logs in, and notes how long each took."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from api.chat_client import CUT, PASSWORD, REALTIME, ChatClient, EventReader, Json

PATIENCE_SECONDS = 15.0
HOMES = [f"127.0.1.{number}" for number in range(1, 21)]
"""Where the user logs in: so many addresses that no limit of an address is met."""

PACE_SECONDS = 0.04
SHARE = 0.9
"""The slowest tenth of all waits may be the machine's: what the others waited is judged."""

STREAM, SEARCH, LOGIN, HEALTH = "the next word", "a search", "a login", "/health"


@dataclass(slots=True)
class Waits:
    """How long a user waited, in seconds, by what for; and what failed."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, what: str, seconds: float) -> None:
        """Note a wait."""
        self.seconds.setdefault(what, []).append(seconds)

    def usual(self, what: str) -> float:
        """Give the wait that most waits did not exceed."""
        ordered = sorted(self.seconds.get(what, [0.0]))
        return ordered[min(len(ordered) - 1, int(len(ordered) * SHARE))]

    def beyond(self, quiet: "Waits", seconds: float) -> list[str]:
        """Say what took so much longer than in a quiet time, or failed."""
        return self.failures + [
            f"{what}: {self.usual(what) * 1000:.0f} ms, {quiet.usual(what) * 1000:.0f} ms before"
            for what in self.seconds
            if self.usual(what) - quiet.usual(what) > seconds
        ]

    def shown(self) -> str:
        """Write down what most waits did not exceed."""
        return ", ".join(f"{what} {self.usual(what) * 1000:.0f} ms" for what in self.seconds)


class GoodUser:
    """An account with a conversation. It acts over new connections, as a page does."""

    def __init__(self, url: str) -> None:
        """Make the account, and a conversation in which there is something to find."""
        self._client = ChatClient.registered(url)
        self._address = url.removeprefix("http://")
        self._session = self._client.new_session(title="a title to be found")
        self._logins = 0
        for home in HOMES:
            assert not self._log_in(home)

    def act(self, seconds: float) -> Waits:
        """Read an answer that takes so long; search, log in and ask for /health meanwhile."""
        waits, is_over = Waits(), threading.Event()
        beside = (
            (SEARCH, 0.05, lambda: self._ask(f"{REALTIME}/sessions?q=found")),
            (HEALTH, 0.02, lambda: self._ask("/health")),
            (LOGIN, seconds / 5, self._log_in),
        )
        threads = [
            threading.Thread(target=_repeat, args=(waits, is_over, *one), daemon=True)
            for one in beside
        ]
        for thread in threads:
            thread.start()
        try:
            self._read(waits, max(2, round(seconds / PACE_SECONDS)))
        except CUT as exc:
            waits.failures.append(f"{STREAM}: {exc!r}")
        is_over.set()
        for thread in threads:
            thread.join()
        return waits

    def _read(self, waits: Waits, words: int) -> None:
        path = f"{REALTIME}/sessions/{self._session}/stream"
        told = f"/slow {round(PACE_SECONDS * 1000)} /long {words}"
        body = {"content": told, "provider": "scripted"}
        began = time.perf_counter()
        with self._open("POST", path, body) as reader:
            if reader.status != http.HTTPStatus.OK:
                waits.failures.append(f"{STREAM}: {reader.status} {reader.body()[:200]!r}")
                return
            last = ""
            for frame in reader:
                now = time.perf_counter()
                waits.add(STREAM, now - began)
                began, last = now, frame.type
            if last != "done":
                waits.failures.append(f"{STREAM}: ended with {last}")

    def _ask(self, path: str) -> str:
        with self._open("GET", path) as reader:
            body = reader.body()
            return "" if reader.status == http.HTTPStatus.OK else f"{reader.status} {body[:200]!r}"

    def _log_in(self, home: str = "") -> str:
        self._logins += 1
        home = home or HOMES[self._logins % len(HOMES)]
        body = {"email": self._client.user["email"], "password": PASSWORD}
        with self._open("POST", "/api/auth/login", body, home) as reader:
            told = reader.body()
            return "" if reader.status == http.HTTPStatus.OK else f"{reader.status} {told[:200]!r}"

    def _open(
        self, method: str, path: str, body: Json | None = None, home: str = "127.0.0.1"
    ) -> EventReader:
        connection = http.client.HTTPConnection(
            self._address, timeout=PATIENCE_SECONDS, source_address=(home, 0)
        )
        headers: Mapping[str, str] = {
            "Authorization": f"Bearer {self._client.token}",
            "Content-Type": "application/json",
        }
        connection.request(method, path, json.dumps(body) if body else None, headers)
        return EventReader(connection)


def _repeat(
    waits: Waits, is_over: threading.Event, what: str, pause: float, do: Callable[[], str]
) -> None:
    while not is_over.is_set():
        began = time.perf_counter()
        try:
            failure = do()
        except CUT as exc:
            failure = repr(exc)
        waits.add(what, time.perf_counter() - began)
        if failure:
            waits.failures.append(f"{what}: {failure}")
        is_over.wait(pause)
