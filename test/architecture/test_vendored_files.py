"""What others wrote lies here as they published it, with its licence."""

import hashlib

from source_tree import ROOT

VENDOR = ROOT / "routes" / "assets" / "vendor"
SUMS = VENDOR / "SHA256SUMS"


def test_every_vendored_file_is_the_one_that_was_published() -> None:
    lines = SUMS.read_text().splitlines()
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}

    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path != SUMS
    }

    assert found == expected


def test_every_vendored_part_comes_with_its_licence() -> None:
    for folder in VENDOR.iterdir():
        if folder.is_dir():
            assert [path for path in folder.iterdir() if "LICENSE" in path.name.upper()], folder
