"""Titles that are made from a first message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.sessions import TITLE_CHARS, title_from


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Hello", "Hello"),
        ("  What \t is this?  ", "What is this?"),
        ("First line\nSecond line", "First line"),
        ("First line\r\nSecond line", "First line"),
        ("\n\n  Later line\nEnd", "Later line End"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("x" * 58 + " yyyy", "x" * 58 + "…"),
        ("🎉" * 61, "🎉" * 59 + "…"),
    ],
)
def test_a_title_is_the_first_line_cut_short(content: str, title: str) -> None:
    assert title_from(content) == title


@given(st.text())
def test_a_title_is_one_short_line(content: str) -> None:
    title = title_from(content)

    assert len(title) <= TITLE_CHARS
    assert title == title.strip()
    assert len(title.splitlines()) <= 1
    assert bool(title) == bool(content.strip())
