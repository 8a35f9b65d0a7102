"""The list of conversations and the pages of a long one, in a real browser."""

import re

import pytest
from api.web_client import SEEN_ON_BOTH, WebClient
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.xdist_group("browser_sessions"), SEEN_ON_BOTH]

QUICK = "/slow 0 /echo "  # the scripted provider repeats it at once
FRUIT = QUICK + "apples and pears"
BOATS = QUICK + "boats in the harbour"


def entry(page: Page, title: str) -> Locator:
    return page.locator(".entry", has_text=title)


def choose(page: Page, title: str, action: str) -> None:
    entry(page, title).get_by_role("button", name=f"Actions for {title}").click()
    entry(page, title).get_by_role("button", name=action, exact=True).click()


def talk(client: WebClient, *messages: str) -> None:
    for message in messages:
        client.page.click("#new")
        client.send(message)
        client.wait_for_end()
        expect(entry(client.page, message)).to_be_visible()


def test_conversations_are_listed_newest_first_and_found_by_their_words(client: WebClient) -> None:
    talk(client, FRUIT, BOATS)
    titles = client.page.locator(".session .title")
    expect(titles).to_have_text([BOATS, FRUIT])

    client.page.fill("#search", "pears")
    expect(titles).to_have_text([FRUIT])

    client.page.fill("#search", "zeppelin")
    expect(client.page.locator("#sessions-status")).to_have_text("Nothing found.")


def test_a_conversation_is_renamed(client: WebClient) -> None:
    talk(client, FRUIT)

    choose(client.page, FRUIT, "Rename")
    client.page.get_by_label("Title").fill("Fruit")
    client.page.keyboard.press("Enter")

    expect(client.page.locator(".session .title")).to_have_text(["Fruit"])
    expect(client.page.locator("#title")).to_have_text("Fruit")
    client.page.reload()
    expect(client.page.locator("#title")).to_have_text("Fruit")


def test_an_archived_conversation_is_in_the_archive_only(client: WebClient) -> None:
    talk(client, FRUIT)

    choose(client.page, FRUIT, "Archive")
    expect(client.page.locator(".entry")).to_have_count(0)
    client.page.check("#archived")

    expect(client.page.locator(".session .title")).to_have_text([FRUIT])


def test_a_conversation_is_deleted_only_after_a_yes(client: WebClient) -> None:
    talk(client, FRUIT)
    address = client.page.url

    choose(client.page, FRUIT, "Delete")
    client.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(entry(client.page, FRUIT)).to_be_visible()
    choose(client.page, FRUIT, "Delete")
    client.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(client.page.locator(".entry")).to_have_count(0)
    expect(client.page.locator("#welcome")).to_be_visible()
    assert client.page.url != address


def test_a_long_conversation_is_read_back_in_time_page_by_page(client: WebClient) -> None:
    talk(client, f"{QUICK}number 0")
    for number in range(1, 18):
        client.send(f"{QUICK}number {number}")
        expect(client.page.locator(".message.assistant")).to_have_count(number + 1)
        client.wait_for_end()

    client.page.reload()
    questions = client.page.locator(".message.user .text")
    expect(questions).to_have_count(15)
    client.page.click("#older")

    expect(questions).to_have_text([f"{QUICK}number {number}" for number in range(18)])
    expect(client.page.locator("#older")).to_be_hidden()


def test_logging_out_ends_the_login_here_and_on_the_server(client: WebClient) -> None:
    client.page.click("#logout")
    expect(client.page.locator("#auth-form")).to_be_visible()
    assert client.page.evaluate("() => localStorage.getItem('charla.login')") is None

    client.page.reload()

    expect(client.page.locator("#auth-form")).to_be_visible()


def test_the_page_works_with_the_keyboard_and_without_a_line_too_wide(client: WebClient) -> None:
    client.page.set_viewport_size({"width": 360, "height": 640})
    client.page.focus("#content")
    client.page.keyboard.type("first line")
    client.page.keyboard.press("Shift+Enter")
    client.page.keyboard.type("x" * 200)
    client.page.keyboard.press("Enter")
    client.wait_for_end()

    question = client.page.locator(".message.user .text")
    expect(question).to_have_text(re.compile(r"^first line\nx{200}$"))
    assert client.page.evaluate("() => document.documentElement.scrollWidth") <= 360
    client.page.click("#menu")
    expect(client.page.locator("#search")).to_be_in_viewport()
    expect(client.page.locator("#new")).to_be_focused()
    client.page.keyboard.press("Escape")
    expect(client.page.locator("#search")).not_to_be_in_viewport()
    expect(client.page.locator("#menu")).to_be_focused()
