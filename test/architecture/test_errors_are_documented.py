"""Every code that a client can meet is in the list of errors, with its status."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module

from source_tree import ROOT, project_files

from routes.hooks.problems import HTTP_CODES
from services.domain.errors.base import CharlaError
from services.domain.errors.codes import FailureCode
from services.domain.errors.requests import TooManyRequests
from services.domain.errors.upstream import ProviderError

TEXT = (ROOT / "Documentation" / "errors.md").read_text()
PROBLEMS, STREAM = TEXT.split("## Failed answers")
RATE_LIMIT_CODES = {"queue_full", "search_busy", "too_many_readers", "too_many_runs"}
"""What a TooManyRequests may be called instead of `rate_limited`."""


for branch in (ROOT / "services" / "domain" / "errors").glob("[a-z]*.py"):
    import_module(f"services.domain.errors.{branch.stem}")  # else it has no subclasses yet


def kinds(root: type[CharlaError]) -> Iterator[type[CharlaError]]:
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def table(text: str) -> dict[str, list[str]]:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    return {code: rest.split(" | ") for code, rest in rows}


def codes_in_source() -> set[str]:
    """Find every `code="..."` and `code = "..."` of the code."""
    found = set()
    for path in project_files(".py"):
        if path.relative_to(ROOT).parts[0] not in ("controllers", "routes", "services"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                    found.add(code)
                case (
                    ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code)))
                    | ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code)))
                ):
                    found.add(code)
    return found - {""}  # a call that went well has none


def test_every_problem_is_listed_with_its_status() -> None:
    ours = {
        kind.code: kind.status for kind in kinds(CharlaError) if not issubclass(kind, ProviderError)
    }
    expected = {
        **ours,
        **{code: status for status, code in HTTP_CODES.items()},
        **dict.fromkeys(RATE_LIMIT_CODES, TooManyRequests.status),
    }

    listed = {code: int(columns[0]) for code, columns in table(PROBLEMS).items()}

    assert listed == expected


def test_every_end_of_a_failed_answer_is_listed_with_its_meaning() -> None:
    assert table(STREAM) == {code.value: [code.meaning] for code in FailureCode}


def test_the_code_raises_no_code_that_is_not_listed() -> None:
    listed = set(table(PROBLEMS)) | set(table(STREAM))

    assert codes_in_source() - listed == set()
