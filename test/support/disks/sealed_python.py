"""A Python that sees a read-only file system, with one small disk to write to.

It runs in a mount namespace of its own (`unshare`), so that nothing outside changes; as an ordinary
user that needs a user namespace too.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

_SCRIPT = """#!/bin/sh
# Everything is read-only but the disk at {disk}; /proc and /dev stay what they are.
if [ "$CHARLA_SEALED" != 1 ]; then
    CHARLA_SEALED=1 exec unshare {flags} --propagation private -- "$0" "$@"
fi
unset CHARLA_SEALED
set -e
mount -t tmpfs -o size={size},mode=700 tmpfs {disk}
while read -r _ _ _ _ place options _; do
    case $place in /proc* | /sys* | /dev | /dev/pts* | {disk}) continue ;; esac
    mount -o remount,bind,ro "$place" 2>/dev/null || true
done <<MOUNTS
$(cat /proc/self/mountinfo)
MOUNTS
! touch /tmp/probe /var/tmp/probe /dev/shm/probe 2>/dev/null
exec {python} "$@"
"""


@dataclass(frozen=True, slots=True)
class SealedPython:
    """The program to run instead of Python, and the disk that what it runs may write to."""

    path: Path
    disk: Path

    @classmethod
    def make(cls, folder: Path, python: Path, size: str = "8m") -> "SealedPython":
        """Make the program in a folder; the disk is mounted at `folder`/disk when it runs."""
        disk = folder / "disk"
        disk.mkdir()
        made = cls(folder / "sealed-python", disk)
        flags = "--mount" if os.geteuid() == 0 else "--mount --map-root-user"
        made.path.write_text(
            _SCRIPT.format(disk=disk, flags=flags, size=size, python=python), encoding="utf-8"
        )
        made.path.chmod(0o700)
        return made

    def seen_by(self, process: psutil.Process) -> Path:
        """Give the disk as a process in the namespace sees it, to look at from outside."""
        return Path(f"/proc/{process.pid}/root{self.disk}")

    def remount(self, process: psutil.Process, options: str) -> None:
        """Mount the disk anew with other options, such as `ro`."""
        inside = ["nsenter", f"--target={process.pid}", "--mount"]
        if os.geteuid() != 0:
            inside += ["--user", "--preserve-credentials"]
        subprocess.run([*inside, "mount", "-o", f"remount,{options}", self.disk], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that is left on a disk; deleting the file gives it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            while True:
                try:
                    file.write(b"\0" * size)
                except OSError:
                    break
    return ballast
