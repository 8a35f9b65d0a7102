"""What a vendor declares fits its folder, and can be read without anything else."""

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from source_tree import ROOT

from services.providers.base import Provider
from services.providers.declaration import Vendor
from services.providers.embedding.base import Embedder
from services.providers.registry import VENDORS

FOLDER = ROOT / "services" / "providers"
LIGHT = re.compile(
    r"services\.domain\..*|services\.providers\.(declaration|embedding\.model|([a-z_]+\.)?fields)"
)
DECLARED = [FOLDER / "declaration.py", FOLDER / "fields.py", *FOLDER.glob("*/declaration.py")]
WITH_FIELDS = [path.with_name("fields.py") for path in FOLDER.glob("*/declaration.py")]

every = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)


def imported_from(path: str) -> object:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def test_every_folder_with_a_declaration_is_registered() -> None:
    declared = {path.parent.name for path in FOLDER.glob("*/declaration.py")}

    assert declared == set(VENDORS)


@every
def test_a_vendor_has_the_name_of_its_folder_and_one_that_a_variable_can_have(
    vendor: Vendor,
) -> None:
    module = import_module(f"services.providers.{vendor.name}.declaration")

    assert module.VENDOR is vendor
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", vendor.name)


@every
def test_the_adapters_are_where_the_declaration_says(vendor: Vendor) -> None:
    adapter = imported_from(vendor.adapter)
    assert isinstance(adapter, type)
    assert issubclass(adapter, Provider)

    if vendor.embeddings:
        embedder = imported_from(vendor.embeddings.adapter)
        assert isinstance(embedder, type)
        assert issubclass(embedder, Embedder)


@pytest.mark.parametrize(
    "path",
    [*DECLARED, *filter(Path.exists, WITH_FIELDS)],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_a_declaration_imports_only_what_is_light(path: Path) -> None:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.stmt)]
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]

    for module in modules:
        is_standard = module.partition(".")[0] in sys.stdlib_module_names
        assert is_standard or LIGHT.fullmatch(module), module
