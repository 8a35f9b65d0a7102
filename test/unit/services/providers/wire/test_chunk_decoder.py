"""A chunked body comes out the same however the bytes are cut; other bytes are an error."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from services.providers.wire.chunk_decoder import MAX_LINE_BYTES, ChunkDecoder

SIZES = st.sampled_from(["{:x}", "{:X}", "0{:x}", "{:x};name=value", '{:x} ;a="b"', "{:x}  "])
LINE_ENDS = st.sampled_from(["\r\n", "\n"])
CHUNKS = st.lists(st.tuples(st.binary(min_size=1, max_size=300), SIZES, LINE_ENDS), max_size=6)
ENDS = st.sampled_from([b"0\r\n\r\n", b"000;last\r\n\r\n", b"0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n"])


def framed(chunks: list[tuple[bytes, str, str]], end: bytes) -> bytes:
    lines = [(form.format(len(body)) + eol).encode() + body + b"\r\n" for body, form, eol in chunks]
    return b"".join(lines) + end


def decoded(decoder: ChunkDecoder, *pieces: bytes) -> bytes:
    return b"".join([decoder.feed(piece) for piece in pieces])


@given(chunks=CHUNKS, end=ENDS, cuts=st.lists(st.integers(0, 2_000)))
def test_a_body_is_the_same_wherever_the_bytes_are_cut(
    chunks: list[tuple[bytes, str, str]], end: bytes, cuts: list[int]
) -> None:
    told = framed(chunks, end)
    decoder = ChunkDecoder()
    places = [0, *sorted(cut % (len(told) + 1) for cut in cuts), len(told)]

    body = decoded(decoder, *(told[a:b] for a, b in pairwise(places) if a < b))

    assert body == b"".join(body for body, _, _ in chunks)
    assert decoder.is_over
    assert not decoder.left_over


@pytest.mark.parametrize("cut", range(1, 26))
def test_a_chunk_may_be_cut_at_every_byte(cut: int) -> None:
    told = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    decoder = ChunkDecoder()

    assert decoded(decoder, told[:cut], told[cut:]) == b"hello world"
    assert decoder.is_over


def test_each_byte_is_given_as_soon_as_it_is_there() -> None:
    decoder = ChunkDecoder()

    pieces = (b"b\r\nhel", b"lo", b" world\r\n", b"1\r\n!")
    given_at_once = [decoder.feed(piece) for piece in pieces]

    assert given_at_once == [b"hel", b"lo", b" world", b"!"]


def test_what_follows_the_end_is_told() -> None:
    decoder = ChunkDecoder()

    assert decoder.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK") == b"a"
    assert decoder.is_over
    assert decoder.left_over


def test_an_end_without_its_empty_line_is_an_end_where_the_connection_ends() -> None:
    decoder = ChunkDecoder()
    decoder.feed(b"1\r\na\r\n0\r\n")
    assert not decoder.is_over

    decoder.end()

    assert decoder.is_over


@pytest.mark.parametrize("told", [b"", b"5", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"1\r\na\r\n"])
def test_a_connection_that_ends_before_the_body_is_an_error(told: bytes) -> None:
    decoder = ChunkDecoder()
    if told:
        decoder.feed(told)

    with pytest.raises(ProtocolError):
        decoder.end()


@pytest.mark.parametrize(
    "told",
    [
        b"hello\r\n",
        b"\r\n",
        b"-1\r\na\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"1_0\r\n0123456789abcdef\r\n",
        b"1 1\r\na\r\n",
        b"1\r\nab\r\n",
        b"1\r\nabcd\r\n",
        b"1\r\na\r\n\r\n",
        b"5" * MAX_LINE_BYTES,
        b"0\r\n" + b"x" * MAX_LINE_BYTES,
    ],
)
def test_what_is_no_chunk_is_an_error(told: bytes) -> None:
    decoder = ChunkDecoder()

    with pytest.raises(ProtocolError):
        decoder.feed(told)
