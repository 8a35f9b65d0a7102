"""What belongs to the project: the files that git keeps or would keep."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "test" / "support"


@cache
def _all_files() -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = (name for name in listed.split("\0") if name)
    return tuple(sorted({ROOT / name for name in names if (ROOT / name).is_file()}))


def project_files(*suffixes: str) -> list[Path]:
    """List the project's own files, with these suffixes or all; vendored ones are others'."""
    return [
        path
        for path in _all_files()
        if "vendor" not in path.parts and (not suffixes or path.suffix in suffixes)
    ]


def name_of(path: Path) -> str:
    """Name a file as git does: relative to the top."""
    return str(path.relative_to(ROOT))
