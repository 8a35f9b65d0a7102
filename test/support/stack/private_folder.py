"""A folder for servers that a test run starts: they end with the run, and the folder goes."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

MAX_PATH = 80  # a unix socket's name is added, and the kernel takes 107 bytes at most
END_SECONDS = 10.0
USERS = ("postgres", "nobody")

# Waits for a line, or for the end of the process that could write one; then kills each server with
# its children. A server that was just killed may write a last file, so the removal is repeated.
_GUARD = """
read -r _
for file in "$0"/*.pid; do [ -f "$file" ] && kill -s KILL -- "-$(cat "$file")" 2>/dev/null; done
rm -rf "$0" 2>/dev/null || { sleep 1; rm -rf "$0"; }
"""


@cache
def unprivileged() -> Mapping[str, Any]:
    """Give what `Popen` needs so that a program does not run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = next(known[name] for name in USERS if name in known)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class PrivateFolder:
    """A folder with a short path, owned by the user who runs the servers in it.

    A guard process ends the servers of `Daemon` and removes the folder: at `close`, and also where
    this process is killed before it gets there.
    """

    def __init__(self) -> None:
        """Make the folder."""
        self.path = Path(tempfile.mkdtemp(prefix="charla-"))
        assert len(str(self.path)) <= MAX_PATH, f"{self.path}: set TMPDIR to a shorter path"
        self.give(self.path)
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it must survive a Ctrl-C, to clean up after it
        )

    def write(self, name: str, text: str) -> Path:
        """Write a file that the servers can read."""
        path = self.path / name
        path.write_text(text)
        self.give(path)
        return path

    def make(self, name: str) -> Path:
        """Make a folder inside."""
        path = self.path / name
        path.mkdir(mode=0o700)
        self.give(path)
        return path

    def copy(self, program: str | Path) -> Path:
        """Copy a program from where only this process can read it."""
        copied = shutil.copy(program, self.path)
        Path(copied).chmod(0o755)
        return Path(copied)

    def close(self) -> None:
        """End what still runs in the folder, and remove the folder."""
        self._guard.communicate(b"\n", END_SECONDS)

    @staticmethod
    def give(path: Path) -> None:
        """Let the servers own a file or folder."""
        if owner := unprivileged():
            os.chown(path, owner["user"], owner["group"])
