"""What is written beside the code stays true and speaks of the project alone."""

import re

from source_tree import ROOT, name_of, project_files

SECTIONS = ["Status", "Context", "Decision", "Consequences"]
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:work|root|home/\w+|Users/\w+|opt/(?:pypi|wheels))(?!\w)")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com")


def test_every_decision_says_status_context_decision_and_consequences() -> None:
    for path in (ROOT / "Documentation" / "decisions").glob("*.md"):
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name), path.name
        headings = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert headings == SECTIONS, path.name


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(
        int(path.name[:4]) for path in (ROOT / "Documentation" / "decisions").glob("*.md")
    )

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
