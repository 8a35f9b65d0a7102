"""One account's calls of the API inside the test's own process, streams included."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Self

from api.accounts import Account, sign_up
from api.chat_client import REALTIME, Answer, Frame, Json, parse_frame
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SLOWEST = "/slow 60000 /long 3"
"""A message whose answer does not begin within a test: its run is active until it is stopped."""


def refused(response: TestResponse, status: int, code: str) -> Json:
    """Check that a response is this problem, and give its document."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    problem: Json = response.get_json()
    assert problem["code"] == code, problem
    return problem


class ApiStream:
    """An event stream, of which only as much is read as a test asks for."""

    def __init__(self, response: TestResponse) -> None:
        """Take a response that may also be a refusal."""
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self._chunks = response.iter_encoded()
        self._frames = self._parsed()

    def __iter__(self) -> Iterator[Frame]:
        """Read frames to the end of the stream."""
        return self._frames

    def read(self, count: int) -> list[Frame]:
        """Read so many frames."""
        return list(islice(self._frames, count))

    def answer(self) -> Answer:
        """Read to the end; exactly one terminal event must have come, as the last one."""
        assert self.status == 200, self.response.text
        answer = Answer()
        for frame in self._frames:
            assert answer.terminal is None, "an event after the terminal one"
            answer.take(frame)
        assert answer.terminal is not None, answer.types()
        self.close()
        return answer

    def close(self) -> None:
        """Leave, as a client that closes its connection does."""
        self.response.close()

    def _parsed(self) -> Iterator[Frame]:
        buffer = b""
        for chunk in self._chunks:
            *whole, buffer = (buffer + chunk).split(b"\n\n")
            yield from (frame for raw in whole if (frame := parse_frame(raw)) is not None)
        assert buffer == b"", "the last frame is not whole"


class ApiUser:
    """An account that is logged in. Paths that do not begin with /api are below REALTIME."""

    def __init__(self, client: FlaskClient, account: Account) -> None:
        """Call through this client."""
        self.client = client
        self.account = account

    @classmethod
    def of(cls, app: Flask, email: str = "ann@example.org") -> Self:
        """Make an account in an application."""
        client = app.test_client()
        return cls(client, sign_up(client, email))

    def call(
        self, method: str, path: str, body: object = None, **headers: str | None
    ) -> TestResponse:
        """Make a request; `Idempotency_Key="x"` gives a header, None leaves it out."""
        url = path if path.startswith("/api") else f"{REALTIME}{path}"
        given = {name.replace("_", "-"): value for name, value in headers.items() if value}
        sent = {**self.account.headers, **given}
        options: dict[str, Any] = {} if body is None else {"json": body}
        return self.client.open(url, method=method, headers=sent, **options)

    def get(self, path: str, **headers: str) -> TestResponse:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: object = None, **headers: str | None) -> TestResponse:
        """POST."""
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: object) -> TestResponse:
        """PATCH."""
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> TestResponse:
        """DELETE."""
        return self.call("DELETE", path)

    def json(self, path: str) -> Json:
        """Read a JSON document, which must be there."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        found: Json = response.get_json()
        return found

    def new_session(self, **fields: object) -> str:
        """Make a session and give its id."""
        response = self.post("/sessions", fields)
        assert response.status_code == 201, response.text
        return str(response.get_json()["id"])

    def send(
        self, session_id: str, content: str, *, key: str | None = None, **fields: object
    ) -> ApiStream:
        """Send a message and read its answer."""
        body = {"content": content, **fields}
        return ApiStream(self.post(f"/sessions/{session_id}/stream", body, Idempotency_Key=key))

    def ask(self, session_id: str, text: str = "one two", **fields: Any) -> Answer:
        """Have a text echoed, and read the answer to its end."""
        return self.send(session_id, f"/slow 0 /echo {text}", **fields).answer()

    def hold(self, session_id: str) -> str:
        """Begin a run that is active until it is stopped, and leave; give the run's id."""
        stream = self.send(session_id, SLOWEST)
        assert stream.status == 200, stream.response.text
        stream.close()
        return stream.headers["X-Run-Id"]

    def stop(self, run_id: str) -> Answer:
        """Stop a run and read it to its end."""
        assert self.post(f"/runs/{run_id}/stop").status_code == 202
        return self.follow(run_id).answer()

    def follow(self, run_id: str, last_id: str = "") -> ApiStream:
        """Read a run, from its start or after an event."""
        return self._read(f"/runs/{run_id}/stream", last_id)

    def attach(self, session_id: str, last_id: str = "") -> ApiStream:
        """Read on in a session."""
        return self._read(f"/sessions/{session_id}/stream", last_id)

    def messages(self, session_id: str, query: str = "") -> list[Json]:
        """Read a page of messages."""
        items: list[Json] = self.json(f"/sessions/{session_id}/messages?{query}")["items"]
        return items

    def _read(self, path: str, last_id: str) -> ApiStream:
        headers = {"Last_Event_ID": last_id} if last_id else {}
        return ApiStream(self.get(path, **headers))


def walked(user: ApiUser, path: str, limit: int = 1) -> list[list[Json]]:
    """Read all pages of a list, by the cursor and by the `Link` header, which must agree."""
    mark = "&" if "?" in path else "?"
    pages: list[list[Json]] = []
    next_path: str | None = f"{path}{mark}limit={limit}"
    while next_path is not None:
        response = user.get(next_path)
        page = response.get_json()
        assert response.status_code == 200, page
        assert set(page) == {"items", "next_cursor"}
        pages.append(page["items"])
        cursor, link = page["next_cursor"], response.headers.get("Link")
        assert (cursor is None) == (link is None)
        next_path = None
        if link is not None:
            address, _, relation = link.partition("; ")
            assert relation == 'rel="next"'
            next_path = address.strip("<>")
            assert f"cursor={cursor}" in next_path
    return pages
