"""Any mixture of good frames with frames that are none gives the text of the good ones."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wires import anthropic_wire, gemini_wire, openai_wire

from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Finish
from services.domain.sessions import FinishReason
from services.providers.anthropic.events import AnthropicAnswer
from services.providers.gemini.events import GeminiAnswer
from services.providers.openai.events import OpenAIAnswer
from services.providers.wire.sse_answer import Answer, read_answer

TEXTS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
NAMES = st.sampled_from(["ping", "heartbeat", "keep-alive", "status"])
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n{["), max_size=12)
NONE = st.one_of(
    st.sampled_from(
        [
            *("data:\n\n", "data: \n\n", "data:   \n\n", "\n", "\r\n\r\n", ": a comment\n\n"),
            *(": a comment\n", "id: 7\n\n", "retry: 5\n\n", "data: 7\n\n", "data: null\n\n"),
            *("data: []\n\n", 'data: ""\n\n', 'data: {"type": "ping"}\n\n', "data: {}\n\n"),
            *('data: {"object": "other", "error": null}\n\n', 'data: [{"type": "ping"}]\n\n'),
        ]
    ),
    st.builds(lambda name, words: f"event: {name}\ndata: {words}\n\n", NAMES, WORDS),
    st.builds(lambda name: f"event: {name}\n\n", NAMES),
    st.builds(lambda words: f": {words}\n\n", WORDS),
)
NAMED = st.sampled_from(
    [
        *(
            "choices",
            "delta",
            "message",
            "content",
            "text",
            "reasoning_details",
        ),
        *(
            "finish_reason",
            "index",
            "usage",
            "prompt_tokens",
            "total_tokens",
            "error",
        ),
        *(
            "detail",
            "code",
            "status",
            "type",
            "object",
            "stop_reason",
        ),
        *(
            "candidates",
            "parts",
            "thought",
            "finishReason",
            "usageMetadata",
            "promptTokenCount",
        ),
        *(
            "base_resp",
            "status_code",
            "metadata",
            "raw",
        ),
    ]
)
VALUES = st.one_of(
    st.sampled_from([None, True, 0, -1, 7, 2**70, 1.5, float("nan"), "", "null", "\ud800", "429"]),
    st.sampled_from(["message", "message_delta", "content_block_delta", "text_delta", "error"]),
    st.text(st.characters(), max_size=3),
)
ANYTHING = st.recursive(
    VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMED, inner, max_size=4)),
)
LEADS = st.sampled_from([b"data: ", b"data:", b"", b"event: error\ndata: ", b"event: x\ndata: "])
TAILS = st.sampled_from([b"\n\n", b"\n", b"", b"\xff\n\n"])
DONE = "data: [DONE]\n\n"  # of another protocol
MESSAGE_STOP = 'event: message_stop\ndata: {"type": "message_stop"}\n\n'


@dataclass
class Pieces:
    """A body in pieces."""

    told: Sequence[bytes]
    silence_seconds: float = 60.0

    def pieces(self) -> Iterator[bytes]:
        """Give the pieces."""
        yield from self.told

    def finish(self) -> None:
        """Read nothing more."""


@dataclass(frozen=True)
class Format:
    """A format: its answer, a frame with a text, its end, and the ends of others."""

    answer: Callable[[Pieces], Answer]
    say: Callable[[str], bytes]
    end: Sequence[bytes]
    others: Sequence[str]


FORMATS = {
    "openai": Format(
        lambda _: OpenAIAnswer("", lambda: None),
        lambda text: openai_wire.delta(content=text),
        [openai_wire.STOP, openai_wire.DONE],
        [MESSAGE_STOP],
    ),
    "anthropic": Format(
        lambda _: AnthropicAnswer("", lambda: None),
        anthropic_wire.say,
        [anthropic_wire.end("end_turn"), anthropic_wire.STOP],
        [DONE],
    ),
    "gemini": Format(
        lambda line: GeminiAnswer("", lambda: None, line),
        gemini_wire.say,
        [gemini_wire.STOP],
        [DONE, MESSAGE_STOP],
    ),
}


def mixed(drawn: st.DataObject, spoken: Format, frames: Sequence[bytes]) -> bytes:
    """Put frames that are none before, between and behind the frames."""
    none = st.lists(st.one_of(NONE, st.sampled_from(spoken.others)), max_size=2)
    body = b""
    for frame in (*frames, b""):
        body += "".join(drawn.draw(none)).encode() + frame
    return body


def cut(drawn: st.DataObject, body: bytes) -> list[bytes]:
    """Cut a body anywhere."""
    places = drawn.draw(st.lists(st.integers(0, len(body)), max_size=8))
    return [body[begin:end] for begin, end in pairwise([0, *sorted(places), len(body)])]


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)  # the first example loads what it needs
@given(texts=TEXTS, drawn=st.data())
def test_frames_that_are_none_change_nothing_wherever_they_stand_and_are_cut(
    name: str, texts: list[str], drawn: st.DataObject
) -> None:
    spoken = FORMATS[name]
    body = mixed(drawn, spoken, [*map(spoken.say, texts), *spoken.end])
    pieces = Pieces(cut(drawn, body))

    events = list(read_answer(pieces, spoken.answer(pieces)))

    assert "".join(event.content for event in events if isinstance(event, Content)) == "".join(
        texts
    )
    assert events[-1] == Finish(FinishReason.STOP)


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)  # the first example loads what it needs
@given(texts=TEXTS, drawn=st.data())
def test_a_body_of_whole_frames_reads_the_same_however_its_lines_end(
    name: str, texts: list[str], drawn: st.DataObject
) -> None:
    spoken = FORMATS[name]
    body = b"".join([*map(spoken.say, texts), *spoken.end])
    end = drawn.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    pieces = Pieces(cut(drawn, body.replace(b"\n", end)))

    events = list(read_answer(pieces, spoken.answer(pieces)))

    assert "".join(event.content for event in events if isinstance(event, Content)) == "".join(
        texts
    )


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)  # the first example loads what it needs
@given(told=st.lists(st.tuples(LEADS, ANYTHING, TAILS), max_size=3))
def test_whatever_comes_is_events_or_an_error_of_the_provider(
    name: str, told: list[tuple[bytes, object, bytes]]
) -> None:
    pieces = Pieces([lead + json.dumps(value).encode() + tail for lead, value, tail in told])

    try:
        events = list(read_answer(pieces, FORMATS[name].answer(pieces)))
    except ProviderError:
        return

    assert isinstance(events[-1], Finish)
