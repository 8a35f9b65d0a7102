"""The web client in a real browser: what a user does there, and what the server then has."""

import json
import urllib.request
import uuid
from typing import Any

from playwright.sync_api import Locator, Page, Request, expect
from stack.columns import EMBEDDED, only_on

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGS = [
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "seven quiet rivers run north"
SESSIONS = "/api/chat/realtime/sessions"
PATIENCE_MS = 30_000  # both cores may be busy with other tests

# A browser sees the API and nothing behind it, so one way to run is enough.
SEEN_ON_BOTH = only_on(EMBEDDED, "test_browser.py is what a page may see differently, on both")

# Records every state of the last answer, so that a test need not look at the right moment.
_WATCH = """
() => {
  window.seen = [];
  const look = () => {
    const answer = document.querySelector(".message.assistant:last-child");
    if (!answer) return;
    window.seen.push([answer.dataset.status, answer.querySelector(".text").textContent]);
  };
  new MutationObserver(look).observe(document.querySelector("#messages"),
    {subtree: true, childList: true, characterData: true, attributes: true});
}
"""


class WebClient:
    """One tab of the web client."""

    def __init__(self, page: Page, url: str, email: str | None = None) -> None:
        """Open the page; another tab of the same context is logged in already."""
        self.page = page
        self.url = url
        self.email = email or f"{uuid.uuid4().hex}@example.org"
        page.goto(url)

    def register(self) -> None:
        """Make an account through the form."""
        self.page.click("#auth-switch")
        self.page.fill("#email", self.email)
        self.page.fill("#password", PASSWORD)
        self.page.click("#auth-submit")
        expect(self.page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)

    def log_in(self) -> None:
        """Log in through the form, as on another device."""
        self.page.fill("#email", self.email)
        self.page.fill("#password", PASSWORD)
        self.page.click("#auth-submit")
        expect(self.page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)

    def send(self, content: str) -> None:
        """Write a message and press Enter."""
        self.page.fill("#content", content)
        self.page.press("#content", "Enter")

    @property
    def answer(self) -> Locator:
        """The last answer on the page."""
        return self.page.locator(".message.assistant").last

    @property
    def text(self) -> str:
        """The text of the last answer."""
        return self.answer.locator(".text").text_content() or ""

    def wait_for_words(self, chars: int) -> None:
        """Wait until the answer that is being written has at least `chars` characters."""
        self.page.wait_for_function(
            """(chars) => {
                 const texts = document.querySelectorAll(".message.assistant .text");
                 return (texts[texts.length - 1]?.textContent.length ?? 0) >= chars;
               }""",
            arg=chars,
            timeout=PATIENCE_MS,
        )

    def wait_for_end(self, status: str = "complete") -> None:
        """Wait until the last answer has ended with this status."""
        expect(self.answer).to_have_attribute("data-status", status, timeout=PATIENCE_MS)

    def watch(self) -> None:
        """Begin to record every change of the last answer."""
        self.page.evaluate(_WATCH)

    def seen(self) -> list[tuple[str, str]]:
        """Give what was recorded: status and text of the last answer after every change."""
        return [(status, text) for status, text in self.page.evaluate("() => window.seen")]

    def requests(self, part: str = "") -> list[Request]:
        """Begin to record the requests of the page whose address has `part` in it."""
        found: list[Request] = []

        def hear(request: Request) -> None:
            if part in request.url:
                found.append(request)

        self.page.on("request", hear)
        return found

    @property
    def session_id(self) -> str:
        """The conversation that the address names."""
        return self.page.url.rpartition("/")[2]

    def stored_messages(self) -> list[dict[str, Any]]:
        """Ask the server for the messages of the open conversation, with a separate login."""
        path = f"{SESSIONS}/{self.session_id}/messages"
        items: list[dict[str, Any]] = self._ask(path, token=self._log_in_apart())["items"]
        return items

    def make_sessions(self, *titles: str) -> None:
        """Make empty conversations at the server, with a separate login."""
        token = self._log_in_apart()
        for title in titles:
            self._ask(SESSIONS, {"title": title}, token)

    def _log_in_apart(self) -> str:
        login = self._ask("/api/auth/login", {"email": self.email, "password": PASSWORD})
        token: str = login["access_token"]
        return token

    def _ask(self, path: str, body: object = None, token: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data)  # noqa: S310 - http on this machine
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - the same
            return json.load(response)
