"""A client of the API over real connections, as a phone has it; standard library only."""

import contextlib
import http.client
import json
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

PASSWORD = "seven quiet rivers run north"
REALTIME = "/api/chat/realtime"
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1
CUT = (http.client.HTTPException, OSError)
"""The errors with which a connection ends when its server goes away."""

PASSING = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response."""

    status: int
    headers: Mapping[str, str]
    json: Json


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it came; `id` None: it came without, empty: earlier ids are to be forgotten."""

    id: str | None
    event: Json

    @property
    def type(self) -> str:
        """Give the type of the event."""
        return str(self.event["type"])

    @property
    def is_terminal(self) -> bool:
        """Tell whether the event ends the run."""
        return self.type in ("done", "error")


@dataclass(slots=True)
class Answer:
    """What a reader has received of an answer, put together as the contract says."""

    text: str = ""
    last_id: str | None = None
    terminal: Json | None = None
    frames: list[Frame] = field(default_factory=list)

    def take(self, frame: Frame) -> None:
        """Add a frame.

        After a `resume` with the whole text, an earlier id means nothing any more.
        """
        self.frames.append(frame)
        if frame.id is not None:
            self.last_id = frame.id or None
        if frame.type == "content":
            self.text += frame.event["content"]
        elif frame.type == "start":
            self.text = ""
        elif frame.type == "resume" and not frame.event["recovered"]:
            assert frame.id == "", "an earlier id would be kept"
            self.text = frame.event["content"]
        elif frame.is_terminal:
            assert self.terminal is None, "a second terminal event"
            self.terminal = frame.event

    def types(self) -> list[str]:
        """Give the types of the events, in order."""
        return [frame.type for frame in self.frames]


class EventReader:
    """An open stream. Only whole frames count; a frame that was cut off is dropped."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        """Read the head of the response."""
        self._connection = connection
        self._response = connection.getresponse()
        self.status = self._response.status
        self.headers = dict(self._response.getheaders())
        self._buffer = b""

    def __iter__(self) -> Iterator[Frame]:
        """Read frames to the end of the stream."""
        while True:
            data = self._response.read1(65536)
            yield from self._frames(data)
            if not data:
                return

    def read_at_most(self, count: int) -> Iterator[Frame]:
        """Read at most `count` bytes, wherever that cuts, and give the frames that are whole."""
        while count > 0:
            data = self._response.read1(count)
            yield from self._frames(data)
            if not data:
                return
            count -= len(data)

    def first_bytes(self) -> bytes:
        """Read the first bytes that come, raw."""
        return self._response.read1(65536)

    def body(self) -> bytes:
        """Read everything, raw."""
        return self._response.read()

    def take_into(self, answer: Answer) -> Answer:
        """Read to the end of the stream into an answer, and close the connection."""
        with self:
            for frame in self:
                answer.take(frame)
        return answer

    def close(self) -> None:
        """Cut the connection at once, as a lost network does."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._response.close()
        self._connection.close()

    def __enter__(self) -> Self:
        """Use it as a context."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._response.close()
        self._connection.close()

    def _frames(self, data: bytes) -> Iterator[Frame]:
        self._buffer += data
        while b"\n\n" in self._buffer:
            raw, self._buffer = self._buffer.split(b"\n\n", 1)
            frame = parse_frame(raw)
            if frame is not None:
                yield frame


def parse_frame(raw: bytes) -> Frame | None:
    """Parse a frame; None: it is a comment."""
    fields = dict(line.partition(":")[::2] for line in raw.decode().splitlines())
    if "data" not in fields:
        return None
    event_id = fields.get("id")
    return Frame(event_id if event_id is None else event_id.strip(), json.loads(fields["data"]))


class ChatClient:
    """One account on one server."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """Talk to the server at `url`."""
        self._address = urlsplit(url).netloc
        self.token = token
        self.user: Json = {}

    @classmethod
    def registered(cls, url: str) -> Self:
        """Make a new account."""
        client = cls(url)
        body = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
        reply = client.call("POST", "/api/auth/register", body)
        assert reply.status == 201, reply
        client.token, client.user = reply.json["access_token"], reply.json["user"]
        return client

    def call(self, method: str, path: str, body: Json | None = None, **headers: str) -> Reply:
        """Make a request and read its whole JSON; `Last_Event_ID=...` gives a header."""
        with EventReader(self._request(method, path, body, headers)) as reader:
            raw = reader.body()
        return Reply(reader.status, reader.headers, json.loads(raw) if raw else {})

    def open(self, method: str, path: str, body: Json | None = None, **headers: str) -> EventReader:
        """Make a request and read it as a stream."""
        return EventReader(self._request(method, path, body, headers))

    def new_session(self, **fields: object) -> str:
        """Make a session and give its id."""
        reply = self.call("POST", f"{REALTIME}/sessions", dict(fields))
        assert reply.status == 201, reply
        return str(reply.json["id"])

    def send(self, session_id: str, content: str, **fields: object) -> EventReader:
        """Send a message and read its answer."""
        body = {"content": content, **fields}
        return self.open("POST", f"{REALTIME}/sessions/{session_id}/stream", body)

    def begin(self, session_id: str, content: str, **fields: object) -> str:
        """Send a message and leave after its first event; give the run's id."""
        with self.send(session_id, content, **fields) as reader:
            assert reader.status == 200, reader.body()
            return reader.headers["X-Run-Id"]

    def follow(self, run_id: str, last_id: str | None = None) -> EventReader:
        """Read a run, from its start or after an event."""
        headers = {} if last_id is None else {"Last_Event_ID": last_id}
        return self.open("GET", f"{REALTIME}/runs/{run_id}/stream", None, **headers)

    def read_on(self, run_id: str, answer: Answer | None = None) -> Answer:
        """Read a run to its end, and reconnect where a stream ends without a terminal event."""
        answer = answer or Answer()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while answer.terminal is None:
            assert time.monotonic() < deadline, answer.types()
            with contextlib.suppress(*CUT), self.follow(run_id, answer.last_id) as reader:
                if reader.status == HTTPStatus.OK:
                    reader.take_into(answer)
                else:
                    assert reader.status in PASSING, reader.body()
            if answer.terminal is None:
                time.sleep(PAUSE_SECONDS)
        return answer

    def run(self, run_id: str) -> Json:
        """Read a run's state."""
        return self.call("GET", f"{REALTIME}/runs/{run_id}").json

    def stop(self, run_id: str) -> Reply:
        """Ask a run to stop."""
        return self.call("POST", f"{REALTIME}/runs/{run_id}/stop")

    def messages(self, session_id: str) -> list[Json]:
        """Read the newest messages of a session, oldest first."""
        items: list[Json] = self.call(
            "GET", f"{REALTIME}/sessions/{session_id}/messages?limit=100"
        ).json["items"]
        return items

    def _request(
        self, method: str, path: str, body: Json | None, headers: Mapping[str, str]
    ) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE_SECONDS)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        return connection
