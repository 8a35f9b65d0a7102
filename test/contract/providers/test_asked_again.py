"""A second call is made without the SDK: it goes out, fails and is reported as the first."""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from wires.calls import Outcome, ask, provider_of
from wires.fixtures import WireServer
from wires.openai_wire import END, HELLO
from wires.subjects import base_url_of, model_of

from services.providers.base import Provider

BY_SDK = ("openai", "anthropic")


@pytest.fixture(params=BY_SDK)
def kind(request: pytest.FixtureRequest) -> str:
    """Name an adapter whose SDK makes the first request."""
    return str(request.param)


@pytest.fixture
def fresh(kind: str, wire: WireServer) -> Iterator[Provider]:
    """Give an adapter that has made no call yet."""
    made = provider_of(kind, base_url_of(kind, wire.url), models=(model_of(kind),))
    yield made
    made.close()


@pytest.fixture
def known(kind: str, wire: WireServer) -> Iterator[Provider]:
    """Give an adapter whose request is known."""
    made = provider_of(kind, base_url_of(kind, wire.url), models=(model_of(kind),))
    assert ask(made, model="plain").error is None
    yield made
    made.close()


def told(outcome: Outcome) -> object:
    """Give what matters of a failure."""
    error = outcome.failure
    return type(error), error.code, error.detail, error.retryable, error.retry_after, outcome.text


def test_the_second_request_is_the_first_one_with_another_body(
    fresh: Provider, wire: WireServer
) -> None:
    ask(fresh, "Grüße", model="plain", system_prompt="Be brief.")
    first = wire.seen()

    ask(fresh, "Grüße 👋 \u2028", model="plain", system_prompt="Be brief.")
    second = wire.seen()

    assert second["headers"].keys() == first["headers"].keys()
    changed = {name for name, value in first["headers"].items() if second["headers"][name] != value}
    assert changed == {"content-length"}
    assert {**second["last"], "messages": []} == {**first["last"], "messages": []}
    assert second["last"]["messages"][-1]["content"] == "Grüße 👋 \u2028"


@pytest.mark.parametrize(
    "scenario",
    ["fails", "status-500", "rate-limited", "unauthorized", "redirect", "stall-first", "html"],
)
def test_a_failure_of_the_second_call_is_told_as_one_of_the_first(
    fresh: Provider, known: Provider, scenario: str
) -> None:
    assert told(ask(known, model=scenario)) == told(ask(fresh, model=scenario))


@contextmanager
def answering(*answers: bytes, asked: list[bytes] | None = None) -> Generator[str, None, None]:
    """Serve a connection for each answer, one after the other, and close after the last.

    What comes is kept in `asked`.
    """
    heard = [] if asked is None else asked
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            for answer in answers:
                with listener.accept()[0] as connection:
                    heard.append(connection.recv(1 << 16))
                    connection.sendall(answer)
            listener.close()

        Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{port}/v1"


WHOLE = b"".join(
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n",
        *(step for step in (*HELLO, *END) if isinstance(step, bytes)),
    ]
)

LISTING = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\n"
    b'Connection: close\r\nContent-Length: 11\r\n\r\n{"data":[]}'
)


def test_what_a_server_has_set_before_is_not_repeated_for_ever() -> None:
    asked: list[bytes] = []
    with answering(LISTING, WHOLE, WHOLE, asked=asked) as url:
        provider = provider_of("openai", url)
        provider.list_models()
        assert [ask(provider, model="plain").error for _ in range(2)] == [None, None]
    provider.close()

    assert len(asked) == 3
    assert b"cookie" not in asked[2].lower()


@pytest.mark.parametrize("later", [(), (b"",)], ids=["gone", "closes without an answer"])
def test_a_server_that_does_not_answer_the_second_call_is_unreachable(
    later: tuple[bytes, ...],
) -> None:
    with answering(WHOLE, *later) as url:
        provider = provider_of("openai", url)
        assert ask(provider, model="plain").error is None

        failure = ask(provider, model="plain").failure

    assert (failure.code, failure.retryable) == ("upstream_unreachable", True)
    provider.close()
