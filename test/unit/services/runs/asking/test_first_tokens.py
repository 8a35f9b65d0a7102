"""How long models have taken for their first token lately."""

import math
from dataclasses import replace

from subjects.choosing import FLASH

from services.runs.asking.first_tokens import ENOUGH_FOR_A_TAIL, MOST_MODELS, FirstTokens


def test_old_times_say_nothing_of_now() -> None:
    now = [0.0]
    times = FirstTokens(lambda: now[0])
    times.record(FLASH, 1.0)
    assert times.median(FLASH) == 1.0
    now[0] = 601.0
    assert times.median(FLASH) is None


def test_a_call_that_gave_no_token_is_slow_but_says_nothing_of_first_tokens() -> None:
    times = FirstTokens()
    for _ in range(ENOUGH_FOR_A_TAIL):
        times.record(FLASH, 0.5)
    for _ in range(ENOUGH_FOR_A_TAIL + 1):
        times.record(FLASH, math.inf)
    assert times.median(FLASH) == math.inf
    assert times.p95(FLASH) == 0.5


def test_names_that_users_think_of_fill_no_memory() -> None:
    times = FirstTokens()
    for number in range(MOST_MODELS):
        times.record(replace(FLASH, name=f"new-{number}"), 1.0)
    times.record(replace(FLASH, name="new-0"), 1.0)
    times.record(FLASH, 1.0)
    kept = [
        number
        for number in range(MOST_MODELS)
        if times.median(replace(FLASH, name=f"new-{number}")) is not None
    ]
    assert kept == [0, *range(2, MOST_MODELS)]
