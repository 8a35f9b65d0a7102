"""How a source file must be: short, well named, in its place."""

import ast
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from source_tree import ROOT, name_of, project_files

MAX_LINES = 300
MAX_FILES = 15
MAX_ATTRIBUTES = 12
MAX_METHODS = 15
# Folders that may hold more files, since splitting them is not ours to decide. (What is vendored
# is no file of the project: it lies as it was published.)
FLAT = {
    "services/stores/sqlite/migrations": "a history, applied in the order of the names",
    "supabase/migrations": "a history; Supabase's command line looks into no folder below it",
}
TOP_LEVEL = {
    *("app.py", "wsgi.py", "controllers", "routes", "services", "Documentation", "test"),
    *("requirements.txt", "requirements-dev.txt", "README.md", "LICENSE", "Makefile"),
    *("pyproject.toml", "gunicorn.conf.py", "Dockerfile", "docker-compose.yml", ".env.example"),
    *(".gitignore", ".dockerignore", ".ci", "supabase", "deploy", "sdk", "bench", "examples"),
}
EMPTY_NAMES = {"utils", "util", "helpers", "common", "core", "misc", "manager"}
CODE = ("app.py", "wsgi.py", "controllers", "routes", "services")
# Codes, then the reason: behind a dash for ruff, in a comment of its own for mypy.
REASONED = re.compile(
    r"noqa: [A-Z]+\d+(, ?[A-Z]+\d+)* - \w+"
    r"|type: ignore\[[\w, -]+\]  # \w+"
)
WIDE = re.compile(r"# wide: \w+")  # on the line of a class that has a reason to be so


def code_files() -> list[Path]:
    return [path for path in project_files(".py") if path.relative_to(ROOT).parts[0] in CODE]


def comments(path: Path) -> Iterator[tuple[int, str]]:
    with tokenize.open(path) as source:
        for token in tokenize.generate_tokens(source.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def attributes_of(node: ast.ClassDef) -> set[str]:
    """Name the annotated fields of a class and everything that its methods set on `self`."""
    fields = {
        statement.target.id
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }
    return fields | {
        part.attr
        for part in inside(node)
        if isinstance(part, ast.Attribute)
        and isinstance(part.ctx, ast.Store)
        and isinstance(part.value, ast.Name)
        and part.value.id == "self"
    }


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through a class without the classes in it, whose `self` is another."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef):
            yield child
            yield from inside(child)


def methods_of(node: ast.ClassDef) -> set[str]:
    """Name the methods of a class, its properties too; the language names those with `__`."""
    return {
        statement.name
        for statement in node.body
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
        and not re.fullmatch(r"__\w+__", statement.name)
    }


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {
        name_of(path): len(path.read_text().splitlines())
        for path in project_files(".py", ".js", ".css", ".sql", ".html", ".sh")
    }

    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_no_folder_holds_more_than_15_files() -> None:
    counts = Counter(str(path.parent.relative_to(ROOT)) for path in project_files())

    full = {name: files for name, files in counts.items() if files > MAX_FILES}

    assert {name: files for name, files in full.items() if name not in FLAT} == {}
    assert counts.keys() >= FLAT.keys()


def test_no_class_has_more_than_12_attributes_or_15_methods_without_a_reason() -> None:
    too_wide = {}
    for path in code_files():
        source = path.read_text()
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.ClassDef) or WIDE.search(lines[node.lineno - 1]):
                continue
            size = (len(attributes_of(node)), len(methods_of(node)))
            if size[0] > MAX_ATTRIBUTES or size[1] > MAX_METHODS:
                too_wide[f"{name_of(path)}:{node.name}"] = size

    assert too_wide == {}


def test_the_top_level_holds_only_what_belongs_there() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in project_files()}

    assert found <= TOP_LEVEL


def test_an_init_file_holds_a_docstring_and_no_code() -> None:
    inits = [path for path in project_files(".py") if path.name == "__init__.py"]

    for path in inits:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), name_of(path)
        assert len(tree.body) == 1, name_of(path)


def test_the_test_folders_are_no_packages() -> None:
    packages = [path for path in project_files(".py") if path.name == "__init__.py"]

    assert [name_of(path) for path in packages if path.relative_to(ROOT).parts[0] == "test"] == []


def test_no_module_has_a_name_that_says_nothing_or_shadows_the_standard_library() -> None:
    for path in code_files():
        words = {*path.relative_to(ROOT).parts[:-1], path.stem}
        assert not words & EMPTY_NAMES, name_of(path)
        assert not words & sys.stdlib_module_names, name_of(path)


def test_every_suppression_says_why() -> None:
    without = [
        f"{name_of(path)}:{line}: {comment}"
        for path in project_files(".py")
        for line, comment in comments(path)
        if re.search(r"#\s*(noqa\b|type:\s*ignore)", comment) and not REASONED.search(comment)
    ]

    assert without == []


def test_no_file_suppresses_a_rule_for_its_whole_length() -> None:
    blanket = [
        f"{name_of(path)}:{line}"
        for path in project_files(".py")
        for line, comment in comments(path)
        if re.search(r"#\s*(ruff:|flake8:|mypy:)", comment)
    ]

    assert blanket == []
