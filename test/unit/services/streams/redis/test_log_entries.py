"""The bytes of an entry: they are read as they were written, also by an older release."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from worlds.log_events import ATTEMPT, DONE, ERROR, PIECES, RETRYING, START

from services.domain.events import Attempt, Content, Reasoning, RunEvent
from services.streams.redis import codec

EVENTS = st.one_of(
    PIECES.map(Content),
    PIECES.map(Reasoning),
    st.sampled_from([START, ATTEMPT, RETRYING, DONE, ERROR]),
)


@given(events=st.lists(EVENTS, max_size=8))
def test_what_was_written_is_read_as_it_was(events: list[RunEvent]) -> None:
    assert codec.decode(codec.encode(events)) == events


def test_a_call_that_an_older_release_wrote_has_no_price() -> None:
    older = msgspec.msgpack.encode(["a", ("a", {"number": 2, "provider": "p", "model": "m"})])

    assert codec.decode(older) == [Content("a"), Attempt(number=2, provider="p", model="m")]
