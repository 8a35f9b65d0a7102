"""Nothing is skipped: the root conftest turns every skip into a failure."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SKIPPING = """
import pytest

@pytest.mark.skip
def test_marked(): ...

def test_calls():
    pytest.skip("no time")

@pytest.mark.xfail
def test_expected_to_fail():
    assert False

def test_runs(): ...
"""


@pytest.fixture
def pytester_with_rule(pytester: pytest.Pytester) -> pytest.Pytester:
    support = Path(__file__).parents[1] / "support"
    pytester.makeini(f"[pytest]\npythonpath = {support}")
    pytester.makeconftest('pytest_plugins = ["no_skips"]')
    return pytester


def test_every_way_to_skip_a_test_fails_the_run(pytester_with_rule: pytest.Pytester) -> None:
    pytester_with_rule.makepyfile(SKIPPING)

    result = pytester_with_rule.runpytest_subprocess()

    result.assert_outcomes(failed=2, errors=1, passed=1)


def test_a_file_that_skips_itself_fails_the_run(pytester_with_rule: pytest.Pytester) -> None:
    pytester_with_rule.makepyfile("import pytest\npytest.skip('all', allow_module_level=True)")

    result = pytester_with_rule.runpytest_subprocess()

    result.assert_outcomes(errors=1)
