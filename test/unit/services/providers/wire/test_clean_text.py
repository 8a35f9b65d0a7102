"""What providers say becomes text that can be stored, and quotes without secrets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.providers.wire.clean_text import PieceCleaner, clean, quote

ANY_TEXT = st.text(st.characters())


def test_nul_and_lone_surrogates_become_the_replacement_character() -> None:
    assert clean("a\0b\ud800c\udfffd") == "a\ufffdb\ufffdc\ufffdd"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_text_without_them_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@given(ANY_TEXT)
def test_what_is_clean_can_be_encoded(text: str) -> None:
    assert "\0" not in clean(text)
    clean(text).encode()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.integers(1, 5))
def test_a_text_cut_within_its_utf16_characters_is_whole_again(text: str, size: int) -> None:
    units = text.encode("utf-16-le")
    pieces = [
        units[i : i + size * 2].decode("utf-16-le", "surrogatepass")
        for i in range(0, len(units), size * 2)
    ]
    cleaner = PieceCleaner()

    assert "".join(map(cleaner.clean, pieces)) + cleaner.rest() == text


def test_a_half_whose_other_half_never_comes_is_replaced() -> None:
    cleaner = PieceCleaner()

    assert cleaner.clean("a" + json.loads('"\\ud83d"')) == "a"
    assert cleaner.clean("b") == "\ufffdb"
    assert cleaner.clean("\ud83d") == ""
    assert cleaner.rest() == "\ufffd"
    assert cleaner.rest() == ""


@pytest.mark.parametrize(
    "said",
    [
        "key SECRET-KEY is bad",
        "Incorrect API key: sk-proj-abc***xyz",
        "at https://host/v1beta/models?key=AIzaSyabc-_123xyz",
        "at https://user:pass@host/v1",
        "Authorization: Bearer abcdef",
    ],
)
def test_a_quote_holds_no_secret(said: str) -> None:
    quoted = quote(said, "SECRET-KEY")

    assert "[key]" in quoted
    assert not any(part in quoted for part in ("SECRET", "abc", "xyz", "user", "pass@"))


def test_a_quote_is_one_short_line() -> None:
    quoted = quote("a\nb\r\n" + "c" * 500, "")

    assert quoted.startswith("a b ccc")
    assert len(quoted) == 200


def test_a_quote_drives_no_terminal() -> None:
    assert quote("a\x1b[31mb\x01\x7f\x9b2Jc", "") == "a [31mb 2Jc"


@pytest.mark.parametrize("message", [None, 5, {"a": 1}, ["x"]])
def test_what_is_no_text_is_not_quoted(message: object) -> None:
    assert quote(message, "") == ""
