"""The Makefile tells what it does, and documents name only what it can."""

import re
import subprocess

from source_tree import ROOT, name_of, project_files

TARGETS = {
    *("help", "run", "test", "check", "e2e", "torture", "hostile", "bench"),
    *("format", "lock", "openapi"),
}


def described_targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_target_that_is_promised_is_described() -> None:
    assert described_targets() == TARGETS


def test_make_alone_lists_every_target() -> None:
    help_text = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    assert set(re.findall(r"^  make ([a-z0-9-]+) +\S", help_text, re.MULTILINE)) == TARGETS


def test_make_run_becomes_the_server() -> None:
    recipe = re.search(r"^run:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert recipe is not None
    assert recipe[1].rstrip().endswith("exec .venv/bin/python app.py")


def test_documents_name_only_targets_that_exist() -> None:
    for path in project_files(".md"):
        code = re.findall(r"`[^`\n]+`|^(?: {4}|\$ ).+$", path.read_text(), re.MULTILINE)
        code += re.findall(r"```.*?```", path.read_text(), re.DOTALL)
        named = set(re.findall(r"(?:^|[\s`$])make ([a-z][a-z0-9-]*)", "\n".join(code)))
        assert named <= TARGETS, name_of(path)
