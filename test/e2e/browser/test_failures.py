"""How the web client tells what went wrong, and how a user tries again."""

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import BrowserContext, expect
from stack.server_process import StartServer

pytestmark = [pytest.mark.xdist_group("browser_failures"), SEEN_ON_BOTH]


def test_a_failed_answer_keeps_its_text_and_a_new_try_takes_its_place(client: WebClient) -> None:
    client.send("/slow 1 /fail during")
    client.wait_for_end("failed")
    failed = client.stored_messages()
    assert client.text == failed[-1]["content"] != ""

    client.answer.locator(".retry").click()
    failed_id = failed[-1]["id"]
    expect(client.answer).not_to_have_attribute("data-id", failed_id, timeout=PATIENCE_MS)
    client.wait_for_end("failed")

    again = client.stored_messages()
    assert [message["role"] for message in again] == ["user", "assistant"]
    assert not {m["id"] for m in again} & {m["id"] for m in failed}
    assert client.page.locator(".message").count() == 2


def test_a_failed_answer_can_be_tried_again_after_a_reload(client: WebClient) -> None:
    client.send("/slow 1 /echo fine")
    client.wait_for_end()
    client.send("/slow 1 /fail during")
    client.wait_for_end("failed")
    failed = client.stored_messages()

    client.page.reload()
    client.answer.locator(".retry").click()
    failed_id = failed[-1]["id"]
    expect(client.answer).not_to_have_attribute("data-id", failed_id, timeout=PATIENCE_MS)
    client.wait_for_end("failed")

    assert client.page.locator(".message").count() == 4
    assert len(client.stored_messages()) == 4


def test_only_the_last_answer_can_be_tried_again(client: WebClient) -> None:
    client.send("/slow 1 /fail during")
    client.wait_for_end("failed")
    expect(client.page.locator(".retry")).to_have_count(1)

    client.send("/slow 1 /echo later")
    client.wait_for_end()

    expect(client.page.locator(".retry")).to_have_count(0)


def test_waiting_for_a_provider_that_fails_is_told(client: WebClient) -> None:
    client.send("/fail before")

    expect(client.answer.locator(".status")).to_contain_text("trying again", timeout=PATIENCE_MS)
    client.wait_for_end("failed")
    assert client.text == ""
    expect(client.answer.locator(".mark.bad")).to_be_visible()


def test_reasoning_can_be_opened_and_is_not_part_of_the_answer(client: WebClient) -> None:
    client.send("/slow 1 /reasoning /echo the answer")
    client.wait_for_end()

    assert client.text == "the answer"
    expect(client.answer.locator(".thoughts")).to_be_hidden()
    client.answer.locator("summary").click()
    expect(client.answer.locator(".thoughts")).not_to_be_empty()
    expect(client.answer.locator(".thoughts")).to_be_visible()


def test_a_used_up_limit_is_told_and_leaves_the_message_to_be_tried_again(
    context: BrowserContext, complaints: list[str], start_server: StartServer
) -> None:
    server = start_server({"RATE_LIMIT_AI": "1 per minute"})
    client = WebClient(context.new_page(), server.url)
    client.register()
    client.send("/slow 1 /echo one")
    client.wait_for_end()

    client.send("two")
    client.wait_for_end("failed")

    expect(client.answer.locator(".retry")).to_be_visible()
    expect(client.page.locator("#send")).to_be_visible()
    assert len(client.stored_messages()) == 2
    assert all("429" in complaint for complaint in complaints)


def test_a_refused_registration_says_why(
    client: WebClient, context: BrowserContext, complaints: list[str]
) -> None:
    client.page.click("#logout")
    page = context.pages[0]
    page.click("#auth-switch")
    page.fill("#email", client.email)
    page.fill("#password", "short")
    page.click("#auth-submit")
    expect(page.locator("#auth-error")).to_contain_text("Password")

    page.fill("#password", "long enough for all")
    page.click("#auth-submit")

    expect(page.locator("#auth-error")).to_contain_text("account")
    # 401: a request that was under way when the login ended
    assert all(any(code in told for code in ("401", "409", "422")) for told in complaints)
    complaints.clear()


def test_why_a_long_message_was_refused_is_seen_though_it_is_back_in_the_field(
    context: BrowserContext, start_server: StartServer
) -> None:
    client = WebClient(context.new_page(), start_server({"MAX_STORED_BYTES_PER_USER": "2000"}).url)
    client.register()
    client.send("/slow 0 /echo " + "a line\n" * 60)
    client.wait_for_end()
    long = "another line\n" * 40

    client.send(long)
    client.wait_for_end("failed")

    expect(client.page.locator("#content")).to_have_value(long)
    expect(client.answer.locator(".mark.bad")).to_contain_text("Delete some")
    expect(client.answer.locator(".mark.bad")).to_be_in_viewport()


def test_writing_a_long_message_does_not_move_the_conversation(client: WebClient) -> None:
    client.send("/slow 0 /echo " + "a line\n" * 80)
    client.wait_for_end()
    client.page.fill("#content", "a line\n" * 20)

    client.page.locator("#content").press_sequentially("more")

    expect(client.answer.locator(".foot")).to_be_in_viewport()
