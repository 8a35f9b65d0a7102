"""A page whose network goes away and returns: it heals without a click."""

from collections.abc import Iterator

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import Browser, BrowserContext, expect
from stack.cut_proxy import CutProxy

pytestmark = [pytest.mark.xdist_group("network"), SEEN_ON_BOTH]

QUICK = "/slow 0 /echo "
SLOW = "/long 400 /slow 10"


@pytest.fixture
def client(context: BrowserContext, proxy: CutProxy, complaints: list[str]) -> Iterator[WebClient]:
    """Open the page behind a network that can be cut; nothing else may be complained about."""
    client = WebClient(context.new_page(), proxy.url)
    client.register()
    client.send(f"{QUICK}apples")
    client.wait_for_end()
    yield client
    assert [text for text in complaints if "net::ERR" not in text] == []


@pytest.fixture
def other(client: WebClient, browser: Browser, proxy: CutProxy) -> Iterator[WebClient]:
    """Open the conversation on another device."""
    context = browser.new_context()
    other = WebClient(context.new_page(), proxy.url, client.email)
    other.log_in()
    other.page.get_by_role("link", name="apples").click()
    other.wait_for_end()
    yield other
    context.close()


def test_a_conversation_that_did_not_load_comes_when_the_network_is_back(
    client: WebClient, proxy: CutProxy
) -> None:
    client.page.click("#new")

    proxy.go_down()
    client.page.get_by_role("link", name="apples").click()
    problem = client.page.get_by_role("region", name="Messages").get_by_role("alert")
    expect(problem).to_contain_text("Trying again", timeout=PATIENCE_MS)
    proxy.come_back()

    expect(client.page.locator(".message")).to_have_count(2, timeout=PATIENCE_MS)
    expect(problem).to_have_count(0)


def test_a_list_that_did_not_load_comes_when_the_network_is_back(
    client: WebClient, proxy: CutProxy
) -> None:
    client.make_sessions("boats")
    proxy.go_down()
    client.page.fill("#search", "boats")
    status = client.page.locator("#sessions-status")
    expect(status).to_contain_text("Trying again", timeout=PATIENCE_MS)
    proxy.come_back()

    expect(client.page.locator(".session .title")).to_have_text(["boats"], timeout=PATIENCE_MS)
    expect(status).to_have_text("")


def test_a_page_without_a_network_says_so_and_shows_later_what_it_missed(
    client: WebClient, other: WebClient, context: BrowserContext
) -> None:
    context.set_offline(offline=True)
    expect(client.page.locator("#connection")).to_contain_text("cannot be reached")
    other.send(f"{QUICK}pears")
    expect(other.page.locator(".message")).to_have_count(4)
    other.wait_for_end()
    context.set_offline(offline=False)

    expect(client.page.locator(".message")).to_have_count(4, timeout=PATIENCE_MS)
    expect(client.page.locator("#connection")).to_be_hidden(timeout=PATIENCE_MS)
    assert client.text == "pears"


def test_a_message_that_did_not_go_out_can_be_sent_when_the_network_is_back(
    client: WebClient, context: BrowserContext
) -> None:
    sends = client.requests("/stream")
    context.set_offline(offline=True)
    client.send(f"{QUICK}are you there?")
    client.wait_for_end("failed")

    context.set_offline(offline=False)
    client.page.get_by_role("button", name="Try again").click()
    client.wait_for_end()

    questions = [m["content"] for m in client.stored_messages() if m["role"] == "user"]
    assert questions == [f"{QUICK}apples", f"{QUICK}are you there?"]
    assert len({r.headers["idempotency-key"] for r in sends if r.method == "POST"}) == 1


def test_the_connection_is_made_anew_when_the_network_comes_back(client: WebClient) -> None:
    """The old one is often dead then, and nobody says so."""
    readings = client.requests("/stream")
    client.send(SLOW)
    client.wait_for_words(200)

    client.page.evaluate("() => dispatchEvent(new Event('online'))")
    client.wait_for_end()

    assert client.text == client.stored_messages()[-1]["content"]
    assert len(readings) == 2
    assert readings[1].headers["last-event-id"]


def test_an_unsent_message_stays_when_another_one_arrives(
    client: WebClient, other: WebClient, context: BrowserContext
) -> None:
    context.set_offline(offline=True)
    client.send(f"{QUICK}mine")
    client.wait_for_end("failed")
    other.send(f"{QUICK}theirs")
    expect(other.page.locator(".message")).to_have_count(4)
    other.wait_for_end()

    context.set_offline(offline=False)
    questions = client.page.locator(".message.user .text")
    expect(questions).to_have_text(
        [f"{QUICK}{text}" for text in ("apples", "theirs", "mine")], timeout=PATIENCE_MS
    )
    client.page.get_by_role("button", name="Try again").click()
    client.wait_for_end()

    assert client.text == "mine"
    assert len(client.stored_messages()) == 6
