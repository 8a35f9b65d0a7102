"""The examples for a client in JavaScript read on, renew their login, and stop when refused."""

import json
import re
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from api.chat_client import PASSWORD, REALTIME, ChatClient, Json
from api.web_client import SEEN_ON_BOTH
from source_tree import ROOT
from stack.cut_proxy import Cut, CutProxy
from stack.server_process import ServerProcess, StartServer
from worlds.patience import eventually

pytestmark = SEEN_ON_BOTH

ACCESS_TOKEN_SECONDS = 2
PAGES = {"ask.js": "streaming.md", "login.js": "clients/login.md"}
EXAMPLE = re.compile(r"^```js\n(.*?)^```", re.MULTILINE | re.DOTALL)
STREAM_JS = ROOT / "routes" / "assets" / "web" / "api" / "stream.js"
RUN = """
import { readFileSync } from "node:fs";
import { ask } from "./ask.js";
import { Login } from "./login.js";
const [base, tokens, sessionId, content] = JSON.parse(readFileSync(0, "utf8"));
const told = { text: null, renewed: 0, end: null, refused: null };
const login = new Login(base, tokens, () => (told.renewed += 1));
try {
  told.end = await ask(login, sessionId, content, (text) => (told.text = text));
} catch (error) {
  told.refused = { status: error.status, problem: error.problem };
}
process.stdout.write(JSON.stringify(told));
process.exit();
"""


@dataclass(frozen=True, slots=True)
class Example:
    """The examples as files in a folder, beside the reader that they use."""

    folder: Path

    def begin(self, *arguments: object) -> "subprocess.Popen[bytes]":
        """Send a message as the examples do."""
        for name, page in PAGES.items():
            (code,) = EXAMPLE.findall((ROOT / "Documentation" / page).read_text())
            (self.folder / name).write_text(code)
        (self.folder / "stream.js").write_text(STREAM_JS.read_text())
        (self.folder / "package.json").write_text('{"type": "module"}')
        (self.folder / "run.js").write_text(RUN)
        pipe = subprocess.PIPE
        running = subprocess.Popen(
            ["node", "run.js"], cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe
        )
        assert running.stdin is not None
        running.stdin.write(json.dumps(arguments).encode())
        running.stdin.close()
        running.stdin = None
        return running

    def run(self, *arguments: object) -> Json:
        """Send a message as the examples do, and give what they tell in the end."""
        return self.told(self.begin(*arguments))

    @staticmethod
    def told(running: "subprocess.Popen[bytes]") -> Json:
        """Wait for the end, and give what was told."""
        out, err = running.communicate(timeout=120)
        assert running.returncode == 0, err.decode()
        told: Json = json.loads(out)
        return told


@pytest.fixture
def example(tmp_path: Path) -> Example:
    """Give the examples."""
    return Example(tmp_path)


@pytest.fixture(scope="module")
def shared_server(start_shared: StartServer) -> ServerProcess:
    """Start a server whose access tokens run out in the middle of an answer."""
    settings = {
        "ACCESS_TOKEN_SECONDS": f"{ACCESS_TOKEN_SECONDS}",
        "JWT_LEEWAY_SECONDS": "0",
        "PING_SECONDS": "0.1",
    }
    return start_shared({**settings, "RATE_LIMIT_ENABLED": "false"})


@pytest.fixture
def tokens(shared_server: ServerProcess) -> Json:
    """Register a user."""
    body = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
    return ChatClient(shared_server.url).call("POST", "/api/auth/register", body).json


def another_tab(server: ServerProcess, tokens: Json) -> ChatClient:
    """Give a client of the same login, with a token that was just renewed."""
    body = {"refresh_token": tokens["refresh_token"]}
    renewed = ChatClient(server.url).call("POST", "/api/auth/refresh", body)
    assert renewed.status == 200, renewed.json
    return ChatClient(server.url, renewed.json["access_token"])


def test_a_token_that_runs_out_is_renewed_when_the_connection_breaks(
    shared_server: ServerProcess, tokens: Json, proxy: CutProxy, example: Example
) -> None:
    session = another_tab(shared_server, tokens).new_session()
    proxy.cut_streams([Cut(2000), *[Cut(9000)] * 6])  # a request that gets 401 takes one as well

    told = example.run(proxy.url, tokens, session, "/slow 15 /long 300")

    assert proxy.cuts_done >= 3
    assert told["end"]["finish_reason"] == "stop"
    assert told["text"] == told["end"]["full_content"]
    assert told["renewed"] >= 1


def test_an_open_stream_outlives_its_token(
    shared_server: ServerProcess, tokens: Json, example: Example
) -> None:
    session = another_tab(shared_server, tokens).new_session()

    told = example.run(shared_server.url, tokens, session, "/slow 25 /long 200")

    assert told["end"]["total_ms"] > 2 * ACCESS_TOKEN_SECONDS * 1000
    assert told["renewed"] <= 1  # before the message was sent, where that took long


def test_a_refusal_is_told_and_not_repeated(
    shared_server: ServerProcess, tokens: Json, example: Example
) -> None:
    told = example.run(shared_server.url, tokens, "no-session", "Hello")

    assert told["refused"]["status"] == 404
    assert told["refused"]["problem"]["code"] == "not_found"


def test_a_login_that_ends_meanwhile_ends_the_reading_and_not_the_answer(
    shared_server: ServerProcess, tokens: Json, example: Example
) -> None:
    session = another_tab(shared_server, tokens).new_session()
    path = f"{REALTIME}/sessions/{session}"
    running = example.begin(shared_server.url, tokens, session, "/slow 1000 /long 4")
    eventually(lambda: another_tab(shared_server, tokens).call("GET", path).json["active_run"])

    assert another_tab(shared_server, tokens).call("POST", "/api/auth/logout").status == 204

    assert Example.told(running)["refused"]["status"] == 401
    body = {"email": tokens["user"]["email"], "password": PASSWORD}
    again = ChatClient(shared_server.url).call("POST", "/api/auth/login", body).json
    with ChatClient(shared_server.url, again["access_token"]).open("GET", f"{path}/stream") as rest:
        assert rest.status in (200, 204)
        rest.body()
    assert another_tab(shared_server, again).messages(session)[-1]["status"] == "complete"
