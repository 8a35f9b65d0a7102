"""The beats get a run's text piece by piece, no piece twice and none left out."""

import pytest
from worlds.log_events import START

from services.domain.events import Content
from services.domain.runs import Piece
from services.runs.living.checkpoint import Checkpoint
from services.streams.base import LogWriter
from services.streams.memory import MemoryRunLog


@pytest.fixture
def writer() -> LogWriter:
    """Give the log of a run that has just been started."""
    log = MemoryRunLog(900, 1 << 20).open("run", 1)
    log.append(START)
    return log


@pytest.fixture
def checkpoint(writer: LogWriter) -> Checkpoint:
    """Give its checkpoint, whose start is stored."""
    made = Checkpoint(writer)
    made.unsaved()
    made.saved()
    return made


def test_there_is_nothing_to_store_before_anything_was_written(checkpoint: Checkpoint) -> None:
    assert checkpoint.unsaved() is None


def test_all_that_was_written_is_to_be_stored(writer: LogWriter, checkpoint: Checkpoint) -> None:
    writer.append(Content("one "))
    writer.append(Content("two "))

    assert checkpoint.unsaved() == Piece(3, "one two ")


def test_the_same_piece_is_given_until_it_is_stored(
    writer: LogWriter, checkpoint: Checkpoint
) -> None:
    writer.append(Content("one "))
    piece = checkpoint.unsaved()
    writer.append(Content("two "))

    assert checkpoint.unsaved() == piece == Piece(2, "one ")


def test_after_it_is_stored_only_what_came_since_is_given(
    writer: LogWriter, checkpoint: Checkpoint
) -> None:
    writer.append(Content("one "))
    checkpoint.unsaved()
    writer.append(Content("two "))
    checkpoint.saved()

    assert checkpoint.unsaved() == Piece(3, "two ")


def test_what_is_stored_is_not_given_again(writer: LogWriter, checkpoint: Checkpoint) -> None:
    writer.append(Content("one "))
    checkpoint.unsaved()
    checkpoint.saved()

    assert checkpoint.unsaved() is None


def test_a_piece_that_nobody_was_given_is_not_taken_for_stored(
    writer: LogWriter, checkpoint: Checkpoint
) -> None:
    writer.append(Content("one "))
    checkpoint.saved()

    assert checkpoint.unsaved() == Piece(2, "one ")
