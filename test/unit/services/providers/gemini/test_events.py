"""How long Gemini's answer is waited for, and that its frames are read the short way."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wires import gemini_wire
from wires.steps import WORDS

from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Finish, ProviderEvent, Reasoning
from services.domain.sessions import FinishReason
from services.providers.gemini import events as gemini_chunks
from services.providers.gemini.events import END_SECONDS, GeminiAnswer
from services.providers.wire.sse_decoder import Frame

LINE_SECONDS = 60.0
NAMES = [
    *("candidates", "content", "parts", "text", "thought", "finishReason", "index", "error"),
    *("promptFeedback", "blockReason", "message", "usageMetadata", "promptTokenCount"),
    *("candidatesTokenCount", "thoughtsTokenCount"),
]
ANYTHING = st.recursive(
    st.one_of(
        st.sampled_from([None, True, 0, -1, 7, 2**70, 1.5, "STOP", "SAFETY", "Hello"]),
        st.text(st.characters(), max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
)
FIELDS = st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4)
CANDIDATES = st.fixed_dictionaries(
    {"candidates": st.lists(FIELDS, max_size=2)}, optional={"usageMetadata": FIELDS}
)


@dataclass
class Line:
    """A connection that may be silent for so long."""

    silence_seconds: float = LINE_SECONDS


def read(answer: GeminiAnswer, *frames: bytes) -> list[ProviderEvent]:
    """Read frames as the wire sends them."""
    return [e for frame in frames for e in answer.events(Frame(data_of(frame)))]


def data_of(frame: bytes) -> bytes:
    return frame.removeprefix(b"data: ").removesuffix(b"\n\n")


def answer_on(line: Line) -> GeminiAnswer:
    return GeminiAnswer("key", lambda: None, line)


def test_once_the_reason_is_known_nobody_waits_long_for_the_end() -> None:
    line = Line()
    answer = answer_on(line)

    read(answer, gemini_wire.say("Hello"))
    assert line.silence_seconds == LINE_SECONDS

    read(answer, gemini_wire.STOP)
    assert line.silence_seconds == END_SECONDS


def test_a_line_that_is_less_patient_stays_so() -> None:
    line = Line(END_SECONDS / 2)

    read(answer_on(line), gemini_wire.say("Hello", "STOP"))

    assert line.silence_seconds == END_SECONDS / 2


def test_an_end_that_text_follows_was_none() -> None:
    line = Line()
    answer = answer_on(line)

    read(answer, gemini_wire.say("Hello", "STOP"), gemini_wire.say(" again"))

    assert line.silence_seconds == LINE_SECONDS
    with pytest.raises(ProviderError, match="ended before"):
        list(answer.end())


def test_an_end_before_any_word_is_not_trusted_with_the_wait() -> None:
    line = Line()
    answer = answer_on(line)

    read(answer, gemini_wire.STOP)

    assert line.silence_seconds == LINE_SECONDS
    assert answer.reason is FinishReason.STOP


@pytest.mark.parametrize(
    ("reason", "meant"),
    [
        ("STOP", FinishReason.STOP),
        ("OTHER", FinishReason.STOP),
        ("A_NEW_ONE", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("SAFETY", FinishReason.CONTENT_FILTER),
        ("RECITATION", FinishReason.CONTENT_FILTER),
        ("BLOCKLIST", FinishReason.CONTENT_FILTER),
        ("PROHIBITED_CONTENT", FinishReason.CONTENT_FILTER),
        ("SPII", FinishReason.CONTENT_FILTER),
        ("IMAGE_SAFETY", FinishReason.CONTENT_FILTER),
        ("FINISH_REASON_UNSPECIFIED", None),
    ],
)
def test_every_reason_has_its_meaning(reason: str, meant: FinishReason | None) -> None:
    answer = answer_on(Line())

    read(answer, gemini_wire.end(reason))

    assert answer.reason is meant


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "A_NEW_ONE", "MAX_TOKENS"])
def test_a_blocked_prompt_is_filtered_whatever_the_reason(reason: str) -> None:
    answer = answer_on(Line())

    read(answer, gemini_wire.chunk(promptFeedback={"blockReason": reason}))

    assert answer.reason is FinishReason.CONTENT_FILTER


@example([{"candidates": [], "usageMetadata": "\ud800"}])
@given(st.lists(st.one_of(ANYTHING, FIELDS, CANDIDATES), max_size=3))
def test_whatever_frames_hold_it_is_events_or_an_error_of_the_provider(told: list[object]) -> None:
    frames = [f"data: {json.dumps(each)}\n\n".encode() for each in told]
    answer = answer_on(Line())

    try:
        events = [*read(answer, *frames), *answer.end()]
    except ProviderError:
        return

    assert events[-1] == Finish(answer.reason or FinishReason.STOP)
    assert all(e.content for e in events if isinstance(e, Content | Reasoning))


def test_every_usual_frame_is_read_the_short_way() -> None:
    frames = [*(gemini_wire.say(word) for word in WORDS), gemini_wire.think("Hm"), gemini_wire.STOP]

    chunks = [gemini_chunks._decode(data_of(frame)) for frame in frames]  # noqa: SLF001 - the other way is three times as slow and gives the same

    assert all(chunk.candidates and chunk.usage_metadata for chunk in chunks)
