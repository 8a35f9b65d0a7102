"""`flask --app app COMMAND` as a child process, with settings of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from source_tree import ROOT


def arguments(*words: str | Path) -> list[str]:
    """Give the arguments that start a command."""
    return [sys.executable, "-m", "flask", "--app", "app", *map(str, words)]


def environment(data_dir: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give a command its settings, and from this process only what every program needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251 - a child needs PATH and HOME
    return kept | {"DATA_DIR": str(data_dir)} | dict(settings or {})


def run_command(
    data_dir: Path, *words: str | Path, settings: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        arguments(*words),
        cwd=ROOT,
        env=environment(data_dir, settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
