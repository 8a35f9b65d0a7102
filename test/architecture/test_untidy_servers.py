"""The page on untidy servers tells what the reports in the tests hold, and nothing else."""

import re
from collections.abc import Callable, Sequence

import pytest
from reports.answers import Report, answer_reports
from source_tree import ROOT

PAGE = ROOT / "Documentation" / "untidy-servers.md"
SECTIONS: dict[str, Callable[[], Sequence[Report]]] = {"What comes in an answer": answer_reports}
"""The sections with a table of reports, and where these are."""


def rows_of(heading: str) -> list[tuple[str, ...]]:
    """Read the rows of the table in a section."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    section = dict(zip(parts[1::2], parts[2::2], strict=True))[heading]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines[1:]]


@pytest.mark.parametrize("heading", SECTIONS)
def test_each_report_has_its_row_and_each_row_its_report(heading: str) -> None:
    expected = list(dict.fromkeys(report.row for report in SECTIONS[heading]()))

    assert rows_of(heading) == expected
