"""The page, its calls and the documentation below a path, through the real nginx."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import Browser, BrowserContext, expect
from stack.front_proxy import FrontProxy
from stack.server_process import ServerProcess, StartServer

pytestmark = SEEN_ON_BOTH

PREFIX = "/chat"


@pytest.fixture(scope="module")
def shared_server(start_shared: StartServer) -> ServerProcess:
    """Start a server that believes the proxy on this machine."""
    return start_shared({"RATE_LIMIT_ENABLED": "false", "TRUSTED_PROXIES": "127.0.0.1"})


@pytest.fixture(scope="module")
def front(shared_server: ServerProcess) -> Iterator[FrontProxy]:
    """Start nginx, which has the server below a path."""
    with FrontProxy([shared_server.port], PREFIX) as front:
        yield front


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Open a fresh profile that takes the test's certificate."""
    context = browser.new_context(ignore_https_errors=True)
    yield context
    context.close()


def url_of(front: FrontProxy) -> str:
    return f"https://127.0.0.1:{front.port}{PREFIX}"


def test_a_user_registers_reads_an_answer_and_is_still_in_after_a_reload(
    front: FrontProxy, context: BrowserContext, complaints: list[str]
) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    # Without the last slash: nginx itself sends a browser on.
    client = WebClient(context.new_page(), url_of(front))
    client.register()

    client.send("/long 20")
    client.wait_for_end()
    text = client.text
    client.page.reload()
    client.wait_for_end()

    assert client.text == text
    assert len(text.split()) == 20
    assert {url for url in asked if not url.startswith(url_of(front))} == set()
    assert any(url.endswith("/assets/web/main.js") for url in asked)
    assert complaints == []


def test_the_documentation_is_drawn_and_calls_below_the_path(
    front: FrontProxy, context: BrowserContext, complaints: list[str]
) -> None:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url_of(front)}/api/docs")
    page.get_by_role("heading", name="Charla").wait_for()

    operation = page.locator("#operations-health-getHealth")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table tbody tr.response .response-col_status")
    expect(answer).to_contain_text("200", timeout=PATIENCE_MS)
    link = page.get_by_role("link", name="listed").get_attribute("href")

    assert f"{url_of(front)}/health" in asked
    assert complaints == []
    page.goto(f"{url_of(front)}/api/docs")
    assert page.evaluate("(link) => new URL(link, location.href).href", link) == (
        f"{url_of(front)}/api/docs/errors"
    )


def test_redirects_and_problems_lead_below_the_path(front: FrontProxy) -> None:
    with closing(front.connect()) as connection:
        connection.request("GET", f"{PREFIX}/nothing")
        problem = json.loads(connection.getresponse().read())
    with closing(front.connect()) as connection:
        connection.request("GET", problem["type"].partition("#")[0])
        text = connection.getresponse().read().decode()

    assert problem["type"] == f"{PREFIX}/api/docs/errors#not_found"
    assert "`not_found`" in text
