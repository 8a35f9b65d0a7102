"""Cursors of pages."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.errors.requests import InvalidCursor
from services.domain.paging import decode_cursor, encode_cursor


def encoded(value: object) -> str:
    """Write any JSON as a cursor is written."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


PRINTABLE = st.text(st.characters(categories=("L", "N", "P", "S")))


@given(st.lists(PRINTABLE, max_size=4))
def test_a_cursor_gives_back_its_keys(keys: list[str]) -> None:
    assert decode_cursor(encode_cursor(*keys), len(keys)) == tuple(keys)


@given(st.lists(PRINTABLE, max_size=4))
def test_a_cursor_can_stand_in_a_url_as_it_is(keys: list[str]) -> None:
    cursor = encode_cursor(*keys)

    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text())
def test_any_other_text_is_refused_and_never_an_error(text: str) -> None:
    try:
        keys = decode_cursor(text, 2)
    except InvalidCursor:
        return
    assert len(keys) == 2


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "é",
        "\ud800",
        "=" * 10,
        encoded("ab"),
        encoded(["a"]),
        encoded(["a", "b", "c"]),
        encoded(["a", 1]),
        encoded(["a", None]),
        encoded(["a", ["b"]]),
        encoded({"a": "b", "c": "d"}),
        encoded(["a", "b\0"]),
        encoded(["a", "\ud800"]),
        encoded(["a", "line\nbreak"]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"1" * 10_000).decode(),
        base64.urlsafe_b64encode(b'["a", "\xff"]').decode(),
    ],
    ids=range(18),
)
def test_what_no_list_made_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(cursor, 2)
