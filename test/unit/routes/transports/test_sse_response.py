"""The response that streams: its headers, and the place of its reader."""

import gevent
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from worlds.followed import Followed
from worlds.log_events import DONE, START

from routes.transports.sse import StreamTimes, sse_response
from services.domain.events import Content

TIMES = StreamTimes(reconnect_seconds=0.25)


@pytest.fixture
def followed() -> Followed:
    """Make a run that has ended."""
    followed = Followed()
    for event in (START, Content("all"), DONE):
        followed.writer.append(event)
    return followed


@pytest.fixture
def client(followed: Followed) -> FlaskClient:
    """Serve it at /."""
    app = Flask(__name__)

    @app.get("/")
    def read() -> Response:
        return sse_response(followed.follow(), TIMES)

    return app.test_client()


def test_all_frames_come_and_the_place_is_given_back(
    client: FlaskClient, followed: Followed
) -> None:
    response = client.get("/", buffered=True)
    assert response.data.count(b"\n\n") == 3
    assert len(followed.followers) == 0


def test_the_first_frame_tells_once_after_what_pause_to_come_back(client: FlaskClient) -> None:
    body = client.get("/", buffered=True).data
    assert body.startswith(b'retry: 250\ndata: {"type":"start"')
    assert body.count(b"retry:") == 1


def test_the_headers_keep_proxies_from_holding_frames_back(client: FlaskClient) -> None:
    headers = client.get("/").headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache, no-transform"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["X-Run-Id"] == "run"
    assert "Content-Length" not in headers


def test_a_head_request_gives_its_place_back(client: FlaskClient, followed: Followed) -> None:
    assert client.head("/", buffered=True).status_code == 200
    assert len(followed.followers) == 0


def test_a_reader_that_leaves_before_its_first_frame_gives_its_place_back(
    client: FlaskClient, followed: Followed
) -> None:
    response = client.get("/")
    assert len(followed.followers) == 1
    response.close()
    assert len(followed.followers) == 0


def test_a_reader_that_leaves_in_the_middle_gives_its_place_back(
    client: FlaskClient, followed: Followed
) -> None:
    followed.writer = followed.open("run")
    followed.writer.append(START)
    response = client.get("/")
    assert next(response.iter_encoded()).endswith(b"\nid: run.1.1\n\n")
    response.close()
    assert len(followed.followers) == 0


@pytest.mark.parametrize("frames_read", [0, 1])
def test_a_response_that_is_closed_twice_gives_one_place_back(
    client: FlaskClient, followed: Followed, frames_read: int
) -> None:
    followed.writer = followed.open("run")
    followed.writer.append(START)
    other = followed.follow()
    response = client.get("/")
    for _ in range(frames_read):
        next(response.iter_encoded())

    response.close()
    response.close()

    assert len(followed.followers) == 1
    other.close()
    assert len(followed.followers) == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_streams_are_read_in_turn_and_closed_in_any_order(
    client: FlaskClient, followed: Followed, order: tuple[int, ...]
) -> None:
    followed.writer = followed.open("run")
    followed.writer.append(START)
    responses = [client.get("/") for _ in order]
    bodies = [response.iter_encoded() for response in responses]
    for text in ("a", "b"):
        assert all(b"\nid: run.1." in next(body) for body in bodies)
        followed.writer.append(Content(text))

    for number in order:
        responses[number].close()

    assert len(followed.followers) == 0


def test_a_stream_may_be_closed_by_another_greenlet(
    client: FlaskClient, followed: Followed
) -> None:
    followed.writer = followed.open("run")
    followed.writer.append(START)
    response = client.get("/")
    next(response.iter_encoded())

    gevent.spawn(response.close).get(timeout=10)

    assert len(followed.followers) == 0
