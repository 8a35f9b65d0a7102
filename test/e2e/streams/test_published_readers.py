"""Readers that people have, as published and as our page shows them, over a network that breaks."""

import random
from pathlib import Path

import pytest
from api.chat_client import ChatClient
from api.published_readers import PublishedReader
from stack.columns import Column
from stack.cut_proxy import Cut, CutProxy
from stack.server_process import ServerProcess, StartServer

READERS = [
    "`@microsoft/fetch-event-source`",
    "`eventsource`",
    "`httpx`",
    "`httpx-sse`",
    "`requests`",
]
CUTS = 20
SPOKEN = "Grüße\u2028你好\u2029 \x85 “¿qué tal?”\r\n👋🏽\n\n"
TEXT = "".join(f"{number} {SPOKEN}" for number in range(120)) + "the end"
QUICK = {"RATE_LIMIT_ENABLED": "false", "RECONNECT_SECONDS": "0.05"}

by_each_reader = pytest.mark.parametrize("name", READERS)


@pytest.fixture(scope="module")
def shared_server(start_shared: StartServer) -> ServerProcess:
    """Start a server whose readers come back soon, and that keeps no log of an ended answer."""
    return start_shared(QUICK | {"LOG_KEEP_SECONDS": "0"})


@pytest.fixture
def client(shared_server: ServerProcess) -> ChatClient:
    """Give a user."""
    return ChatClient.registered(shared_server.url)


@by_each_reader
def test_an_answer_is_read_through_twenty_cuts_to_the_byte(
    name: str, client: ChatClient, proxy: CutProxy, tmp_path: Path
) -> None:
    session, chance = client.new_session(), random.Random(name)  # noqa: S311 - repeatable cuts
    proxy.cut_streams(
        # At any byte; each third time after a greeting that recovered nothing.
        Cut(chance.randrange(2500)) if number % 3 else Cut(0, loses_place=True)
        for number in range(CUTS)
    )

    text = PublishedReader.of(name).ask(
        tmp_path, proxy.url, str(client.token), session, f"/slow 4 /echo {TEXT}"
    )

    _, answer = client.messages(session)  # sent over and over, it is one message
    assert text.encode() == answer["content"].encode() == TEXT.encode()
    assert proxy.cuts_done == CUTS


@by_each_reader
def test_an_answer_whose_log_is_gone_is_read_through_cuts_to_the_byte(
    name: str, client: ChatClient, column: Column, proxy: CutProxy, tmp_path: Path
) -> None:
    session, chance = client.new_session(), random.Random(name)  # noqa: S311 - repeatable cuts
    proxy.cut_streams(Cut(chance.randrange(1500)) for _ in range(5))

    text = PublishedReader.of(name).ask(
        tmp_path, proxy.url, str(client.token), session, f"/slow 0 /echo {TEXT}"
    )

    _, answer = client.messages(session)
    assert text.encode() == answer["content"].encode() == TEXT.encode()
    assert proxy.cuts_done == CUTS


@by_each_reader
def test_a_refusal_ends_the_reading(
    name: str, shared_server: ServerProcess, client: ChatClient, tmp_path: Path
) -> None:
    reader = PublishedReader.of(name)

    with pytest.raises(AssertionError, match="401"):
        reader.ask(tmp_path, shared_server.url, "no token", client.new_session(), "Hello")
