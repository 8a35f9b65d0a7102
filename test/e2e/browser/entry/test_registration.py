"""What the page shows where not everybody may register, and what one-time links open."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from api.web_client import PASSWORD, PATIENCE_MS, SEEN_ON_BOTH
from playwright.sync_api import Browser, BrowserContext, Page, expect
from stack.server_process import ServerProcess, StartServer
from worlds.stores import new_id

from services.identity.links import Links
from services.stores.sqlite.store import SqliteStore

pytestmark = [pytest.mark.xdist_group("browser_registration"), SEEN_ON_BOTH]

NEW_PASSWORD = "another good password"


@pytest.fixture(scope="module")
def server(start_shared: StartServer) -> ServerProcess:
    """Start a server on which accounts are made by invitation."""
    return start_shared({"REGISTRATION": "invite", "RATE_LIMIT_ENABLED": "false"})


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Open a tab."""
    return context.new_page()


@contextmanager
def operating(server: ServerProcess) -> Iterator[tuple[SqliteStore, Links]]:
    """Work on the server's database as the operator's commands do."""
    with closing(SqliteStore.open(server.data_dir)) as store:
        yield store, Links(store.links, timedelta(hours=1))


def invitation(server: ServerProcess, email: str) -> str:
    """Make an invitation and give its link."""
    with operating(server) as (_, links):
        return f"{server.url}/#invite={links.invite(email).token}&email={email}"


def reset(server: ServerProcess, email: str) -> str:
    """Make a link for a forgotten password, without the address in it."""
    with operating(server) as (store, links):
        known = store.users.credentials(email)
        assert known is not None
        return f"{server.url}/#reset={links.reset(known.user.id).token}"


def accept(page: Page, server: ServerProcess) -> str:
    """Make an account by invitation; give its address."""
    email = f"{new_id()}@example.org"
    page.goto(invitation(server, email))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)
    return email


def test_a_page_says_that_registration_is_closed_and_shows_no_form_for_it(
    page: Page, server: ServerProcess
) -> None:
    page.goto(server.url)

    expect(page.get_by_role("status").filter(has_text="by invitation")).to_be_visible()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_role("button", name="Create an account")).to_have_count(0)


def test_an_invitation_lets_in_once_and_leaves_the_address(
    page: Page, server: ServerProcess, complaints: list[str]
) -> None:
    email = f"{new_id()}@example.org"
    link = invitation(server, email)
    page.goto(link)
    expect(page.get_by_role("heading", name="You are invited")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value(email)
    expect(page.get_by_label("Password")).to_be_focused()

    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)
    assert page.url == f"{server.url}/"
    assert complaints == []

    page.click("#logout")
    page.goto(link)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Ask for a new one")).to_be_visible()


def test_a_reset_lets_in_with_the_new_password_and_out_everybody_else(
    page: Page, server: ServerProcess, browser: Browser
) -> None:
    email = accept(page, server)
    apart = browser.new_context()
    other = apart.new_page()

    other.goto(reset(server, email))
    expect(other.get_by_role("heading", name="Choose a password")).to_be_visible()
    expect(other.get_by_label("E-mail")).to_be_hidden()
    other.get_by_label("New password").fill(NEW_PASSWORD)
    other.get_by_role("button", name="Save password").click()
    expect(other.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)

    page.reload()
    expect(page.locator("#auth")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#composer")).to_be_visible(timeout=PATIENCE_MS)
    apart.close()


def test_a_link_stays_where_another_tab_logs_out(
    page: Page, context: BrowserContext, server: ServerProcess
) -> None:
    accept(page, server)
    invited = f"{new_id()}@example.org"
    other = context.new_page()
    other.goto(invitation(server, invited))
    other.get_by_label("Password").fill(PASSWORD)

    page.click("#logout")
    expect(page.locator("#auth")).to_be_visible()
    other.wait_for_timeout(500)  # it hears of it

    other.get_by_role("button", name="Create account").click()
    expect(other.locator("#user")).to_have_text(invited, timeout=PATIENCE_MS)


def test_a_link_in_a_page_that_is_open_may_be_left_or_used(
    page: Page, server: ServerProcess
) -> None:
    accept(page, server)
    invited = f"{new_id()}@example.org"
    link = invitation(server, invited)

    page.goto(link)  # only the fragment changes: the page is not loaded again
    page.get_by_role("button", name="I have an account").click()
    expect(page.locator("#composer")).to_be_visible()
    assert page.url == f"{server.url}/"

    page.goto(link)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.locator("#user")).to_have_text(invited, timeout=PATIENCE_MS)
