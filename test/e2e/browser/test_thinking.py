"""While a model thinks, the page shows that something moves; to listeners it says so once."""

import re
from collections.abc import Iterator

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import Browser, Page, expect
from stack.server_process import ServerProcess

pytestmark = [pytest.mark.xdist_group("thinking"), SEEN_ON_BOTH]

THINKING = "/reasoning /slow 400 /long 20"
MOVING = """() => document.getAnimations()
  .filter((one) => one.playState === "running" && one.effect.target.checkVisibility()).length"""


@pytest.fixture
def calm(browser: Browser, shared_server: ServerProcess) -> Iterator[WebClient]:
    """Open the page as somebody who asked for less motion."""
    context = browser.new_context(reduced_motion="reduce")
    client = WebClient(context.new_page(), shared_server.url)
    client.register()
    yield client
    context.close()


def moving(page: Page) -> int:
    count: int = page.evaluate(MOVING)
    return count


def stop(client: WebClient) -> None:
    client.page.get_by_role("button", name="Stop").click()
    client.wait_for_end("stopped")


def test_a_thinking_model_moves_and_counts_the_seconds(client: WebClient) -> None:
    client.send(THINKING)
    summary = client.answer.locator("summary")

    expect(summary).to_contain_text("Thinking", timeout=PATIENCE_MS)
    expect(summary).to_contain_text("2 s", timeout=PATIENCE_MS)
    assert moving(client.page) > 0
    expect(summary).to_contain_text("3 s", timeout=PATIENCE_MS)
    stop(client)

    expect(summary).to_contain_text("Thought for")
    assert moving(client.page) == 0
    expect(client.answer.locator(".foot")).to_contain_text("Stopped before the first word")


def test_thinking_ends_with_the_first_word(client: WebClient) -> None:
    client.send("/reasoning /slow 150 /long 60")
    client.wait_for_words(1)

    expect(client.answer.locator("summary")).to_contain_text("Thought for")
    expect(client.answer.locator("summary .pace")).to_be_hidden()
    stop(client)


def test_listeners_hear_once_that_it_thinks(client: WebClient) -> None:
    client.send(THINKING)
    expect(client.answer.locator("summary")).to_contain_text("3 s", timeout=PATIENCE_MS)

    expect(client.page.get_by_role("log")).to_have_text("Thinking.")
    expect(client.page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    snapshot = client.answer.aria_snapshot()
    assert "Thinking" in snapshot
    assert not re.search(r"\d s\b", snapshot)
    stop(client)


def test_a_wait_for_the_first_word_moves_too(client: WebClient) -> None:
    client.send("/slow 20000 /echo late")

    expect(client.answer.locator(".pace").last).to_have_text("2 s", timeout=PATIENCE_MS)
    assert moving(client.page) > 0
    stop(client)
    expect(client.answer.locator(".pace").last).to_be_hidden()


def test_with_less_motion_only_the_seconds_change(calm: WebClient) -> None:
    calm.send(THINKING)
    summary = calm.answer.locator("summary")

    expect(summary).to_contain_text("2 s", timeout=PATIENCE_MS)
    assert moving(calm.page) == 0
    expect(summary).to_contain_text("3 s", timeout=PATIENCE_MS)
    stop(calm)
