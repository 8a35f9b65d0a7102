"""What a user sees of an answer: it grows, survives a reload and a lost network, and stops."""

from itertools import pairwise

import pytest
from api.web_client import PATIENCE_MS, WebClient
from playwright.sync_api import BrowserContext, expect
from stack.cut_proxy import CutProxy

pytestmark = pytest.mark.xdist_group("browser")

SLOW = "/long 400 /slow 10"


def test_an_answer_grows_word_by_word(client: WebClient) -> None:
    client.watch()

    client.send("/long 200 /slow 10")
    client.wait_for_end()

    growing = [text for status, text in client.seen() if status == "streaming"]
    full = client.text
    assert len(set(growing)) > 20
    assert all(after.startswith(before) for before, after in pairwise(growing))
    assert full.startswith(growing[-1])
    assert full == client.stored_messages()[-1]["content"]


def test_what_was_sent_is_known_by_its_ids_as_soon_as_the_answer_starts(client: WebClient) -> None:
    client.send(SLOW)
    client.wait_for_words(1)

    question, answer = client.stored_messages()
    expect(client.page.locator(".message.user")).to_have_attribute("data-id", question["id"])
    expect(client.answer).to_have_attribute("data-id", answer["id"])


def test_a_reload_in_mid_answer_reads_on_to_the_same_text(client: WebClient) -> None:
    client.send(SLOW)
    client.wait_for_words(300)

    client.page.reload()
    expect(client.answer).to_have_attribute("data-status", "streaming", timeout=PATIENCE_MS)
    client.wait_for_end()

    stored = client.stored_messages()
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert client.text == stored[-1]["content"]


def test_stopping_keeps_what_was_written(client: WebClient) -> None:
    client.send(SLOW)
    client.wait_for_words(200)

    client.page.click("#stop")
    client.wait_for_end("stopped")

    last = client.stored_messages()[-1]
    assert last["status"] == "stopped"
    assert client.text == last["content"]
    assert len(client.text) >= 200
    expect(client.answer.locator(".mark")).to_have_text("Stopped")
    expect(client.page.locator("#send")).to_be_visible()


def test_a_second_tab_sees_the_same_answer(client: WebClient, context: BrowserContext) -> None:
    client.send(SLOW)
    client.wait_for_words(100)

    second = WebClient(context.new_page(), client.page.url, client.email)
    second.wait_for_words(100)
    second.wait_for_end()
    client.wait_for_end()

    assert second.text == client.text != ""


def test_a_send_into_a_busy_session_shows_the_running_answer_and_keeps_the_message(
    client: WebClient, context: BrowserContext, complaints: list[str]
) -> None:
    client.send("hello")
    client.wait_for_end()
    second = WebClient(context.new_page(), client.page.url, client.email)
    second.wait_for_end()
    client.send(SLOW)
    client.wait_for_words(100)

    second.send("me too")
    second.wait_for_words(100)
    second.wait_for_end()

    assert second.page.input_value("#content") == "me too"
    assert second.text == client.text
    assert len(client.stored_messages()) == 4
    assert all("409" in complaint for complaint in complaints)
    complaints.clear()


def test_a_lost_network_is_told_and_the_answer_goes_on_without_a_gap(
    context: BrowserContext, proxy: CutProxy, complaints: list[str]
) -> None:
    client = WebClient(context.new_page(), proxy.url)
    client.register()
    client.send(SLOW)
    client.wait_for_words(300)
    client.watch()

    proxy.go_down()
    expect(client.page.locator("#connection")).to_be_visible(timeout=PATIENCE_MS)
    proxy.come_back()
    client.wait_for_end()

    growing = [text for status, text in client.seen() if status == "streaming"]
    assert all(after.startswith(before) for before, after in pairwise(growing))
    stored = client.stored_messages()
    assert client.text == stored[-1]["content"]
    assert len(stored) == 2
    expect(client.page.locator("#connection")).to_be_hidden()
    assert all("net::ERR" in complaint for complaint in complaints)


def test_a_send_that_the_server_never_got_is_sent_again_as_the_same_message(
    context: BrowserContext, proxy: CutProxy, complaints: list[str]
) -> None:
    client = WebClient(context.new_page(), proxy.url)
    client.register()
    client.send("hello")
    client.wait_for_end()

    proxy.go_down()
    client.send("are you there?")
    client.wait_for_end("failed")
    proxy.come_back()
    client.answer.locator(".retry").click()
    client.wait_for_end()

    stored = client.stored_messages()
    assert [m["content"] for m in stored if m["role"] == "user"] == ["hello", "are you there?"]
    assert client.text == stored[-1]["content"]
    assert all("net::ERR" in complaint for complaint in complaints)


def test_a_send_whose_reply_was_lost_is_sent_again_and_counts_once(
    context: BrowserContext, proxy: CutProxy, complaints: list[str]
) -> None:
    client = WebClient(context.new_page(), proxy.url)
    client.register()
    client.send("hello")
    client.wait_for_end()

    proxy.swallow_answers()
    client.send("only once")
    assert proxy.swallowed.wait(PATIENCE_MS / 1000)
    proxy.go_down()
    proxy.come_back()
    expect(client.page.locator(".message.assistant")).to_have_count(2)
    client.wait_for_end()

    stored = client.stored_messages()
    assert [m["content"] for m in stored if m["role"] == "user"] == ["hello", "only once"]
    assert client.text == stored[-1]["content"] != ""
    assert all("net::ERR" in complaint for complaint in complaints)


def test_a_text_is_shown_as_text_whatever_it_holds(client: WebClient) -> None:
    client.send("<img src=x onerror=alert(1)> **bold** &amp;\n  indented  twice")
    client.wait_for_end()

    question = client.page.locator(".message.user .text")
    assert (
        question.text_content() == "<img src=x onerror=alert(1)> **bold** &amp;\n  indented  twice"
    )
    assert client.page.locator("#messages img").count() == 0


def test_an_ended_login_asks_to_log_in_again(client: WebClient, complaints: list[str]) -> None:
    client.page.evaluate(
        """() => {
             const kept = JSON.parse(localStorage.getItem("charla.login"));
             localStorage.setItem("charla.login", JSON.stringify({...kept, refresh_token: "x"}));
           }"""
    )

    client.page.reload()

    expect(client.page.locator("#auth-error")).to_contain_text("log in again")
    expect(client.page.locator("#app")).to_be_hidden()
    assert all("401" in complaint or "422" in complaint for complaint in complaints)
    complaints.clear()
