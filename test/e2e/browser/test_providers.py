"""Choosing on the page which provider answers, and seeing which one did."""

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import BrowserContext, expect
from stack.server_process import ServerProcess, StartServer
from wires.fixtures import WireServer
from wires.steps import TEXT

pytestmark = [pytest.mark.xdist_group("browser_providers"), SEEN_ON_BOTH]

DOWN = "http://127.0.0.1:9/v1"
"""No server listens on the discard port."""


@pytest.fixture(scope="module")
def served(wire: WireServer, start_shared: StartServer) -> ServerProcess:
    """Start a server whose default provider is down."""
    return start_shared(
        {
            "RATE_LIMIT_ENABLED": "false",
            "PROVIDER_RETRIES": "1",
            "RETRY_MIN_SECONDS": "0.3",
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": DOWN,
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "ANTHROPIC_BASE_URL": wire.url,
            "DEFAULT_PROVIDER": "openai",
            "DEFAULT_MODEL": "gpt-4.1-mini",
            "FAILOVER": "anthropic/plain",
        }
    )


@pytest.fixture
def page(context: BrowserContext, served: ServerProcess) -> WebClient:
    """Open the page with a new account."""
    client = WebClient(context.new_page(), served.url)
    client.register()
    return client


def test_who_is_asked_in_the_place_of_another_is_told_while_it_is_waited_for(
    page: WebClient,
) -> None:
    page.page.evaluate(
        """() => {
             window.told = [];
             new MutationObserver(() => {
               const status = document.querySelector(".message.assistant:last-child .status");
               if (status?.textContent) window.told.push(status.textContent);
             }).observe(document.querySelector("#messages"),
               {subtree: true, childList: true, characterData: true});
           }"""
    )

    page.send("Hello")
    page.wait_for_end()

    assert page.text == TEXT
    told = page.page.evaluate("() => [...new Set(window.told)]")
    assert "The provider is busy, trying again …" in told
    assert "Now asking anthropic …" in told
    expect(page.answer.locator(".facts")).to_contain_text("plain")


def test_a_wish_can_be_chosen_and_is_kept_over_a_reload(page: WebClient) -> None:
    select = page.page.locator("#model")
    expect(select.locator("option", has_text="cheapest")).to_be_attached(timeout=PATIENCE_MS)
    select.select_option(label="cheapest")
    page.page.reload()
    expect(select.locator("option:checked")).to_have_text("cheapest", timeout=PATIENCE_MS)

    with page.page.expect_request(lambda request: request.method == "POST") as sent:
        page.send("Hello")
    page.wait_for_end()

    assert sent.value.post_data_json == {"initial_message": "Hello", "strategy": "cheap"}


def test_only_configured_providers_can_be_chosen(page: WebClient) -> None:
    groups = page.page.locator("#model optgroup")
    expect(groups.first).to_be_attached(timeout=PATIENCE_MS)
    labels = groups.evaluate_all("all => all.map(one => one.label)")
    assert labels == ["whichever is", "openai", "anthropic"]
