"""Readers that people have, as published and as our page shows them, over a network that breaks."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from api.chat_client import ChatClient
from api.published_readers import PAGE, PublishedReader
from api.web_client import SEEN_ON_BOTH
from playwright.sync_api import Browser
from source_tree import ROOT
from stack.cut_proxy import FRAME_END, Cut, CutProxy
from stack.server_process import ServerProcess, StartServer

READERS = [
    "`@microsoft/fetch-event-source`",
    "`eventsource`",
    "`httpx`",
    "`httpx-sse`",
    "`requests`",
]
CUTS = 20
GREETED = Cut(behind=FRAME_END, loses_place=True)
HEAD_BYTES = 800
SPOKEN = "Grüße\u2028你好\u2029 \x85 “¿qué tal?”\r\n👋🏽\n\n"
TEXT = "".join(f"{number} {SPOKEN}" for number in range(120)) + "the end"
QUICK = {"RATE_LIMIT_ENABLED": "false", "RECONNECT_SECONDS": "0.05"}

READ_IN_PAGE = """
async ([code, run]) => {
  const module = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  return (await import(module)).read(run);
}
"""

OWN_FETCH = re.compile(r"^ *// It takes an id.*?lastId \} \}\),\n", re.DOTALL | re.MULTILINE)
"""What the example does so that a cut before the last byte of a frame loses nothing either."""

by_each_reader = pytest.mark.parametrize("name", READERS)


@pytest.fixture(scope="module")
def shared_server(start_shared: StartServer) -> ServerProcess:
    """Start a server whose readers come back soon, and that keeps no log of an ended answer."""
    return start_shared(QUICK | {"LOG_KEEP_SECONDS": "0"})


@pytest.fixture
def client(shared_server: ServerProcess) -> ChatClient:
    """Give a user."""
    return ChatClient.registered(shared_server.url)


def cuts(seed: str, first: int = 0) -> Iterator[Cut]:
    """Cut at any byte, and each third time right after a greeting that recovered nothing."""
    chance = random.Random(seed)  # noqa: S311 - repeatable cuts
    for number in range(CUTS):
        yield Cut(chance.randrange(first, 2500)) if number % 3 else GREETED


@by_each_reader
def test_an_answer_is_read_through_twenty_cuts_to_the_byte(
    name: str, client: ChatClient, proxy: CutProxy, tmp_path: Path
) -> None:
    session = client.new_session()
    proxy.cut_streams(cuts(name))

    text = PublishedReader.of(name).ask(
        tmp_path, proxy.url, str(client.token), session, f"/slow 4 /echo {TEXT}"
    )

    _, answer = client.messages(session)  # sent over and over, it is one message
    assert text.encode() == answer["content"].encode() == TEXT.encode()
    assert proxy.cuts_done == CUTS


@by_each_reader
def test_a_network_that_falls_silent_is_noticed(
    name: str, client: ChatClient, proxy: CutProxy, tmp_path: Path
) -> None:
    session = client.new_session()
    proxy.cut_streams([Cut(3000, silent=True), Cut(0, silent=True)])

    text = (
        PublishedReader.of(name)
        .impatient()
        .ask(tmp_path, proxy.url, str(client.token), session, f"/slow 4 /echo {TEXT}")
    )

    assert text == client.messages(session)[-1]["content"] == TEXT
    assert proxy.cuts_done == 2


@SEEN_ON_BOTH
@pytest.mark.parametrize("place", [b"\nda", b'"content":"', b'"}', b"\nid: 0"])
def test_a_reader_that_takes_an_id_with_its_line_loses_nothing_that_is_cut_before_the_lines_end(
    place: bytes, client: ChatClient, proxy: CutProxy, tmp_path: Path
) -> None:
    session, reader = client.new_session(), PublishedReader.of(READERS[0])
    plain = OWN_FETCH.sub("", reader.code)
    assert plain != reader.code
    proxy.cut_streams(Cut(1000 + 100 * number, behind=place) for number in range(CUTS))

    text = replace(reader, code=plain).ask(
        tmp_path, proxy.url, str(client.token), session, f"/slow 4 /echo {TEXT}"
    )

    assert text == client.messages(session)[-1]["content"] == TEXT
    assert proxy.cuts_done == CUTS


@SEEN_ON_BOTH
def test_the_browsers_own_reader_reads_through_twenty_cuts_behind_a_server_that_adds_the_token(
    browser: Browser, client: ChatClient, proxy: CutProxy
) -> None:
    session = client.new_session()
    run = client.begin(session, f"/slow 4 /echo {TEXT}")
    token = {"Authorization": f"Bearer {client.token}"}
    reader = PublishedReader.of("The browser's own `EventSource`")
    with closing(browser.new_context(bypass_csp=True, extra_http_headers=token)) as context:
        page = context.new_page()
        page.goto(f"{proxy.url}/health")
        # Over plain HTTP a browser takes half a head for a whole one, and that for a refusal.
        proxy.cut_streams(cuts("EventSource", first=HEAD_BYTES))

        text = page.evaluate(READ_IN_PAGE, [reader.code, run])

    assert text == client.messages(session)[-1]["content"] == TEXT
    assert proxy.cuts_done == CUTS


def test_the_page_names_the_versions_that_are_tested() -> None:
    npm = json.loads((ROOT / "test" / "package.json").read_text())["dependencies"]
    pinned = (ROOT / "requirements-dev.txt").read_text() + (ROOT / "requirements.txt").read_text()
    named = dict(re.findall(r"^\| \[`([^`]+)`\]\(#.*?\) ([\d.]+)", PAGE.read_text(), re.MULTILINE))

    assert len(named) == len(READERS)
    for name, version in named.items():
        assert npm.get(name) == version or f"\n{name}=={version}" in pinned, name


@by_each_reader
def test_a_refusal_ends_the_reading(
    name: str, shared_server: ServerProcess, client: ChatClient, tmp_path: Path
) -> None:
    reader = PublishedReader.of(name)

    with pytest.raises(AssertionError, match="401"):
        reader.ask(tmp_path, shared_server.url, "no token", client.new_session(), "Hello")
