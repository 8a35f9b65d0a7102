"""A run's record over several owners, and a record whose beginning is not known."""

import pytest
from worlds.log_events import DONE, START, events_of, read_up_to
from worlds.stores import new_id

from services.domain.deliveries import Batch
from services.domain.events import Content, EventId
from services.domain.runs import Piece
from services.streams.record import Record


def record_of(base: Piece | None = None, epoch: int = 1) -> Record:
    """Make an empty record."""
    return Record(new_id(), epoch, lambda _: None, *([base] if base else []))


def two_owners() -> Record:
    """Make a record of two events of the first owner, and two of the second."""
    record = record_of()
    record.extend([START, Content("a")])
    record.begin_epoch(2)
    record.extend([Content("b"), DONE])
    return record


def test_each_batch_is_of_one_owner() -> None:
    batches = read_up_to(two_owners(), 4)

    assert [(one.epoch, one.first_seq, one.last_seq) for one in batches] == [(1, 1, 2), (2, 3, 4)]
    assert events_of(batches) == [START, Content("a"), Content("b"), DONE]


@pytest.mark.parametrize(
    ("epoch", "known"), [(1, [0, 1, 2]), (2, [0, 1, 2, 3, 4]), (3, []), (0, [])]
)
def test_a_cursor_is_known_up_to_where_the_next_owner_began(epoch: int, known: list[int]) -> None:
    record = two_owners()

    found = [seq for seq in range(7) if record.knows(EventId(record.run_id, epoch, seq))]

    assert found == known


def test_what_came_before_the_first_event_is_part_of_the_text_only() -> None:
    record = record_of(Piece(5, "before "), epoch=3)
    record.extend([Content("after"), DONE])

    assert (record.is_whole, record.top, record.text()) == (False, 7, "before after")
    [batch] = read_up_to(record, 7, after=5)
    assert (batch.epoch, batch.first_seq, batch.events) == (3, 6, [Content("after"), DONE])
    assert [seq for seq in range(9) if record.knows(EventId(record.run_id, 3, seq))] == [5, 6, 7]


def test_what_a_record_does_not_hold_is_never_given_for_something_else() -> None:
    record = record_of(Piece(5, "before "))
    record.extend([Content("after")])

    with pytest.raises(ValueError, match="does not hold"):
        record.after(3)
    batch = record.after(5)
    assert isinstance(batch, Batch)
