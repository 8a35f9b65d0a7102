"""What a JSON body may hold, and that text is only text."""

import json

import pytest

from routes.bodies.json_text import MAX_DIGITS, MAX_NODES, read_object
from services.domain.errors.requests import ContentTooLarge, MalformedRequest

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    "text",
    [
        ",:[{" * 25_000,
        '"' * 50_000,
        "\\" * 50_000,
        '\\",' * 30_000,
        '\\\\"' * 30_000 + ",",
        '[{"a": [1, 2, 3], "b": "x[0]"}, ' * 3000,
        "🎉" * 100_000,
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.parametrize("as_ascii", [True, False])
def test_a_text_is_read_whatever_signs_are_in_it(text: str, as_ascii: bool) -> None:  # noqa: FBT001 - a parameter of the test
    body = json.dumps({"content": text, "n": [1, "a"]}, ensure_ascii=as_ascii).encode()

    assert read_object(body) == {"content": text, "n": [1, "a"]}


def test_as_many_values_as_there_may_be_are_read_and_one_more_is_not() -> None:
    # Three of the object: its own bracket, a colon and the list's bracket.
    most = b'{"a":[' + b",".join([b"1"] * (MAX_NODES - 2)) + b"]" + b" " * MAX_NODES

    assert len(read_object(most + b"}")["a"]) == MAX_NODES - 2
    with pytest.raises(ContentTooLarge, match=f"more than {MAX_NODES} names and values"):
        read_object(most.replace(b"[1,", b"[1,1,") + b"}")


@pytest.mark.parametrize(
    "part",
    [
        b"[]",
        b"{}",
        b"1",
        b"1.5",
        b'""',
        b"true",
        b'{"a":1}',
        b'"a,b"',
        b'"\\""',
        b"[" * 9 + b"]" * 9,
    ],
)
def test_a_megabyte_of_short_values_is_refused(part: bytes) -> None:
    body = b'{"content":[' + b",".join([part] * (MEGABYTE // (len(part) + 1))) + b"]}"

    with pytest.raises(ContentTooLarge):
        read_object(body)


def test_a_megabyte_of_names_is_refused() -> None:
    for names in (range(100_000), [1] * 100_000):
        with pytest.raises(ContentTooLarge):
            read_object(b"{" + b",".join(b'"%x":1' % name for name in names) + b"}")


@pytest.mark.parametrize("start", [b"[", b'{"a":', b'{"a":[', b'{"content":' + b"[" * 400])
def test_what_is_nested_too_deeply_is_malformed_however_much_of_it_there_is(start: bytes) -> None:
    with pytest.raises(MalformedRequest, match="nested too deeply"):
        read_object(start * 20_000)


def test_a_number_may_be_long_but_not_endless() -> None:
    assert read_object(b'{"a":%b}' % (b"9" * MAX_DIGITS)) == {"a": 10**MAX_DIGITS - 1}
    assert read_object(b'{"a":0.%b}' % (b"9" * MEGABYTE)) == {"a": 1.0}
    for number in (b"9" * (MAX_DIGITS + 1), b"-" + b"9" * MEGABYTE, b"1e999", b"NaN"):
        with pytest.raises(MalformedRequest):
            read_object(b'{"a":%b}' % number)
