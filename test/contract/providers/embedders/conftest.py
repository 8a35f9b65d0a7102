"""Every embedder, with the server that it calls."""

from collections.abc import Iterator

import pytest
from subjects.embedders import Subjects
from wires.fixtures import WireServer


@pytest.fixture
def subjects(wire: WireServer, aimock: str) -> Iterator[Subjects]:
    """Give a builder of embedders."""
    made = Subjects(wire, aimock)
    yield made
    made.close()
