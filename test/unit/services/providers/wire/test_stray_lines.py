"""What servers put outside of frames, or into frames that do not end as the standard says."""

import pytest

from services.providers.wire.sse_decoder import STRAY, Frame, SseDecoder

BARE = b'{"error":"model runner has stopped"}'
CODED = b'{"code":500,"message":"Broke."}'
PRETTY = b'{\n  "error": {\n    "message": "Broke.",\n    "code": 500\n  }\n}'


def all_frames(body: bytes, size: int = 1 << 20) -> list[Frame]:
    """Read a body in pieces of a size, to its end."""
    decoder = SseDecoder()
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.last()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\n"])
@pytest.mark.parametrize(
    ("line", "frame"),
    [
        (BARE, Frame(BARE, STRAY)),
        (b'{"model":"x","error":"y"}', Frame(b'{"model":"x","error":"y"}', STRAY)),
        (b"error: " + CODED, Frame(CODED, b"error")),
    ],
)
def test_json_and_an_error_are_there_with_the_end_of_their_line(
    line: bytes, frame: Frame, end: bytes
) -> None:
    assert SseDecoder().feed(line + end) == [frame]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("told", [BARE, PRETTY, b"Internal Server Error", b"<h1>\n502\n</h1>"])
def test_what_is_outside_of_frames_is_found_however_it_is_cut(
    told: bytes, end: bytes, size: int
) -> None:
    body = b"data: 1\n\n" + told + b"\n\ndata: 2\n\n" + told

    frames = all_frames(body.replace(b"\n", end), size)

    assert frames == [Frame(b"1"), Frame(told, STRAY), Frame(b"2"), Frame(told, STRAY)]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n", b"\n\n"])
@pytest.mark.parametrize("data", [b'{"a": "b"}', b"[DONE]"])
def test_a_last_frame_counts_without_its_blank_line_if_it_is_whole(data: bytes, end: bytes) -> None:
    assert all_frames(b"data: 1\n\nevent: x\ndata: " + data + end) == [
        Frame(b"1"),
        Frame(data, b"x"),
    ]


@pytest.mark.parametrize(
    "begun",
    [b'data: {"a": "b"', b'data: {"a"\n', b"event: x\n", b"data: [DO", b"data", b": {}", b""],
)
def test_half_of_a_last_frame_is_lost(begun: bytes) -> None:
    assert all_frames(b"data: 1\n\n" + begun) == [Frame(b"1")]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_json_that_begins_anew_is_a_frame_of_its_own(size: int) -> None:
    body = b'event: a\ndata: {"n":1}\nevent: b\ndata: {"n":2}\ndata: [DONE]\n\n'

    assert all_frames(body, size) == [
        Frame(b'{"n":1}', b"a"),
        Frame(b'{"n":2}', b"b"),
        Frame(b"[DONE]", b"b"),
    ]


def test_json_over_several_data_lines_is_one_frame() -> None:
    body = b"".join(b"data: " + line + b"\n" for line in PRETTY.split(b"\n")) + b"\n"

    assert all_frames(body) == [Frame(PRETTY)]


@pytest.mark.parametrize("field", [b"model: x", b"foo", b"errors: 1"])
def test_an_unknown_field_of_a_frame_is_passed_by(field: bytes) -> None:
    assert all_frames(field + b"\ndata: 1\n" + field + b"\n\n") == [Frame(b"1")]
