"""A real browser and a real server, for the tests of what a user sees."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from api.web_client import CHROMIUM, CHROMIUM_ARGS, WebClient
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, sync_playwright
from source_tree import ROOT
from stack.columns import Column
from stack.cut_proxy import CutProxy
from stack.server_process import ServerProcess, StartServer
from worlds.two_workers import SHARED, Pair, StartPair


@pytest.fixture
def start_server(column: Column, start_server: StartServer) -> StartServer:
    """Start real servers of the column, with settings of their own; they end with the test."""
    column.empty()

    def start(settings: Mapping[str, str] | None = None) -> ServerProcess:
        return start_server({**column.server_settings, **(settings or {})})

    return start


@pytest.fixture(scope="module")
def start_shared(column: Column, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start servers of the column for a whole module."""
    with column.kept(), ExitStack() as running:

        def start(settings: Mapping[str, str] | None = None) -> ServerProcess:
            given = {**column.server_settings, **(settings or {})}
            return running.enter_context(ServerProcess(tmp_path_factory.mktemp("shared"), given))

        yield start


@pytest.fixture(scope="module")
def shared_server(start_shared: StartServer) -> ServerProcess:
    """Start one server for a module; every test has an account of its own there."""
    return start_shared({"RATE_LIMIT_ENABLED": "false"})  # all accounts come from one address


@pytest.fixture
def start_pair(start_server: StartServer) -> StartPair:
    """Start two servers of one worker each, with settings of their own; they end with the test."""

    def start(settings: Mapping[str, str]) -> Pair:
        given = {**SHARED, **settings}
        return Pair(start_server(given), start_server(given))

    return start


@pytest.fixture
def proxy(shared_server: ServerProcess) -> Iterator[CutProxy]:
    """Put a relay before the server; the test can cut the relay's connections."""
    with CutProxy(shared_server.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Open a fresh profile."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def complaints(context: BrowserContext) -> list[str]:
    """Collect what the browser complains about: errors, and breaches of the content policy."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.append(message.text)

    context.on("console", hear)
    context.on("weberror", lambda error: found.append(str(error.error)))
    return found


@pytest.fixture
def client(
    context: BrowserContext, complaints: list[str], shared_server: ServerProcess
) -> Iterator[WebClient]:
    """Open the web client, logged in with a new account; no complaint may be left at the end."""
    client = WebClient(context.new_page(), shared_server.url)
    client.register()
    yield client
    assert complaints == []


@pytest.fixture
def demo_file() -> Path:
    """Name the one-file client."""
    return ROOT / "test" / "chat_realtime_demo.html"
