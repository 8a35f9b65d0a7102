"""Tests that share something are run by one process."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

@pytest.mark.xdist_group("shared")
@pytest.mark.parametrize("number", range(6))
def test_shared(number): ...

@pytest.fixture(params=["one", "other"])
def column(request):
    return request.param

@pytest.fixture
def start_shared(column): ...

@pytest.mark.parametrize("number", range(6))
def test_of_a_column(start_shared, number): ...
"""


def test_a_group_is_run_by_one_process(pytester: pytest.Pytester) -> None:
    support = Path(__file__).parents[1] / "support"
    pytester.makeini(f"[pytest]\npythonpath = {support}")
    pytester.makeconftest('pytest_plugins = ["xdist_groups"]')
    pytester.makepyfile(test_it=TESTS)

    result = pytester.runpytest_subprocess("-v", "--numprocesses=2", "--dist=loadgroup")

    result.assert_outcomes(passed=18)
    processes = defaultdict(set)
    for process, group in re.findall(r"\[(gw\d)\] .*@(.+?) *$", result.stdout.str(), re.MULTILINE):
        processes[group].add(process)
    assert set(processes) == {"shared", "test_it one", "test_it other"}
    assert [len(those) for those in processes.values()] == [1, 1, 1]
