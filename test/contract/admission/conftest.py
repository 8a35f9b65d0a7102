"""The time by which limits count: a test's own clock in memory, or that of Redis."""

import pytest
from subjects.passing_time import MovedTime, PassingTime, RealTime


@pytest.fixture(params=["memory", "redis"])
def passing(request: pytest.FixtureRequest) -> PassingTime:
    """Give the time of each kind: in memory the test moves it, and Redis has a clock of its own."""
    return MovedTime() if request.param == "memory" else RealTime()
