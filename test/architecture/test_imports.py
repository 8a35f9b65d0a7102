"""What may be imported where, beyond the layers that import-linter holds."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from source_tree import ROOT, name_of, project_files

SLOW_TO_LOAD = ("openai", "anthropic", "google.genai", "httpx2", "genai_prices", "tiktoken")


def imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{name.name}" for name in names)
            case _:
                continue


def files_in(*folders: str) -> list[Path]:
    return [path for path in project_files(".py") if path.relative_to(ROOT).parts[0] in folders]


def test_the_domain_imports_only_itself_and_the_standard_library() -> None:
    for path in (ROOT / "services" / "domain").glob("*.py"):
        for module in imported_by(path):
            is_own = module.startswith("services.domain.")
            assert is_own or module.split(".")[0] in sys.stdlib_module_names, name_of(path)


def test_nothing_below_imports_the_application() -> None:
    for path in files_in("controllers", "routes", "services"):
        roots = {module.split(".")[0] for module in imported_by(path)}
        assert not roots & {"app", "wsgi"}, name_of(path)


def test_only_what_starts_or_checks_a_server_imports_bootstrap() -> None:
    importers = {
        path.relative_to(ROOT)
        for path in files_in("app.py", "wsgi.py", "controllers", "routes", "services")
        if any(module.startswith("services.bootstrap") for module in imported_by(path))
    }

    rooms = {"/".join(path.parts[:2]) for path in importers}
    assert rooms == {"app.py", "services/bootstrap", "services/commands", "services/preflight"}


def test_no_code_or_test_uses_asyncio_or_mocks() -> None:
    for path in files_in("app.py", "wsgi.py", "controllers", "routes", "services", "test"):
        for module in imported_by(path):
            assert not module.startswith(("asyncio", "unittest.mock", "mock")), name_of(path)


def test_importing_the_application_loads_no_vendor_sdk() -> None:
    question = f"import sys, app; print([m for m in {SLOW_TO_LOAD} if m in sys.modules])"

    answer = subprocess.run(
        [sys.executable, "-c", question], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert answer.stdout.strip() == "[]"
