"""Swagger UI in a real browser, under the strict policy and without another server."""

from api.web_client import SEEN_ON_BOTH
from playwright.sync_api import BrowserContext
from stack.server_process import ServerProcess

pytestmark = SEEN_ON_BOTH


def test_the_documentation_is_drawn_and_tries_requests_out(
    shared_server: ServerProcess, context: BrowserContext, complaints: list[str]
) -> None:
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{shared_server.url}/api/docs")
    page.get_by_role("heading", name="Charla").wait_for()
    page.locator("#operations-health-get_health .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="200").wait_for()

    assert complaints == []
    assert all(url.startswith((shared_server.url, "data:", "blob:")) for url in asked)
