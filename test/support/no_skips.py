"""A pytest plugin: nothing is skipped, because what is not run proves nothing."""

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that is skipped or expected to fail: what is not run proves nothing."""
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same where a whole file skips itself."""
    report = yield
    _forbid_skip(report)
    return report


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: nothing may be skipped or expected to fail"
        vars(report).pop("wasxfail", None)
