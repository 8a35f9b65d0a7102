"""`Documentation/extending.md` followed to the letter: the vendor that it shows answers."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from api.chat_client import Answer, ChatClient
from api.shell_commands import arguments, environment
from source_tree import ROOT
from stack.server_process import ServerProcess
from wires.calls import KEY
from wires.fixtures import WireServer
from wires.model_lists import model_lists
from wires.steps import TEXT

# A single worker of pytest copies the project and starts its server.
pytestmark = pytest.mark.xdist_group("extending")

PAGE = (ROOT / "Documentation" / "extending.md").read_text()
BLOCK = re.compile(r"^`([\w./-]+)`:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = (
    *("app.py", "wsgi.py", "gunicorn.conf.py", "pyproject.toml", ".env.example"),
    *("controllers", "routes", "services", "supabase", "Documentation", "test"),
)
QUICK_TESTS = (
    "test/architecture/test_settings_are_documented.py",
    "test/architecture/test_models_are_documented.py",
    "test/unit/services/providers/test_declarations.py",
    "test/contract/providers/test_every_provider.py",
)
QUICK_ONES = "documented or declarations or held_to_the_contract or mistral-wire-plain"
"""Some of the tests that the page names; the whole contract would take a minute."""

PLAIN = "models: [{provider: mistral, name: plain, default: true, window: 9000, max_output: 900}]"
"""The model that the wire server answers for, added as an operator would."""


def follow(tree: Path, path: str, kind: str, code: str) -> None:
    """Make the file that a block shows, or apply the change that it shows."""
    file = tree / path
    if kind != "diff":
        assert not file.exists(), path
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)
        return
    text = file.read_text()
    for hunk in code.split("@@\n"):
        text = changed(text, hunk)
    file.write_text(text)


def changed(text: str, hunk: str) -> str:
    """Make one change; `...` stands for the rest of a line."""
    lines = [signed(line) for line in hunk.splitlines(keepends=True)]
    before = "".join(line for sign, line in lines if sign != "+")
    after = "".join(line for sign, line in lines if sign != "-")
    found = list(re.finditer("(.*)".join(map(re.escape, before.split("..."))), text))
    assert len(found) == 1, f"{len(found)} places have {before}"
    rest = iter(found[0].groups())
    made = re.sub(r"\.\.\.", lambda _: next(rest), after)
    return text[: found[0].start()] + made + text[found[0].end() :]


def signed(line: str) -> tuple[str, str]:
    """Split a line into its sign and the rest; an empty line needs no sign."""
    return (line[0], line[1:]) if line[0] in " +-" else (" ", line)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project, and do there what the page says."""
    tree = tmp_path_factory.mktemp("extended")
    skipped = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=skipped)
        else:
            shutil.copy(ROOT / name, tree / name)
    for path, kind, code in BLOCK.findall(PAGE):
        follow(tree, path, kind, code)
    return tree


@pytest.fixture(scope="module")
def server(
    tree: Path, wire: WireServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """Start the server of the copy with the new vendor as the only one."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "models.yaml").write_text(PLAIN)
    settings = {
        "MISTRAL_API_KEY": KEY,
        "MISTRAL_BASE_URL": wire.base_url,
        "MISTRAL_RPM": "7",
        "MODELS_FILE": str(folder / "models.yaml"),
    }
    process = ServerProcess(folder, settings)
    process.home = tree
    with process:
        yield process


def test_the_new_vendor_answers(server: ServerProcess, wire: WireServer) -> None:
    client = ChatClient.registered(server.url)

    answer = client.send(client.new_session(), "Hello").take_into(Answer())

    sent = wire.seen()
    assert answer.text == TEXT
    assert answer.terminal is not None
    assert (answer.terminal["provider"], answer.terminal["model"]) == ("mistral", "plain")
    assert answer.terminal["usage"]["input_tokens"] == 12
    assert "stream_options" not in sent["last"]
    assert f"Bearer {KEY}" in sent["headers"].values()


def test_it_is_listed_with_its_models_prices_and_limits(server: ServerProcess) -> None:
    told = ChatClient.registered(server.url).call("GET", "/api/providers").json

    names = [provider["name"] for provider in told["providers"]]
    (mistral,) = [one for one in told["providers"] if one["name"] == "mistral"]
    assert names.index("mistral") == names.index("anthropic") + 1
    assert (mistral["configured"], mistral["default"]) == (True, True)
    assert [one["name"] for one in mistral["models"]] == [
        *("plain", "mistral-small-2603", "mistral-large-2512")
    ]
    assert [bool(one["price"]) for one in mistral["models"]] == [False, True, True]
    assert mistral["limits"]["requests"]["limit"] == 7
    assert mistral["limits"]["tokens"]["limit"] == 100_000


def test_mistakes_in_its_settings_are_told_by_name(tree: Path, tmp_path: Path) -> None:
    wrong = {
        "DEFAULT_PROVIDER": "mistral",
        "MISTRAL_BASE_URL": "nonsense",
        "MISTRAL_RPM": "many",
    }

    told = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tree,
        env=environment(tmp_path, wrong),
        capture_output=True,
        text=True,
        check=False,
    )

    lines = [line.partition(" Expected:")[0].strip() for line in told.stderr.splitlines()]
    assert lines[1:] == [
        "DEFAULT_PROVIDER: mistral needs MISTRAL_API_KEY or MISTRAL_BASE_URL.",
        "MISTRAL_BASE_URL: Not an absolute http or https URL.",
        "MISTRAL_RPM: Not a valid integer.",
    ]


def test_its_key_can_be_checked(tree: Path, tmp_path: Path) -> None:
    names = ("mistral-small-2603", "mistral-large-2512")
    with model_lists() as lists:
        lists.body = json.dumps({"data": [{"id": name} for name in names]}).encode()
        told = subprocess.run(
            arguments("check"),
            cwd=tree,
            env=environment(tmp_path, {"MISTRAL_API_KEY": KEY, "MISTRAL_BASE_URL": lists.url}),
            capture_output=True,
            text=True,
            check=True,
        )

    assert "ok     mistral: usable, 2 models" in told.stdout


def test_its_documents_are_complete_and_the_contract_knows_it(tree: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "pytest", *QUICK_TESTS, "-k", QUICK_ONES],
        cwd=tree,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stdout
