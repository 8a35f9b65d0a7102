"""The ids of events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.events import EventId

COUNTER = st.integers(0, 999_999_999)


@given(st.uuids(), COUNTER, COUNTER)
def test_an_id_is_read_back_as_it_was_written(run_id: object, epoch: int, seq: int) -> None:
    event_id = EventId(str(run_id), epoch, seq)

    assert EventId.parse(str(event_id)) == event_id


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    parsed = EventId.parse(text)

    assert parsed is None or isinstance(parsed, EventId)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "run",
        "run.1",
        "run.1.",
        "run..1",
        ".1.1",
        "run.1.1.1",
        "run.-1.1",
        "run.+1.1",
        "run.1.1 ",
        "run.1_0.1",
        "run.1.0x1",
        "run.\N{SUPERSCRIPT TWO}.1",
        "run.\N{ARABIC-INDIC DIGIT ONE}.1",
        "run.1." + "9" * 10,
        "run.1." + "9" * 100_000,
        "run.1.1\n",
    ],
    ids=range(19),
)
def test_what_this_server_cannot_have_written_is_no_id(text: str) -> None:
    assert EventId.parse(text) is None
