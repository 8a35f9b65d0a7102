"""A login where the browser keeps nothing, or no more, and where an answer was lost."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from api.web_client import CHROMIUM, CHROMIUM_ARGS, PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from stack.server_process import ServerProcess

pytestmark = [pytest.mark.xdist_group("kept_logins"), SEEN_ON_BOTH]

QUICK = "/slow 0 /echo "
BLOCKED = {"profile": {"default_content_setting_values": {"cookies": 2}}}
"""Chromium's setting that lets no site keep anything."""

FILL = """
() => {
  for (let size = 4_000_000; size > 0; size = Math.floor(size / 2)) {
    try {
      for (;;) localStorage.setItem(`x${size}.${localStorage.length}`, "x".repeat(size));
    } catch {}
  }
}
"""
IS_BLOCKED = """
() => {
  try {
    return Boolean(localStorage && false);
  } catch {
    return true;
  }
}
"""


@pytest.fixture
def blocked(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """Open a tab of a browser that lets no site keep anything."""
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(BLOCKED))
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=CHROMIUM, args=CHROMIUM_ARGS
    )
    yield context.pages[0]
    context.close()


def chats(client: WebClient) -> None:
    """See that a message is sent and answered, and that another conversation opens."""
    expect(client.page.locator("#notice")).to_contain_text("keeps nothing")
    client.send(f"{QUICK}hello")
    client.wait_for_end()
    assert client.text == "hello"
    client.page.locator("#content").fill("a draft")
    client.page.click("#new")
    client.page.get_by_role("link", name="hello").click()
    expect(client.page.locator("#content")).to_have_value("a draft")


def test_blocked_storage_lets_in_and_chat(blocked: Page, shared_server: ServerProcess) -> None:
    client = WebClient(blocked, shared_server.url)
    assert blocked.evaluate(IS_BLOCKED)

    client.register()

    chats(client)


def test_full_storage_lets_in_and_chat(
    context: BrowserContext, shared_server: ServerProcess
) -> None:
    client = WebClient(context.new_page(), shared_server.url)
    client.page.evaluate(FILL)

    client.register()

    chats(client)


def test_a_login_outlives_a_renewal_whose_answer_was_lost(
    client: WebClient, complaints: list[str]
) -> None:
    renewals: list[int] = []

    def lose_the_first(route: Route) -> None:
        if renewals:
            return route.continue_()
        renewals.append(route.fetch().status)
        return route.abort()

    client.page.route("**/api/auth/refresh", lose_the_first)
    client.page.reload()

    expect(client.page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)
    client.send(f"{QUICK}still here")
    client.wait_for_end()
    assert renewals == [200]
    complaints.clear()  # the answer that was lost


def test_a_login_outlives_a_proxy_that_refuses_for_a_while(
    client: WebClient, complaints: list[str]
) -> None:
    refusals = [404, 503, 403]

    def refuse(route: Route) -> None:
        if refusals:
            return route.fulfill(status=refusals.pop(), body="<h1>Not now</h1>")
        return route.continue_()

    client.page.route("**/api/auth/refresh", refuse)
    client.page.reload()

    expect(client.page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)
    assert refusals == []
    complaints.clear()  # a browser writes down each refusal
