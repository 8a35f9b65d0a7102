"""The table of what strangers can try is the list that the tests try."""

import re

from hostile.attacks.every import ATTACKS
from source_tree import ROOT

from services.settings.whole import variables

TITLE = "## What a stranger can try\n"
ROW = re.compile(r"^\| (?!attack |---)(.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def rows() -> list[tuple[str, ...]]:
    page = (ROOT / "Documentation" / "security.md").read_text()
    return ROW.findall(page.partition(TITLE)[2].partition("\n## ")[0])


def test_the_table_has_every_attack_its_bound_and_what_the_attacker_gets() -> None:
    assert rows() == [(attack.name, attack.does, attack.bound, attack.gets) for attack in ATTACKS]


def test_the_bounds_that_are_settings_exist() -> None:
    named = {name for attack in ATTACKS for name in re.findall(r"`([A-Z_]+)`", attack.bound)}

    assert named <= {variable.name for variable in variables()}


def test_the_codes_that_attackers_get_are_documented() -> None:
    codes = (ROOT / "Documentation" / "errors.md").read_text()

    for attack in ATTACKS:
        for code in re.findall(r"\d{3} `(\w+)`", attack.gets):
            assert f"| `{code}` |" in codes, code
