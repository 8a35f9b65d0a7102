"""The list of settings, the example file and the code say the same."""

import re

import pytest
from source_tree import ROOT

from services.settings.variables import Variable
from services.settings.whole import variables

VARIABLES = list(variables())
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]*)`)? ?\| (.*) \| (.*) \|$", re.MULTILINE)
EXAMPLE = re.compile(r"^#?([A-Z0-9_]+)=(.*)$", re.MULTILINE)


def documented() -> dict[str, tuple[str, str, str]]:
    text = (ROOT / "Documentation" / "configuration.md").read_text()
    return {name: (default, takes, about) for name, default, takes, about in ROW.findall(text)}


def exemplified() -> dict[str, str]:
    return dict(EXAMPLE.findall((ROOT / ".env.example").read_text()))


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_the_list_tells_default_range_unit_and_meaning(variable: Variable) -> None:
    default, takes, about = documented()[variable.name]

    assert default == variable.default_text()
    assert takes == variable.expects
    assert about == variable.about
    assert variable.unit in takes


def test_the_list_and_the_example_name_nothing_else() -> None:
    assert list(documented()) == [variable.name for variable in VARIABLES]
    assert list(exemplified()) == [each.name for each in VARIABLES]


def test_the_example_shows_every_default() -> None:
    shown = {each.name: each.default_text() for each in VARIABLES}

    assert exemplified() == shown


def test_a_time_has_its_unit_in_its_name() -> None:
    for variable in VARIABLES:
        if variable.unit == "seconds" and variable.name != "GRACEFUL_TIMEOUT":  # gunicorn's word
            assert variable.name.endswith("_SECONDS")
