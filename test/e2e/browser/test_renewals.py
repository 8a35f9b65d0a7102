"""A login in the web client goes on: after a lost answer, and in two tabs at once."""

import pytest
from api.web_client import PATIENCE_MS, SEEN_ON_BOTH, WebClient
from playwright.sync_api import Request, Route, expect

pytestmark = [pytest.mark.xdist_group("two_windows"), SEEN_ON_BOTH]

REFRESH = "**/api/auth/refresh"
TRIES = 3
"""So often the page itself sends a renewal whose answer was lost."""


def test_an_answer_that_was_lost_is_asked_for_again(
    client: WebClient, complaints: list[str]
) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    asked = client.requests("/api/auth/refresh")
    lost: list[Request] = []

    def was_the_last(request: Request) -> bool:
        lost.append(request)
        return len(lost) == TRIES

    client.page.route(REFRESH, lose)
    with client.page.expect_event("requestfailed", was_the_last):
        client.page.reload()
    expect(client.page.locator("#composer")).to_be_hidden()
    client.page.unroute(REFRESH)

    client.page.reload()

    expect(client.page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)
    keys = [request.headers["idempotency-key"] for request in asked]
    assert len(set(keys[: TRIES + 1])) == 1
    client.page.reload()
    expect(client.page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)
    assert asked[-1].headers["idempotency-key"] not in keys[: TRIES + 1]
    complaints.clear()


def test_two_tabs_that_begin_at_once_stay_logged_in(client: WebClient) -> None:
    other = WebClient(client.page.context.new_page(), client.url, client.email)
    tabs = [client.page, other.page]

    for _ in range(3):
        for tab in tabs:
            tab.evaluate("() => void setTimeout(() => location.reload(), 0)")
        for tab in tabs:
            expect(tab.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)

    client.send("/slow 0 /echo still here")
    client.wait_for_end()
