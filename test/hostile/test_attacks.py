"""A user who streams, searches and logs in notices nothing of what strangers try."""

from collections.abc import Sequence

import pytest
from hostile.attack import Attack
from hostile.attacks.every import ATTACKS, FAMILIES
from hostile.ground import Ground

pytestmark = [pytest.mark.xdist_group("hostile"), pytest.mark.timeout(180)]

SECONDS, LONG_SECONDS = 1.0, 4.0
LONG_SCALE = 4


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try each attack alone in the long form, and a family at the same time in the short one."""
    if metafunc.config.getoption("--hostile-long"):
        tried = {attack.name: [attack] for attack in ATTACKS}
    else:
        tried = {name: list(family) for name, family in FAMILIES.items()}
    metafunc.parametrize("attacks", tried.values(), ids=tried.keys())


def test_the_user_notices_nothing_the_attackers_are_refused_and_nothing_is_kept(
    ground: Ground, attacks: Sequence[Attack], *, is_long: bool
) -> None:
    seconds, scale = (LONG_SECONDS, LONG_SCALE) if is_long else (SECONDS, 1)

    outcome = ground.under(attacks, seconds, scale)

    assert outcome.wrong_answers(attacks) == []
    assert outcome.noticed == []
    assert outcome.after.is_back_to(outcome.before), (outcome.before, outcome.after)
