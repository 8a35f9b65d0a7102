"""Frames come out the same however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.errors.upstream import ProviderError
from services.providers.wire.sse_decoder import MAX_FRAME_BYTES, STRAY, Frame, SseDecoder

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
TEXTS = st.text(st.characters(exclude_characters="\r\n{}", codec="utf-8"), max_size=12)
LINES = st.one_of(
    TEXTS.map(lambda text: f"data: {text}".encode()),
    TEXTS.map(lambda text: f"data:{text}".encode()),
    TEXTS.map(lambda text: f": {text}".encode()),
    TEXTS.map(lambda text: f"event: {text}".encode()),
    TEXTS.map(lambda text: f"id: {text}".encode()),
    TEXTS.map(str.encode),
    st.sampled_from([b"", b"", b"", b"data", b"event", b"\xef\xbb\xbfdata: x", b"data: \xff"]),
)
STREAMS = st.lists(st.tuples(LINES, LINE_ENDS)).map(
    lambda lines: b"".join(line + end for line, end in lines)
)

WHOLE_FRAMES = st.builds(
    lambda name, data, end: f"{name}data: {data}\n\n".encode().replace(b"\n", end),
    st.one_of(st.just(""), TEXTS.map(lambda text: f"event: {text}\n")),
    TEXTS,
    LINE_ENDS,
)


def decoded(*pieces: bytes) -> list[Frame]:
    """Give the frames that the standard knows."""
    decoder = SseDecoder()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return [frame for frame in frames if frame.event != STRAY]


def feed_many(decoder: SseDecoder, piece: bytes) -> None:
    """Feed a little over a megabyte."""
    for _ in range(MAX_FRAME_BYTES // 1000 + 1):
        decoder.feed(piece)


def as_the_standard_says(body: bytes) -> list[Frame]:
    """Parse a whole stream as the WHATWG's standard says, slowly and in one go."""
    text = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    frames, data, event = [], list[bytes](), b""
    for line in text.split(b"\n")[:-1]:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                frames.append(Frame(b"\n".join(data), event))
            data, event = [], b""
        elif name == b"data":
            data.append(value)
        elif name == b"event":
            event = value
    return frames


@given(STREAMS, st.lists(st.integers(0, 400)))
def test_any_cut_of_any_stream_gives_the_frames_of_the_standard(
    body: bytes, places: list[int]
) -> None:
    cuts = [0, *sorted(place for place in places if place < len(body)), len(body)]
    pieces = [body[start:end] for start, end in pairwise(cuts)]

    assert decoded(*pieces) == as_the_standard_says(body)


@given(STREAMS)
def test_single_bytes_give_the_frames_of_the_whole(body: bytes) -> None:
    assert decoded(*(body[i : i + 1] for i in range(len(body)))) == decoded(body)


@given(st.lists(st.one_of(WHOLE_FRAMES, st.builds(bytes.__add__, LINES, LINE_ENDS))))
def test_reads_of_a_frame_among_reads_of_a_line_give_the_frames_of_the_standard(
    pieces: list[bytes],
) -> None:
    assert decoded(*pieces) == as_the_standard_says(b"".join(pieces))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_one_frame_a_read_and_cut_frames_follow_each_other(end: bytes) -> None:
    pieces = [
        b"data: 1\n\n",
        b"data: 2\n",
        b"\ndata: 3\n\n",
        b"data: 4\n\n",
        b": x\n\n",
        b"data: 5\ndata: 6\n\n",
        b"data: 7\n\ndata: 8\n\n",
        b"data: 9\n\n",
    ]

    frames = decoded(*(piece.replace(b"\n", end) for piece in pieces))

    assert [frame.data for frame in frames] == [b"1", b"2", b"3", b"4", b"5\n6", b"7", b"8", b"9"]


def test_named_frames_of_one_read_and_cut_ones_follow_each_other() -> None:
    pieces = [
        b"event: a\ndata: 1\n\n",
        b"event: b\n",
        b"data: 2\n\n",
        b"event: c\ndata: 3\n",
        b"\n",
        b"event: d\ndata: 4\n\ndata: 5\n\n",
        b"event: e\ndata: 6\n\n",
    ]

    assert [(frame.event, frame.data) for frame in decoded(*pieces)] == [
        (b"a", b"1"),
        (b"b", b"2"),
        (b"c", b"3"),
        (b"d", b"4"),
        (b"", b"5"),
        (b"e", b"6"),
    ]


@pytest.mark.parametrize(
    ("piece", "frame"),
    [
        (b"event: a\ndata: 1\ndata: 2\n\n", Frame(b"1\n2", b"a")),
        (b"event: a\ndata: 1\nevent: b\n\n", Frame(b"1", b"b")),
        (b"event: a\nevent: b\ndata: 1\n\n", Frame(b"1", b"b")),
        (b"event: a\nid: 7\ndata: 1\n\n", Frame(b"1", b"a")),
        (b"event: a\ndata:1\n\n", Frame(b"1", b"a")),
        (b"event: a\r\ndata: 1\r\n\r\n", Frame(b"1", b"a")),
        (b"event: \ndata: \n\n", Frame(b"")),
    ],
)
def test_a_named_frame_of_another_shape_is_read_as_well(piece: bytes, frame: Frame) -> None:
    assert decoded(piece) == [frame]


def test_a_character_cut_in_two_is_whole_in_its_frame() -> None:
    emoji = "👋".encode()

    assert decoded(b"data: " + emoji[:2], emoji[2:] + b"\n\n") == [Frame(emoji)]


def test_several_data_lines_are_one_frame_joined_by_lf() -> None:
    assert decoded(b"data: a\ndata:\ndata: b\n\n") == [Frame(b"a\n\nb")]


def test_a_named_event_keeps_its_name_for_one_frame() -> None:
    assert decoded(b"event: error\ndata: x\n\ndata: y\n\n") == [Frame(b"x", b"error"), Frame(b"y")]


def test_a_name_without_data_does_not_stick_to_the_next_frame() -> None:
    assert decoded(b"event: error\n\n", b"data: x\n\n") == [Frame(b"x")]


@pytest.mark.parametrize(
    ("begun", "frame"),
    [
        (b"data: a\n", Frame(b"a\nb")),
        (b"event: error\n", Frame(b"b", b"error")),
        (b": hm", None),
        (b"data: a\r", Frame(b"a\nb")),
    ],
)
def test_a_read_that_looks_whole_still_belongs_to_what_was_begun(
    begun: bytes, frame: Frame | None
) -> None:
    assert decoded(begun, b"data: b\n\n") == ([frame] if frame else [])
    assert decoded(begun, b"data: b\r\n\r\n") == ([frame] if frame else [])


def test_a_named_read_that_looks_whole_still_belongs_to_what_was_begun() -> None:
    assert decoded(b"data: a\n", b"event: x\ndata: b\n\n") == [Frame(b"a\nb", b"x")]
    assert decoded(b": hm", b"event: x\ndata: b\n\n") == [Frame(b"b")]


def test_a_byte_order_mark_counts_only_at_the_start() -> None:
    mark = b"\xef\xbb\xbf"

    assert decoded(mark + b"data: a\n\n" + mark + b"data: b\n\n") == [Frame(b"a")]


def test_a_frame_without_its_end_is_none() -> None:
    decoder = SseDecoder()

    assert decoder.feed(b"data: 1\n\ndata: [DO") == [Frame(b"1")]
    assert decoder.feed(b"NE]") == []


@pytest.mark.parametrize("lead", [b"", b": "])
def test_a_line_that_does_not_end_is_refused_at_a_megabyte(lead: bytes) -> None:
    decoder = SseDecoder()
    decoder.feed(lead)

    with pytest.raises(ProviderError) as caught:
        feed_many(decoder, b"x" * 1024)

    assert caught.value.code == "upstream_protocol"


def test_a_frame_of_too_many_lines_is_refused_at_a_megabyte() -> None:
    decoder = SseDecoder()

    with pytest.raises(ProviderError):
        feed_many(decoder, b"data: " + b"x" * 1000 + b"\n")


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_a_whole_frame_in_one_read_is_refused_over_a_megabyte(end: bytes) -> None:
    with pytest.raises(ProviderError):
        decoded(b"data: " + b"x" * MAX_FRAME_BYTES + end)


def test_a_whole_named_frame_in_one_read_is_refused_over_a_megabyte() -> None:
    with pytest.raises(ProviderError):
        decoded(b"event: a\ndata: " + b"x" * MAX_FRAME_BYTES + b"\n\n")


@given(st.lists(st.lists(WHOLE_FRAMES).map(b"".join)))
def test_reads_of_several_frames_give_the_frames_of_the_standard(pieces: list[bytes]) -> None:
    assert decoded(*pieces) == as_the_standard_says(b"".join(pieces))
