"""Where a text is cut."""

import random
import sys
import unicodedata

import pytest
import regex  # type: ignore[import-untyped]  # it has no types; tests ask it one thing

from services.domain.graphemes import cut
from services.domain.sessions import TITLE_CHARS, title_from

WHOLE = [
    "👨\u200d👩\u200d👧\u200d👦",
    "🏳\ufe0f\u200d🌈",
    "🇲🇽",
    "👍🏽",
    "e\u0301\u0323",
    "क्षि",
    "நி",
    "กำ",
    "각",
    "\u1100\u1161\u11a8",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "1\ufe0f\u20e3",
]
"""Characters of several code points each."""


def edges(text: str) -> set[int]:
    """Tell where UAX 29, as a library has it, allows a cut."""
    return {found.end() for found in regex.finditer(r"\X", text)}


@pytest.mark.parametrize("one", WHOLE)
def test_no_character_is_cut_in_two(one: str) -> None:
    text = f"a{one}{one}b"

    kept = {cut(text, most) for most in range(1, len(text))}

    assert kept == {"a", f"a{one}", f"a{one}{one}"}


def test_nothing_is_cut_of_what_fits() -> None:
    assert cut("🇲🇽", 2) == "🇲🇽"
    assert cut("", 0) == ""


def test_a_character_that_alone_is_too_long_is_cut_all_the_same() -> None:
    assert cut("e" + "\u0301" * 100, 10) == "e" + "\u0301" * 9


def test_no_pair_of_characters_is_parted_that_belongs_together() -> None:
    known = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    pairs = [
        pair
        for char in known
        if unicodedata.category(char) not in {"Cn", "Co"} and not _is_plain(char)
        for pair in [f"oox{char}क"]
    ]

    parted = [pair for pair in pairs for most in (3, 4) if len(cut(pair, most)) not in edges(pair)]

    assert parted == []


def _is_plain(char: str) -> bool:
    """Tell of the ideographs and syllables, of which there are 110,000, which are all alike."""
    return (
        unicodedata.category(char) == "Lo"
        and ord(char) not in range(0x1200, 0x2E80)
        and (0x2E80 <= ord(char) <= 0xD7A3 or ord(char) >= 0x12000)
    )


def test_random_texts_are_cut_where_the_standard_allows_it() -> None:
    draw = random.Random(11)  # noqa: S311 - a test's texts
    pieces = [*WHOLE, *"abc \u0301\u200d\ufe0f🇲🇽👩🏽क\u094d한\u1100\u1161", "\r\n"]

    for _ in range(2000):
        text = "oo" + "".join(draw.choices(pieces, k=30))
        most = draw.randrange(1, len(text))
        assert len(cut(text, most)) in edges(text), (text.encode("unicode_escape"), most)


def test_a_title_ends_with_a_whole_character() -> None:
    title = title_from("x" * (TITLE_CHARS - 3) + "👨\u200d👩\u200d👧 and more")

    assert title == "x" * (TITLE_CHARS - 3) + "…"
