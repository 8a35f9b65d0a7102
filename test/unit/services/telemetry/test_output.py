"""Lines go out whole, or are counted as lost; writing never waits and never fails."""

import os
from collections.abc import Iterator

import pytest

from services.telemetry.output import Output


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Open a pipe; what a test closes itself it marks by another descriptor."""
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        try:
            os.close(end)
        except OSError:
            continue


def test_a_line_is_written_at_once_in_any_letters(pipe: tuple[int, int]) -> None:
    reader, writer = pipe

    Output(writer).write("Zoë \ud800\n")

    assert os.read(reader, 100) == "Zoë \\ud800\n".encode()


def test_what_a_sleeping_reader_has_no_room_for_is_counted_and_told_later(
    pipe: tuple[int, int],
) -> None:
    reader, writer = pipe
    output = Output(writer)
    line = "x" * 9999 + "\n"
    for _ in range(20):
        output.write(line)

    first = os.read(reader, 1_000_000)
    output.write("awake\n")
    later = os.read(reader, 1_000_000).decode()

    lost = 20 - first.count(b"\n")
    assert 10 <= lost < 20
    assert f"{lost} lines before this one could not be written.\n" in later
    assert later.endswith("\nawake\n")


def test_a_reader_that_ended_costs_only_the_lines(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)

    assert Output(writer).write("nobody\n") == 7
