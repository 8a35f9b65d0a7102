"""The one-file client, opened from disk as a developer does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from api.web_client import PASSWORD, PATIENCE_MS, SEEN_ON_BOTH
from playwright.sync_api import BrowserContext, Page, Route, expect
from stack.cut_proxy import CutProxy
from stack.server_process import ServerProcess, StartServer

pytestmark = [pytest.mark.xdist_group("demo_page"), SEEN_ON_BOTH]

DONE = "Done: stop."


@pytest.fixture(scope="module")
def shared_server(start_shared: StartServer) -> ServerProcess:
    """Start a server that lets pages from files in, as the demo's first lines tell it."""
    return start_shared({"RATE_LIMIT_ENABLED": "false", "CORS_ORIGINS": "null"})


@pytest.fixture
def demo(context: BrowserContext, proxy: CutProxy, demo_file: Path) -> Iterator[Page]:
    page = context.new_page()
    page.goto(demo_file.as_uri())
    page.fill("#base", proxy.url)
    page.fill("#email", f"{proxy.port}@example.org")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#state")).to_contain_text("Logged in", timeout=PATIENCE_MS)
    yield page
    page.close()


def send(page: Page, content: str) -> None:
    page.fill("#content", content)
    page.get_by_role("button", name="Send").click()


def wait_for_words(page: Page, chars: int) -> None:
    page.wait_for_function(
        "(chars) => document.querySelector('.assistant:last-child')?.textContent.length >= chars",
        arg=chars,
        timeout=PATIENCE_MS,
    )


def test_the_demo_sends_and_shows_the_answer(demo: Page, complaints: list[str]) -> None:
    send(demo, "hello from a file")

    expect(demo.locator("#state")).to_have_text(DONE, timeout=PATIENCE_MS)
    assert demo.locator(".assistant").last.text_content()
    assert complaints == []


def test_the_demo_stops_an_answer(demo: Page) -> None:
    send(demo, "/long 400 /slow 10")
    wait_for_words(demo, 100)

    demo.get_by_role("button", name="Stop").click()

    expect(demo.locator("#state")).to_have_text("Done: stopped.", timeout=PATIENCE_MS)
    assert len(demo.locator(".assistant").last.text_content() or "") >= 100


def test_the_demo_reads_on_after_a_lost_network(demo: Page, proxy: CutProxy) -> None:
    asked: list[str | None] = []
    demo.on("request", lambda request: asked.append(request.headers.get("last-event-id")))
    send(demo, "/long 400 /slow 10")
    wait_for_words(demo, 200)
    before = demo.locator(".assistant").last.text_content() or ""

    proxy.go_down()
    expect(demo.locator("#state")).to_contain_text("reconnecting", timeout=PATIENCE_MS)
    proxy.come_back()

    expect(demo.locator("#state")).to_have_text(DONE, timeout=PATIENCE_MS)
    after = demo.locator(".assistant").last.text_content() or ""
    assert after.startswith(before)
    assert len(after) > len(before)
    assert [name for name in asked if name]


def test_the_demo_forgets_its_place_when_the_text_is_told_as_a_whole(demo: Page) -> None:
    start = 'retry: 9\ndata: {"type":"start","run_id":"r"}\nid: r.1.1\n\n'
    recovered = 'data: {"type":"resume","run_id":"r","recovered":true}\n\n'
    streams = [
        start + 'data: {"type":"content","content":"one "}\nid: r.1.2\n\n',
        'data: {"type":"resume","run_id":"r","recovered":false,"content":"one two "}\nid:\n\n',
        recovered + start + 'data: {"type":"content","content":"one two three"}\nid: r.1.2\n\n',
        recovered + 'data: {"type":"done","run_id":"r","finish_reason":"stop"}\nid: r.1.3\n\n',
    ]
    asked: list[str | None] = []

    def answer(route: Route) -> None:
        asked.append(route.request.headers.get("last-event-id"))
        headers = {"Access-Control-Allow-Origin": "null", "Content-Type": "text/event-stream"}
        route.fulfill(headers=headers, body=streams.pop(0))

    demo.route("**/stream", answer)

    send(demo, "hello")

    expect(demo.locator("#state")).to_have_text(DONE, timeout=PATIENCE_MS)
    assert asked == [None, "r.1.2", None, "r.1.2"]
    assert demo.locator(".assistant").last.text_content() == "one two three"


def test_without_that_setting_the_demo_says_what_to_set(
    start_shared: StartServer, context: BrowserContext, demo_file: Path
) -> None:
    closed = start_shared()
    page = context.new_page()
    page.goto(demo_file.as_uri())
    page.fill("#base", closed.url)
    page.fill("#email", "ann@example.org")
    page.fill("#password", PASSWORD)

    page.get_by_role("button", name="Register").click()

    expect(page.locator("#state")).to_contain_text("CORS_ORIGINS=null", timeout=PATIENCE_MS)
