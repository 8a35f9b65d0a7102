"""A client that keeps to the contract, whatever happens to the servers."""

import contextlib
import http.client
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from api.chat_client import PATIENCE_SECONDS, REALTIME, EventReader, Json
from torture.evidence import Asked, Evidence, Question, Transcript

SILENCE_SECONDS = 6.0
"""Three pings were missed: the network, or the server, is dead."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 1.0
CUT_BYTES = 20_000
SESSION_CHANCE = 0.3
"""How often a reader reconnects to the conversation instead of the run."""

REPEAT_CHANCE = 0.3
"""How often a reader reconnects by sending its message again, where that has a key."""

WITH_JSON = frozenset({200, 409, 502, 504})
AWAY = frozenset({502, 503, 504})
CUT = (http.client.HTTPException, OSError)

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The servers that a client may use, and until when it tries: `is_over` says that time is up.

    `told_end` is called at once for each terminal event; `cut_chance` is how often the client cuts
    its own connection, at a random byte.
    """

    send_to: Sequence[str]
    read_from: Sequence[str]
    token: str
    is_over: Callable[[], bool]
    told_end: Callable[[Transcript], None] = lambda _: None
    cut_chance: float = 0.3


class TortureClient:
    """Asks and reads; it notes as a problem any answer that the contract does not allow."""

    def __init__(self, place: Place, evidence: Evidence, seed: str) -> None:
        """Act at random, but always in the same way for one seed."""
        self._place = place
        self._evidence = evidence
        self._chance = random.Random(seed)  # noqa: S311 - so that a round can be repeated
        self._pause = FIRST_PAUSE_SECONDS

    def ask(self, question: Question) -> None:
        """Send a question until it is taken, and read its answer to the end."""
        asked = self._evidence.ask(question)
        send = self._send_blocking if question.is_blocking else self._send
        while not self._place.is_over():
            if send(asked):
                return
            if question.key is None and asked.unsure:
                return  # if it were sent again, it might be asked twice
            self._wait()

    def read_on(self, transcript: Transcript, asked: Question | None = None) -> None:
        """Read a run to its end, over as many connections as that takes.

        `asked` is the message that may be sent again for it.
        """
        while transcript.terminal is None and not self._place.is_over():
            self._visit(transcript, asked if asked and asked.key else None)
            if transcript.terminal is None:
                self._wait()

    def stop(self, asked: Asked, run_id: str) -> None:
        """Ask a run to stop, at any server."""
        asked.stopped = True
        path = f"{REALTIME}/runs/{run_id}/stop"
        with contextlib.suppress(*CUT), self._open("POST", path) as (_, reader):
            if reader.status not in AWAY | {http.HTTPStatus.ACCEPTED}:
                self._blame("stop", reader, run_id)

    def _send_blocking(self, asked: Asked) -> bool:
        """Ask for the answer as one JSON; False: the question must be sent again."""
        question = asked.question
        body = {"content": question.content, "session_id": question.session}
        headers = {"Idempotency-Key": question.key or ""}
        opened = self._open("POST", "/api/chat", body, headers, PATIENCE_SECONDS)
        with contextlib.suppress(*CUT), opened as (_, reader):
            reply = json.loads(reader.body()) if reader.status in WITH_JSON else {}
            if reader.status == http.HTTPStatus.OK:
                asked.run_ids.add(reply["run_id"])
                self._evidence.take_whole(reply)
                return True
            if "run_id" in reply:  # the run failed, or its end can be read in its stream
                asked.run_ids.add(reply["run_id"])
                self.read_on(self._evidence.read(reply["run_id"], question.session))
                return True
            self._refused(asked, reader, reply)
            return False
        asked.unsure = True
        return False

    def _send(self, asked: Asked) -> bool:
        """Send a question and read its answer; False: no server said that it was taken."""
        question = asked.question
        path = f"{REALTIME}/sessions/{question.session}/stream"
        headers = {"Idempotency-Key": question.key} if question.key else {}
        transcript = None
        opened = self._open("POST", path, {"content": question.content}, headers)
        with contextlib.suppress(*CUT), opened as (server, reader):
            if reader.status != http.HTTPStatus.OK:
                reply = json.loads(reader.body()) if reader.status in WITH_JSON else {}
                self._refused(asked, reader, reply)
                return False
            run_id = reader.headers["X-Run-Id"]
            asked.run_ids.add(run_id)
            transcript = self._evidence.read(run_id, question.session)
            transcript.visit(server, is_post=True)
            self._take_in(reader, transcript, asked)
        if transcript is None:
            asked.unsure = True
            return False
        self.read_on(transcript, question)
        return True

    def _refused(self, asked: Asked, reader: EventReader, reply: Json) -> None:
        """Wait for the run that is in the way; after any other refusal the turn may have begun."""
        if reader.status == http.HTTPStatus.CONFLICT:
            self.read_on(self._evidence.read(reply["active_run_id"], asked.question.session))
            return
        asked.unsure = True
        if reader.status not in AWAY:
            self._blame(f"send: {reply}", reader, asked.question.session)

    def _visit(self, transcript: Transcript, asked: Question | None) -> None:
        after = transcript.last_id
        headers = {} if after is None else {"Last-Event-ID": after}
        method, body, path = "GET", None, f"{REALTIME}/runs/{transcript.run_id}/stream"
        if after is not None and self._chance.random() < SESSION_CHANCE:
            path = f"{REALTIME}/sessions/{transcript.session}/stream"
        elif asked is not None and self._chance.random() < REPEAT_CHANCE:
            path = f"{REALTIME}/sessions/{transcript.session}/stream"
            method, body = "POST", {"content": asked.content}
            headers["Idempotency-Key"] = asked.key or ""
        opened = self._open(method, path, body, headers)
        with contextlib.suppress(*CUT), opened as (server, reader):
            if reader.status == http.HTTPStatus.OK:
                transcript.visit(server, is_post=False)
                self._take_in(reader, transcript)
            elif reader.status not in AWAY:
                self._blame(f"read after {after}", reader, transcript.run_id)

    def _take_in(
        self, reader: EventReader, transcript: Transcript, asked: Asked | None = None
    ) -> None:
        """Read until the end or a cut of the client's own; ask for a stop when it is due."""
        frames = iter(reader)
        if self._chance.random() < self._place.cut_chance:
            frames = reader.read_at_most(self._chance.randrange(CUT_BYTES))
        stop_after = None if asked is None else asked.question.stop_after
        for frame in frames:
            was_over = transcript.terminal is not None
            transcript.take(frame)
            self._pause = FIRST_PAUSE_SECONDS
            if was_over:
                self._evidence.blame(f"{transcript.run_id}: {frame.type} after the terminal event")
            elif frame.is_terminal:
                self._place.told_end(transcript)
            if asked is not None and len(transcript.pieces) == stop_after:
                stop_after = None
                self.stop(asked, transcript.run_id)

    @contextlib.contextmanager
    def _open(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        headers: Headers | None = None,
        patience: float = SILENCE_SECONDS,
    ) -> Iterator[tuple[str, EventReader]]:
        """Make a request at any server; give the server and its answer."""
        is_message = body is not None
        servers = self._place.send_to if is_message else self._place.read_from
        server = self._chance.choice(servers)
        connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=patience)
        sent = {"Authorization": f"Bearer {self._place.token}", **(headers or {})}
        if is_message:
            sent["Content-Type"] = "application/json"
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if is_message else None, sent)
            with EventReader(connection) as reader:
                yield server, reader

    def _wait(self) -> None:
        """Pause before the next try, as a client should: longer each time that no event came."""
        time.sleep(self._chance.uniform(0.5, 1.0) * self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def _blame(self, did: str, reader: EventReader, what: str) -> None:
        said = reader.body()[:300].decode(errors="replace")
        self._evidence.blame(f"{what}: {did}: {reader.status} {said}")
