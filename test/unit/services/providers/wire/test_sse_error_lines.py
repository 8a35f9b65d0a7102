"""Failures that servers report in the middle of a stream, in ways outside the standard."""

import pytest

from services.providers.wire.sse_decoder import Frame, SseDecoder

BARE = b'{"error":"model runner has stopped"}'
CODED = b'{"code":500,"message":"Broke."}'


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\n"])
@pytest.mark.parametrize(
    ("line", "frame"),
    [(BARE, Frame(BARE, b"error")), (b"error: " + CODED, Frame(CODED, b"error"))],
)
def test_an_error_is_there_with_the_end_of_its_line(line: bytes, frame: Frame, end: bytes) -> None:
    assert SseDecoder().feed(line + end) == [frame]


def test_an_error_is_found_however_it_is_cut() -> None:
    decoder = SseDecoder()
    body = b"data: 1\n\n" + BARE + b"\n"

    frames = [frame for i in range(len(body)) for frame in decoder.feed(body[i : i + 1])]

    assert frames == [Frame(b"1"), Frame(BARE, b"error")]


def test_an_error_in_a_last_line_without_an_end_is_told_by_last() -> None:
    decoder = SseDecoder()

    assert decoder.feed(b"data: 1\n\n" + BARE) == [Frame(b"1")]
    assert decoder.last() == [Frame(BARE, b"error")]


@pytest.mark.parametrize("begun", [b"data: 1", b"data: 1\n", b"event: x\ndata: 1\r\n", b""])
def test_an_incomplete_frame_at_the_end_is_lost(begun: bytes) -> None:
    decoder = SseDecoder()

    assert decoder.feed(begun) == []
    assert decoder.last() == []


@pytest.mark.parametrize(
    "line", [b'{"model":"x","error":"y"}', b"errors: 1", b"{", b'data: {"error":"in data"}']
)
def test_other_lines_of_no_standard_are_passed_by(line: bytes) -> None:
    assert SseDecoder().feed(line + b"\n") == []
