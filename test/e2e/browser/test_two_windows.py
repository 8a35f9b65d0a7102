"""Two windows of one user, in one browser or on two devices: each shows what the other does."""

from collections.abc import Iterator

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import Browser, BrowserContext, Locator, expect

pytestmark = [pytest.mark.xdist_group("two_windows"), SEEN_ON_BOTH]

QUICK = "/slow 0 /echo "
SLOW = "/long 400 /slow 10"
SOON_MS = 3_000  # below the pace at which a window asks: another window told it


@pytest.fixture
def device(browser: Browser, client: WebClient) -> Iterator[WebClient]:
    """Log the same user in on another device."""
    context = browser.new_context()
    device = WebClient(context.new_page(), client.url, client.email)
    device.log_in()
    yield device
    context.close()


def titles(client: WebClient) -> Locator:
    return client.page.locator(".session .title")


def start(client: WebClient, text: str) -> None:
    """Begin a conversation and wait for its first answer."""
    client.send(QUICK + text)
    client.wait_for_end()


def open_in(other: WebClient, client: WebClient) -> None:
    """Open the client's conversation in another window."""
    other.page.goto(client.page.url)
    other.wait_for_end()


def choose(client: WebClient, action: str) -> None:
    client.page.get_by_role("button", name="Actions for").first.click()
    client.page.get_by_role("button", name=action, exact=True).click()


def test_a_turn_of_another_device_is_read_as_it_is_written(
    client: WebClient, device: WebClient
) -> None:
    start(client, "one")
    open_in(device, client)

    client.send(SLOW)

    expect(device.page.locator(".message")).to_have_count(4, timeout=PATIENCE_MS)
    expect(device.page.locator(".message.user").last).to_contain_text(SLOW)
    expect(device.answer).to_have_attribute("data-status", "streaming")
    device.wait_for_end()
    client.wait_for_end()
    assert device.text == client.text == client.stored_messages()[-1]["content"]
    expect(device.page.locator(".message")).to_have_count(4)


def test_a_turn_of_another_window_of_the_browser_is_shown_at_once(
    client: WebClient, context: BrowserContext
) -> None:
    start(client, "one")
    second = WebClient(context.new_page(), client.page.url, client.email)
    second.wait_for_end()

    client.send(SLOW)

    expect(second.page.locator(".message")).to_have_count(4, timeout=SOON_MS)
    second.wait_for_end()
    assert second.text == client.stored_messages()[-1]["content"]


def test_a_window_reads_a_run_of_another_once_and_what_it_showed_stays(
    client: WebClient, device: WebClient
) -> None:
    start(client, "one")
    open_in(device, client)
    device.page.evaluate("() => document.querySelectorAll('.message').forEach((m) => m.old = true)")
    readings = device.requests("/stream")

    client.send(SLOW)
    device.wait_for_words(200)
    device.wait_for_end()
    client.send(f"{QUICK}three")
    expect(device.page.locator(".message")).to_have_count(6, timeout=PATIENCE_MS)
    device.wait_for_end()

    runs = [reading.url for reading in readings]
    assert len(set(runs)) == len(runs) > 0
    count_old = "() => [...document.querySelectorAll('.message')].filter((m) => m.old).length"
    assert device.page.evaluate(count_old) == 2


def test_an_answer_stopped_on_one_device_is_stopped_on_both(
    client: WebClient, device: WebClient
) -> None:
    start(client, "one")
    open_in(device, client)
    client.send("/long 5000 /slow 10")
    expect(device.page.locator(".message")).to_have_count(4, timeout=PATIENCE_MS)
    device.wait_for_words(50)

    device.page.get_by_role("button", name="Stop").click()

    client.wait_for_end("stopped")
    device.wait_for_end("stopped")
    assert client.text == device.text


def test_the_list_follows_what_another_device_makes_renames_and_deletes(
    client: WebClient, device: WebClient
) -> None:
    start(client, "first")
    expect(titles(device)).to_have_text([f"{QUICK}first"], timeout=PATIENCE_MS)

    choose(client, "Rename")
    client.page.get_by_label("Title").fill("Renamed")
    client.page.keyboard.press("Enter")
    expect(titles(device)).to_have_text(["Renamed"], timeout=PATIENCE_MS)

    client.page.click("#new")
    start(client, "second")
    expect(titles(device)).to_have_text([f"{QUICK}second", "Renamed"], timeout=PATIENCE_MS)

    choose(client, "Delete")
    client.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(titles(device)).to_have_text(["Renamed"], timeout=PATIENCE_MS)


def test_a_conversation_deleted_elsewhere_is_left_and_that_is_told(
    client: WebClient, device: WebClient
) -> None:
    start(client, "gone soon")
    open_in(device, client)

    choose(client, "Delete")
    client.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(device.page.locator("#notice")).to_contain_text("deleted", timeout=PATIENCE_MS)
    expect(device.page.locator("#welcome")).to_be_visible()


def test_what_was_written_for_a_conversation_that_was_deleted_elsewhere_is_not_lost(
    client: WebClient, device: WebClient
) -> None:
    field = device.page.locator("#content")
    field.fill("for a new one")
    start(client, "gone soon")
    open_in(device, client)
    field.press_sequentially("a long thought")
    field.blur()

    choose(client, "Delete")
    client.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(device.page.locator("#notice")).to_contain_text("deleted", timeout=PATIENCE_MS)
    expect(field).to_have_value("for a new one\n\na long thought")
    device.page.reload()
    expect(field).to_have_value("for a new one\n\na long thought")


@pytest.fixture
def second(client: WebClient, context: BrowserContext) -> WebClient:
    """Open a second window whose clock the test sets, and which can be hidden."""
    page = context.new_page()
    page.clock.install()
    page.add_init_script(
        "Object.defineProperty(document, 'hidden', {get: () => window.isAway ?? false})"
    )
    second = WebClient(page, client.url, client.email)
    expect(page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#sessions-status")).not_to_be_empty()
    return second


def hide(second: WebClient, *, is_away: bool) -> None:
    second.page.evaluate(
        """(isAway) => {
             window.isAway = isAway;
             document.dispatchEvent(new Event("visibilitychange"));
           }""",
        is_away,
    )


def test_a_window_that_nobody_sees_asks_for_nothing(client: WebClient, second: WebClient) -> None:
    hide(second, is_away=True)
    asked = second.requests()

    start(client, "not for it")
    second.page.clock.fast_forward(60_000)
    expect(titles(client)).to_have_count(1)
    assert asked == []

    hide(second, is_away=False)
    expect(titles(second)).to_have_count(1, timeout=SOON_MS)


def test_a_window_where_nothing_happens_asks_less_often(second: WebClient) -> None:
    with second.page.expect_response("**/sessions?limit=1", timeout=PATIENCE_MS):
        second.page.clock.fast_forward(310_000)
    asked = second.requests("limit=1")

    second.page.clock.fast_forward(10_000)
    second.page.evaluate("() => null")
    assert asked == []

    with second.page.expect_request("**/sessions?limit=1", timeout=PATIENCE_MS):
        second.page.clock.fast_forward(20_000)
