"""How a source file must be: short, well named, in its place."""

import ast
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from source_tree import ROOT, name_of, project_files

MAX_LINES = 400
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


def code_files() -> list[Path]:
    return [path for path in project_files(".py") if path.relative_to(ROOT).parts[0] in CODE]


def comments(path: Path) -> Iterator[tuple[int, str]]:
    with tokenize.open(path) as source:
        for token in tokenize.generate_tokens(source.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {
        name_of(path): len(path.read_text().splitlines())
        for path in project_files(".py", ".js", ".css", ".sql", ".html", ".sh")
    }

    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


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
