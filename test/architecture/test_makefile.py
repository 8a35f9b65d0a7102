"""The Makefile tells what it does, and documents name only what it can."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
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


SHELL: Mapping[str, str] = {
    "PATH": os.defpath,
    "PYTHON": "/opt/another/python",
    "VENV": "/opt/another/python",
    "PYTEST": "nose",
    "ARGS": "--rubbish",
    "JOBS": "-j8",
    "BENCH": "1",
    "LOCK": "yes",
    "SHELL": "/bin/false",
    "PYTHONPATH": "/opt/ros/lib",
    "PYTHONHOME": "/opt/another",
    "VIRTUAL_ENV": "/opt/another",
    "HOST": "x86_64-conda-linux-gnu",
    "CONFIG": "Release",
}
"""What shells, version managers and other projects export."""


def recipe_of(target: str, environment: Mapping[str, str], *words: str) -> str:
    """Give what `make` would run."""
    return subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--always-make", target, *words],
        cwd=ROOT,
        env=dict(environment),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.parametrize("flags", ["", "e", "-j8", "k"])
@pytest.mark.parametrize("target", ["run", "test", "bench", "lock"])
def test_what_a_shell_exports_changes_no_recipe(target: str, flags: str) -> None:
    clean = recipe_of(target, {"PATH": os.defpath})

    assert recipe_of(target, {**SHELL, "MAKEFLAGS": flags}) == clean
    assert ".venv/bin/python" in clean


def test_what_is_given_to_make_counts() -> None:
    recipe = recipe_of("test", SHELL, "ARGS=-k sessions", "JOBS=2")

    assert "--numprocesses 2 --dist loadgroup -k sessions" in recipe


def test_the_benchmark_installs_what_its_servers_need() -> None:
    assert "chromium curl postgresql redis-server" in recipe_of("bench", {"PATH": os.defpath})


@pytest.mark.parametrize("python", ["/nonexistent/python", "/bin/false", "", "python of mine"])
def test_a_python_that_is_none_is_passed_over(tmp_path: Path, python: str) -> None:
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "uv").write_text('#!/bin/sh\necho "$@"\n')
    (commands / "uv").chmod(0o700)
    (commands / "python3").symlink_to(sys.executable)

    ran = subprocess.run(
        [tmp_path / ".ci" / "setup-python", "requirements.txt"],
        env={"PATH": f"{commands}:{os.defpath}", "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "venv --quiet --clear --python python3 .venv" in ran.stdout
    assert ("is no Python 3.11" in ran.stderr) == bool(python)
