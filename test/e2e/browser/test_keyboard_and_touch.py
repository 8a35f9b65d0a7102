"""The page by keyboard and by touch: the focus is never lost, and no keyboard comes unasked."""

from collections.abc import Iterator

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect
from stack.server_process import ServerProcess

pytestmark = [pytest.mark.xdist_group("keyboard_and_touch"), SEEN_ON_BOTH]

TITLES = [f"Conversation {number:02}" for number in range(20)]
LAST = TITLES[0]  # the oldest is at the bottom
LONG = "/long 5000 /slow 10"


@pytest.fixture
def phone(browser: Browser, shared_server: ServerProcess) -> Iterator[WebClient]:
    """Open the page on a telephone, logged in."""
    size = ViewportSize(width=390, height=740)
    context = browser.new_context(viewport=size, has_touch=True, is_mobile=True)
    client = WebClient(context.new_page(), shared_server.url)
    client.register()
    yield client
    context.close()


def focused(page: Page) -> str:
    """Name what has the focus, "body" where nothing has."""
    name: str = page.evaluate(
        "() => document.activeElement.id || document.activeElement.tagName.toLowerCase()"
    )
    return name


def actions(client: WebClient, title: str) -> Locator:
    return client.page.get_by_role("button", name=f"Actions for {title}")


def expect_whole_menu(client: WebClient) -> None:
    for name in ("Rename", "Archive", "Delete"):
        item = client.page.get_by_role("button", name=name, exact=True)
        expect(item).to_be_in_viewport(ratio=1)


def test_the_menu_of_the_last_conversation_is_wholly_in_sight(client: WebClient) -> None:
    client.page.set_viewport_size({"width": 1000, "height": 500})
    client.make_sessions(*TITLES)
    client.page.reload()

    actions(client, LAST).click()

    expect_whole_menu(client)
    client.page.get_by_role("button", name="Archive", exact=True).click()
    expect(client.page.get_by_role("link", name=LAST)).to_have_count(0)


def test_the_menu_of_the_last_conversation_is_wholly_in_sight_on_a_phone(phone: WebClient) -> None:
    phone.make_sessions(*TITLES)
    phone.page.reload()
    phone.page.tap("#menu")

    actions(phone, LAST).tap()

    expect_whole_menu(phone)


def test_a_menu_is_used_with_the_keyboard_and_gives_the_focus_back(client: WebClient) -> None:
    client.make_sessions(*TITLES)
    client.page.reload()
    button = actions(client, LAST)
    button.focus()

    client.page.keyboard.press("Enter")
    expect_whole_menu(client)
    expect(client.page.get_by_role("button", name="Rename", exact=True)).to_be_focused()
    client.page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(client.page.get_by_role("button", name="Rename", exact=True)).to_have_count(0)

    client.page.keyboard.press("Enter")
    client.page.keyboard.press("ArrowDown")
    expect(client.page.get_by_role("button", name="Archive", exact=True)).to_be_focused()
    client.page.keyboard.press("ArrowDown")
    client.page.keyboard.press("Enter")
    client.page.get_by_role("button", name="Delete", exact=True).press("Enter")
    expect(client.page.get_by_role("link", name=LAST)).to_have_count(0)
    expect(client.page.get_by_role("link", name=TITLES[1])).to_be_focused()


def test_stopping_by_keyboard_keeps_the_focus(client: WebClient) -> None:
    client.send(LONG)
    client.wait_for_words(50)
    client.page.evaluate(
        """() => { window.lost = 0; document.addEventListener("focusout", () => {
             setTimeout(() => { if (document.activeElement === document.body) window.lost += 1; });
           }); }"""
    )

    client.page.get_by_role("button", name="Stop").focus()
    client.page.keyboard.press("Enter")
    client.wait_for_end("stopped")

    expect(client.page.locator("#content")).to_be_focused()
    assert client.page.evaluate("() => window.lost") == 0


def test_sending_and_trying_again_by_keyboard_keep_the_focus(client: WebClient) -> None:
    client.page.fill("#content", "/slow 1 /fail during")
    client.page.get_by_role("button", name="Send").focus()
    client.page.keyboard.press("Enter")
    client.wait_for_end("failed")
    assert focused(client.page) != "body"
    failed = client.answer.get_attribute("data-id") or ""

    client.page.get_by_role("button", name="Try again").focus()
    client.page.keyboard.press("Enter")
    expect(client.answer).not_to_have_attribute("data-id", failed, timeout=PATIENCE_MS)
    client.wait_for_end("failed")

    assert focused(client.page) != "body"


def test_the_drawer_of_a_phone_raises_no_keyboard(phone: WebClient) -> None:
    phone.make_sessions("Apples")
    phone.page.reload()
    fields = ("content", "search", "email")

    phone.page.tap("#menu")
    expect(phone.page.locator("#search")).to_be_in_viewport()
    assert focused(phone.page) not in fields
    phone.page.get_by_role("link", name="Apples").tap()
    expect(phone.page.locator("#title")).to_have_text("Apples")
    assert focused(phone.page) not in fields

    phone.page.tap("#menu")
    phone.page.tap("#new")
    expect(phone.page.locator("#welcome")).to_be_visible()
    assert focused(phone.page) not in fields
    phone.page.tap("#menu")
    phone.page.tap("#logout")
    expect(phone.page.locator("#auth-form")).to_be_visible()
    assert focused(phone.page) not in fields


def test_stopping_on_a_phone_raises_no_keyboard_and_keeps_the_focus(phone: WebClient) -> None:
    phone.page.fill("#content", LONG)
    phone.page.tap("#send")
    phone.wait_for_words(50)

    phone.page.tap("#stop")
    phone.wait_for_end("stopped")

    assert focused(phone.page) == "send"


def test_what_an_open_drawer_covers_is_not_reached_by_the_keyboard(client: WebClient) -> None:
    client.page.set_viewport_size({"width": 390, "height": 740})
    client.page.click("#menu")

    for _ in range(12):
        client.page.keyboard.press("Tab")
        assert client.page.evaluate("() => document.activeElement.closest('main') === null")

    client.page.keyboard.press("Escape")
    expect(client.page.locator("#menu")).to_be_focused()
    client.page.click("#menu")
    client.page.set_viewport_size({"width": 1000, "height": 740})
    client.page.click("#content")
    expect(client.page.locator("#content")).to_be_focused()


SAFARI, OTHERS = "{keyCode: 229}", "{isComposing: true}"
"""What tells that Enter ends a word of an input method; to Safari the composition is over then."""


def end_a_word(client: WebClient, selector: str, sign: str) -> None:
    """Press Enter in a field as an input method does."""
    client.page.locator(selector).evaluate(
        "(field) => field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true,"
        f" cancelable: true, ...{sign}}}))"
    )


@pytest.mark.parametrize("sign", [SAFARI, OTHERS])
def test_an_enter_of_an_input_method_sends_nothing(client: WebClient, sign: str) -> None:
    client.page.fill("#content", "世界")

    end_a_word(client, "#content", sign)

    expect(client.page.locator("#content")).to_have_value("世界")
    expect(client.page.locator(".message")).to_have_count(0)
    client.page.keyboard.press("Enter")
    client.wait_for_end()


def test_a_title_is_written_by_an_input_method_and_cut_between_graphemes(client: WebClient) -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"
    client.make_sessions("Old")
    client.page.reload()
    actions(client, "Old").click()
    client.page.get_by_role("button", name="Rename", exact=True).click()
    title = client.page.get_by_label("Title")

    title.fill(family * 30)
    end_a_word(client, "dialog input", SAFARI)
    expect(title).to_have_value(family * 28)  # 200 code points are taken
    title.press("Enter")

    expect(client.page.get_by_role("link", name=family * 28)).to_be_visible()
