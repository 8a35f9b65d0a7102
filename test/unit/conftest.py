"""Workers for the tests of runs; what they leave running ends with the test."""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from worlds.played import PlayedProvider, Step
from worlds.run_world import MakeWorld, RunWorld

from services.runs.living.run import Ending
from services.telemetry import logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Catch what is logged, as the server writes it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    yield stream
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()


@pytest.fixture
def make_world(tmp_path: Path, lines: io.StringIO) -> Iterator[MakeWorld]:
    """Make workers on one database, whose provider plays the given scripts."""
    del lines  # it only has to be there: what goes wrong on purpose is not shown
    with ExitStack() as ending:

        def make(
            *scripts: Sequence[Step], provider: PlayedProvider | None = None, **options: Any
        ) -> RunWorld:
            world = RunWorld(tmp_path, provider or PlayedProvider(*scripts), **options)
            ending.callback(_end, world)
            return world

        yield make


def _end(world: RunWorld) -> None:
    shaky = world.runs
    for failing in (shaky.away, shaky.broken, shaky.answers_lost, shaky.poisoned):
        failing.clear()
    world.runner.end_all(Ending.INTERRUPTED)
    world.wait()
    world.close()
