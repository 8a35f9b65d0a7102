"""What `ls` shows a newcomer: every package says in one plain sentence what it is for."""

import ast
import re
from pathlib import Path

from source_tree import ROOT, project_files

MOST_CHARS = 100
SENTENCE = re.compile(r"[A-Z](?:[^.!?\n]|[.!?](?! ))*\.")
"""One line that ends with a full stop and has no other end of a sentence in it."""


def folder_of(path: Path) -> str:
    return str(path.parent.relative_to(ROOT))


def packages() -> dict[str, str]:
    """Give the docstring of every package."""
    inits = [path for path in project_files(".py") if path.name == "__init__.py"]
    return {folder_of(path): ast.get_docstring(ast.parse(path.read_text())) or "" for path in inits}


def test_every_folder_of_code_below_services_is_a_package_that_says_what_it_is() -> None:
    code = {path for path in project_files(".py") if ROOT / "services" in path.parents}
    folders = {
        str(folder.relative_to(ROOT))
        for path in code
        for folder in path.parents
        if folder.is_relative_to(ROOT / "services")
    }

    assert len(folders) > 1
    assert folders - packages().keys() == set()


def test_a_package_says_what_it_is_in_one_sentence_of_at_most_100_characters() -> None:
    said = packages()

    assert {
        folder: text
        for folder, text in said.items()
        if len(text) > MOST_CHARS or not SENTENCE.fullmatch(text)
    } == {}
