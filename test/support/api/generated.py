"""The guide to generated clients, carried out in a folder: its commands and its programs."""

import re
import subprocess
import sys
import uuid
from pathlib import Path

from source_tree import ROOT

GUIDE = (ROOT / "Documentation" / "clients" / "generated.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.+)\n```", GUIDE, re.MULTILINE)
PROGRAMS = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL))
PASSWORD = "seven quiet rivers run north"


class Workshop:
    """A folder with the guide's programs, and what a new account at a server needs."""

    def __init__(self, folder: Path, base: str) -> None:
        """Write the programs, and find the packages of npm where the tests have them."""
        self.folder = folder
        self._base = base
        (folder / "node_modules").symlink_to(ROOT / "test" / "node_modules")
        for name, text in PROGRAMS.items():
            (folder / name).write_text(text)

    def command(self, word: str, more: str = "") -> str:
        """Run the guide's command that has this word; give all that it said."""
        (command,) = (each for each in COMMANDS if word in each.split())
        done = self.run("bash", "-euc", f"{command} {more}")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def run(self, *words: str, email: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a program, with an address of its own unless one is given."""
        given = {
            "BASE": self._base,
            "EMAIL": email or f"{uuid.uuid4().hex}@example.org",
            "PASSWORD": PASSWORD,
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "NPM_CONFIG_OFFLINE": "true",
            "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        }
        return subprocess.run(
            words, cwd=self.folder, env=given, capture_output=True, text=True, check=False
        )
