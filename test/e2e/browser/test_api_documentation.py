"""Swagger UI in a real browser, under the strict policy and without another server."""

import json

from api.web_client import PATIENCE_MS, SEEN_ON_BOTH
from playwright.sync_api import BrowserContext, Locator, Page
from stack.server_process import ServerProcess

pytestmark = SEEN_ON_BOTH


class ApiDocumentation:
    """Swagger UI, as a visitor uses it who changes no body."""

    def __init__(self, page: Page) -> None:
        """Take a page that shows it."""
        self.page = page

    def send(self, group: str, name: str, status: int, **ids: str) -> str:
        """Try an operation out with what is prefilled, and with these ids; give the answer."""
        operation = self.page.locator(f"#operations-{group}-{name}")
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        for variable, value in ids.items():
            self._field(operation, variable).fill(value)
        operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table tbody tr.response")
        answer.locator(".response-col_status", has_text=str(status)).wait_for(timeout=PATIENCE_MS)
        return answer.locator("pre").first.text_content() or ""

    def authorize(self, token: str) -> None:
        """Give the token that the next requests carry."""
        self.page.locator(".scheme-container .btn.authorize").click()
        dialog = self.page.locator(".dialog-ux")
        dialog.locator("input").fill(token)
        dialog.get_by_role("button", name="Apply credentials").click()
        dialog.get_by_role("button", name="Close").click()

    def _field(self, operation: Locator, variable: str) -> Locator:
        return operation.locator(f"tr[data-param-name={variable}] input")


def test_the_documentation_is_drawn_and_tries_requests_out(
    shared_server: ServerProcess, context: BrowserContext, complaints: list[str]
) -> None:
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{shared_server.url}/api/docs")
    page.get_by_role("heading", name="Charla").wait_for()
    docs = ApiDocumentation(page)
    docs.send("health", "getHealth", 200)

    assert complaints == []
    assert all(url.startswith((shared_server.url, "data:", "blob:")) for url in asked)


def test_a_visitor_registers_and_sends_a_message_with_the_bodies_that_are_prefilled(
    shared_server: ServerProcess, context: BrowserContext, complaints: list[str]
) -> None:
    page = context.new_page()
    page.goto(f"{shared_server.url}/api/docs")
    docs = ApiDocumentation(page)

    tokens = json.loads(docs.send("auth", "registerAccount", 201))
    docs.authorize(tokens["access_token"])
    session = json.loads(docs.send("sessions", "createSession", 201))
    stream = docs.send("runs", "sendMessage", 200, session_id=session["id"])
    messages = json.loads(docs.send("messages", "listMessages", 200, session_id=session["id"]))

    assert tokens["user"]["name"] == "Ann"
    assert '"type":"done"' in stream
    assert [message["role"] for message in messages["items"]] == ["user", "assistant"]
    assert complaints == []
