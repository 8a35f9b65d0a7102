"""What the page says where a login is refused: in words, and when a new one makes sense."""

import pytest
from api.web_client import PASSWORD, PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import BrowserContext, Page, Route, expect
from stack.server_process import ServerProcess, StartServer

pytestmark = [pytest.mark.xdist_group("refused_logins"), SEEN_ON_BOTH]

PROBLEM = "application/problem+json"


def try_login(page: Page, password: str = PASSWORD) -> None:
    """Fill in the form and send it."""
    page.fill("#email", "somebody@example.org")
    page.fill("#password", password)
    page.click("#auth-submit")
    expect(page.locator("#auth-submit")).to_be_enabled(timeout=PATIENCE_MS)


@pytest.mark.parametrize(
    ("limits", "unit"),
    [
        ({"RATE_LIMIT_LOGIN": "1 per minute"}, "seconds"),
        ({"RATE_LIMIT_FAILED_NETWORK": "1 per 10 minutes"}, "minutes"),
        ({"RATE_LIMIT_FAILED_ACCOUNT": "1 per 10 minutes"}, "minutes"),
    ],
    ids=["address", "network", "account"],
)
def test_a_login_after_too_many_says_when_it_may_be_tried_again(
    limits: dict[str, str], unit: str, context: BrowserContext, start_server: StartServer
) -> None:
    page = context.new_page()
    page.goto(start_server(limits).url)

    for _ in range(3):
        try_login(page, "not the password")

    said = page.locator("#auth-error")
    expect(said).to_contain_text("Try again in ")
    expect(said).to_contain_text(unit)
    expect(said).not_to_contain_text("Retry-After")
    expect(page.locator("#password")).to_have_value("not the password")


def test_a_login_that_no_one_looked_at_is_told_as_that(
    context: BrowserContext, shared_server: ServerProcess
) -> None:
    def refuse(route: Route) -> None:
        detail = "Too many people log in at once; this login was not looked at."
        route.fulfill(
            status=503,
            headers={"Retry-After": "5"},
            content_type=PROBLEM,
            json={"code": "too_many_logins", "detail": detail},
        )

    page = context.new_page()
    page.route("**/api/auth/login", refuse)
    page.goto(shared_server.url)

    try_login(page)

    expect(page.locator("#auth-error")).to_contain_text("not looked at. Try again in 5 seconds.")
    expect(page.locator("#password")).to_have_value(PASSWORD)


def test_a_search_that_takes_too_long_is_told_in_a_sentence(
    client: WebClient, complaints: list[str]
) -> None:
    def refuse(route: Route) -> None:
        text = "The search takes too long: try longer words."
        problem = {"code": "search_too_broad", "detail": text, "errors": {"q": [text]}}
        route.fulfill(status=422, content_type=PROBLEM, json=problem)

    client.page.route("**/sessions?*q=*", refuse)

    client.page.fill("#search", "a")

    said = client.page.locator("#sessions-status")
    expect(said).to_have_text("The search takes too long: try longer words.")
    assert all("422" in complaint for complaint in complaints)
    complaints.clear()
