"""What is written beside the code stays true and speaks of the project alone."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from source_tree import ROOT, name_of, project_files

DECISIONS = ROOT / "Documentation" / "decisions"
SECTIONS = ["Status", "Context", "Decision", "Consequences"]
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:work|root|home/\w+|Users/\w+|opt/(?:pypi|wheels))(?!\w)")
NAMED_PATH = re.compile(
    r"`((?:app\.py|wsgi\.py|(?:controllers|routes|services|test|bench|supabase|deploy|"
    r"Documentation|\.ci)/)[^`\s]*)`"
)
SHOWN_FILE = re.compile(r"^`([\w./-]+)`:\n\n```(?!diff)", re.MULTILINE)
"""A file that a page shows whole: the reader is to make it."""
INSTALLED = {"test/node_modules"}
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:|/)([^)#\s]*)(?:#([^)\s]+))?\)")
COLUMNS = 120
ONE_LINE = re.compile(r"[+ -]?\||data: ")
"""A row of a table, also in a diff, and a frame's data: neither can be wrapped."""
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com")

DOCUMENTS = [
    path
    for path in project_files(".md")
    if path.relative_to(ROOT).parts[0] in ("README.md", "Documentation", "bench")
]


def anchors_of(text: str) -> set[str]:
    """Name the headings of a page as GitHub's links do."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE):
        name = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    named = set(NAMED_PATH.findall(FENCED.sub("", text)))
    exempt = INSTALLED | set(SHOWN_FILE.findall(text))

    missing = [
        path
        for path in sorted(named - exempt)
        if not re.search(r"[*<]|\.\.\.", path) and not (ROOT / path).exists()
    ]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_relative_link_of_a_document_has_a_target(document: Path) -> None:
    broken = []
    for name, anchor in LINK.findall(FENCED.sub("", document.read_text())):
        target = document.parent / name if name else document
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text())):
            broken.append(f"{name}#{anchor}")

    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_no_line_of_a_document_is_wider_than_120_columns(document: Path) -> None:
    wide = [
        f"{number}: {line[:60]}"
        for number, line in enumerate(document.read_text().splitlines(), start=1)
        if len(line) > COLUMNS and not ONE_LINE.match(line)
    ]

    assert wide == []


def test_the_layers_are_drawn_as_the_contract_of_the_imports_has_them() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each.get("containers") == ["services"])
    page = (ROOT / "Documentation" / "architecture.md").read_text()

    assert re.findall(r"^services\.(\w+(?: \| \w+)?)  ", page, re.MULTILINE) == layers


def test_every_decision_says_status_context_decision_and_consequences() -> None:
    for path in DECISIONS.glob("*/*.md"):
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name), path.name
        headings = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert headings == SECTIONS, path.name


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in DECISIONS.glob("*/*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


def test_no_file_names_a_path_of_one_machine_or_the_host_of_a_registry() -> None:
    found = [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path in project_files()
        if b"\0" not in path.read_bytes()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if MACHINE_PATH.search(line) or REGISTRY.search(line)
    ]

    assert found == []


def test_every_requirement_is_pinned_to_one_version() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", ".ci/requirements-node.txt"):
        lines = (ROOT / name).read_text().splitlines()
        wanted = [line for line in lines if not line.startswith("#")]
        assert wanted, name
        for line in wanted:
            assert re.match(r"[a-z0-9-]+==[\w.]+(?: |$)", line), f"{name}: {line}"
