"""Texts that are not sent yet: each stays with its conversation and its user."""

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import BrowserContext, expect
from stack.cut_proxy import CutProxy

pytestmark = [pytest.mark.xdist_group("drafts"), SEEN_ON_BOTH]

QUICK = "/slow 0 /echo "
KEPT = "() => Object.keys(localStorage).filter((key) => key.includes('draft')).length"


def open_titled(client: WebClient, title: str) -> None:
    client.page.get_by_role("link", name=title).click()
    client.wait_for_end()


def greeted(client: WebClient) -> WebClient:
    """Register, and have a first answer."""
    client.register()
    client.send(f"{QUICK}hello")
    client.wait_for_end()
    return client


def test_a_draft_stays_with_its_conversation_and_survives_a_reload(client: WebClient) -> None:
    field = client.page.get_by_label("Message", exact=True)
    for title in ("apples", "boats"):
        client.page.click("#new")
        client.send(QUICK + title)
        client.wait_for_end()
        field.fill(f"more about {title}")

    client.page.click("#new")
    expect(field).to_have_value("")
    field.fill("something new")
    open_titled(client, "apples")
    expect(field).to_have_value("more about apples")

    client.page.reload()
    expect(field).to_have_value("more about apples")
    open_titled(client, "boats")
    expect(field).to_have_value("more about boats")
    client.page.click("#new")
    expect(field).to_have_value("something new")


def test_a_sent_message_leaves_no_draft(client: WebClient) -> None:
    client.page.locator("#content").press_sequentially(f"{QUICK}sent")
    client.page.wait_for_function(f"() => ({KEPT})() === 1")
    client.page.keyboard.press("Enter")
    client.wait_for_end()

    client.page.reload()
    client.wait_for_end()

    expect(client.page.locator("#content")).to_have_value("")
    assert client.page.evaluate(KEPT) == 0


def test_a_logout_takes_the_drafts_away_also_from_the_next_user(client: WebClient) -> None:
    client.page.fill("#content", "a secret")
    client.page.click("#logout")
    expect(client.page.locator("#auth-form")).to_be_visible()
    assert client.page.evaluate(KEPT) == 0

    client.log_in()

    expect(client.page.locator("#content")).to_have_value("")


def test_two_windows_do_not_take_each_others_texts_away(
    client: WebClient, context: BrowserContext
) -> None:
    client.send(f"{QUICK}shared")
    client.wait_for_end()
    second = WebClient(context.new_page(), client.page.url, client.email)
    second.wait_for_end()

    first_field, second_field = client.page.locator("#content"), second.page.locator("#content")

    first_field.fill("written in the first")
    expect(second_field).to_have_value("written in the first")
    second_field.fill("written in the second")
    kept = "() => Object.values(localStorage).some((text) => text.includes('in the second'))"
    client.page.wait_for_function(kept)

    expect(first_field).to_have_value("written in the first")
    client.page.reload()
    expect(first_field).to_have_value("written in the first")
    second.page.reload()
    expect(second_field).to_have_value("written in the second")


def test_a_draft_that_another_window_sent_is_no_draft_any_more(
    client: WebClient, context: BrowserContext
) -> None:
    client.send(f"{QUICK}shared")
    client.wait_for_end()
    second = WebClient(context.new_page(), client.page.url, client.email)
    second.wait_for_end()
    client.page.fill("#content", f"{QUICK}sent by the other")
    expect(second.page.locator("#content")).to_have_value(f"{QUICK}sent by the other")

    second.page.press("#content", "Enter")

    expect(client.page.locator(".message")).to_have_count(4, timeout=PATIENCE_MS)
    expect(client.page.locator("#content")).to_have_value("")


def test_drafts_do_not_fill_the_browser(client: WebClient) -> None:
    size = client.page.evaluate(
        """async () => {
             const drafts = await import("/assets/web/chat/drafts.js");
             for (let number = 0; number < 40; number += 1)
               drafts.change(`conversation-${number}`, { text: "x".repeat(50_000) });
             if (!drafts.of("conversation-39").text) return -1;
             return Object.values(localStorage).join("").length;
           }"""
    )

    assert 0 < size < 600_000


def test_a_send_that_failed_is_still_there_after_a_reload_and_counts_once(
    context: BrowserContext, proxy: CutProxy, complaints: list[str]
) -> None:
    client = greeted(WebClient(context.new_page(), proxy.url))
    sends = client.requests("/stream")
    proxy.go_down()
    client.send(f"{QUICK}are you there?")
    client.wait_for_end("failed")

    proxy.come_back()
    client.page.reload()
    expect(client.page.locator("#content")).to_have_value(
        f"{QUICK}are you there?", timeout=PATIENCE_MS
    )
    client.page.press("#content", "Enter")
    expect(client.page.locator(".message")).to_have_count(4)
    client.wait_for_end()

    assert len({r.headers["idempotency-key"] for r in sends if r.method == "POST"}) == 1
    assert [m["content"] for m in client.stored_messages() if m["role"] == "user"] == [
        f"{QUICK}hello",
        f"{QUICK}are you there?",
    ]
    complaints.clear()


def test_a_send_whose_reply_was_lost_is_not_offered_again_after_a_reload(
    context: BrowserContext, proxy: CutProxy, complaints: list[str]
) -> None:
    client = greeted(WebClient(context.new_page(), proxy.url))
    proxy.swallow_answers()
    client.send(f"{QUICK}only once")
    assert proxy.swallowed.wait(PATIENCE_MS / 1000)

    proxy.go_down()
    proxy.come_back()
    client.page.reload()
    expect(client.page.locator(".message")).to_have_count(4, timeout=PATIENCE_MS)
    client.wait_for_end()

    expect(client.page.locator("#content")).to_have_value("")
    assert len(client.stored_messages()) == 4
    complaints.clear()
