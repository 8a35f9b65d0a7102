"""What others wrote lies here as they published it, with its licence."""

import hashlib
from pathlib import Path

import pytest
from source_tree import ROOT

VENDORS = [
    ROOT / "routes" / "assets" / "vendor",
    ROOT / "services" / "identity" / "vendor",
    ROOT / "services" / "providers" / "vendor",
]

every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda path: path.parent.name)


def test_every_vendored_folder_is_looked_at() -> None:
    code = [ROOT / name for name in ("controllers", "routes", "services")]

    assert sorted(found for top in code for found in top.rglob("vendor")) == VENDORS


@every_vendor
def test_every_vendored_file_is_the_one_that_was_published(vendor: Path) -> None:
    sums = vendor / "SHA256SUMS"
    lines = sums.read_text().splitlines()
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}

    found = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path != sums
    }

    assert found == expected


@every_vendor
def test_every_vendored_part_comes_with_its_licence(vendor: Path) -> None:
    for folder in vendor.iterdir():
        if folder.is_dir():
            assert [path for path in folder.iterdir() if "LICENSE" in path.name.upper()], folder
