"""Clients that generators make of the API's document compile, and run as the guide shows."""

import compileall
import sys

import pytest
from api.generated import PROGRAMS, Workshop
from stack.columns import EMBEDDED, only_on
from stack.server_process import ServerProcess

pytestmark = [
    only_on(EMBEDDED, "the document is the same on both"),
    pytest.mark.timeout(300),  # two compilers, on cores that other tests keep busy
]

SAID = """\
all at once stop
scripted answers with scripted-1
word
by
word
stop after 3 tokens
user /echo all at once
assistant all at once
user /echo word by word
assistant word by word
"""

HELD = """
import type { components, operations } from "./charla.d.ts";

type Schemas = components["schemas"];

export const draft: Schemas["SessionDraft"] = {};
export const turn: Schemas["StreamTurn"] = { content: "x" };
export const chat: Schemas["ChatTurn"] = { content: "x", parent_id: null };
export const count: Schemas["CountedText"] = { content: "x" };
export const patch: Schemas["SessionPatch"] = { archived: true };
export const query: operations["listSessions"]["parameters"]["query"] = {};

export function end({ finish_reason, usage }: Schemas["Answer"]): Schemas["FinishReason"] {
  const sum: number = usage.input_tokens + usage.output_tokens;
  return sum ? finish_reason : "stop";
}

// @ts-expect-error it is misspelled
export const misspelled: Schemas["StreamTurn"] = { contnet: "x" };
// @ts-expect-error the text is missing
export const empty: Schemas["StreamTurn"] = {};
// @ts-expect-error there is no such strategy
export const unknown: Schemas["StreamTurn"] = { content: "x", strategy: "best" };
// @ts-expect-error an event has only its own fields
export const absent = (event: Schemas["ContentEvent"]) => event.contnet;
// @ts-expect-error it may be null
export const length = (session: Schemas["Session"]) => session.title.length;
"""

TALK_AGAIN = """
from uuid import UUID

from charla_client.api.runs import follow_run, stop_run
from charla_client.models import FinishReason

assert answer.finish_reason is FinishReason.STOP
stream = follow_run.sync(answer.run_id, client=client)
assert isinstance(stream, str) and '"type":"done"' in stream
refused = stop_run.sync(UUID(int=0), client=client)
assert isinstance(refused, Problem)
print(refused.status, refused.code)
"""


@pytest.fixture(scope="module")
def workshop(shared_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Give a folder with the guide's programs."""
    return Workshop(tmp_path_factory.mktemp("clients"), shared_server.url)


def test_the_typescript_client_compiles_strictly_and_runs(workshop: Workshop) -> None:
    (workshop.folder / "held.mts").write_text(HELD)
    made = workshop.command("openapi-typescript")
    workshop.command("tsc", "held.mts")

    talk = "import {talk} from './talk.mjs'; const {BASE, EMAIL, PASSWORD} = process.env;"
    run = ("node", "--input-type=module", "-e", f"{talk} await talk(BASE, EMAIL, PASSWORD)")
    done = workshop.run(*run, email="type@example.org")
    again = workshop.run(*run, email="type@example.org")

    assert "warn" not in made.lower()
    assert [line.strip() for line in done.stdout.splitlines()] == SAID.splitlines()
    assert done.stderr == ""
    assert "Error: email_taken" in again.stderr


def test_the_python_client_has_its_types_and_runs(workshop: Workshop) -> None:
    (workshop.folder / "again.py").write_text(PROGRAMS["talk.py"] + TALK_AGAIN)
    made = workshop.command("openapi-python-client", "--fail-on-warning")
    compiles = compileall.compile_dir(workshop.folder / "charla_client", quiet=1)
    types = workshop.run(sys.executable, "-m", "mypy", "--strict", "again.py", "charla_client")
    complaints = [line for line in types.stdout.splitlines() if ": error: " in line]
    of_every_api = "charla_client/client.py:"

    done = workshop.run(sys.executable, "again.py", email="python@example.org")
    again = workshop.run(sys.executable, "talk.py", email="python@example.org")

    assert made.split("\n") == ["Generating charla_client", ""]
    assert compiles
    assert [line for line in complaints if not line.startswith(of_every_api)] == []
    assert "checked" in types.stdout
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "404 not_found"
    assert "assistant word by word" in done.stdout
    assert again.stderr.startswith("email_taken: ")
