"""How a run ends, as bytes: also as an older release wrote them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from worlds.stores import UNKNOWN_RUN, attempt, done, settlement_of

from services.domain.runs import AttemptOutcome
from services.runs.ending import letters

ENDED = settlement_of(
    UNKNOWN_RUN,
    attempts=(
        attempt(1, outcome=AttemptOutcome.CANCELLED, code="hedged"),
        attempt(2, provider="other", model="fallback"),
    ),
    provider="other",
    model="fallback",
    token_count=12,
    told_epoch=1,
)


def without(letter: dict[str, Any], *names: str) -> dict[str, Any]:
    """Take fields out of a letter and its attempts."""
    kept = {name: value for name, value in letter.items() if name not in names}
    kept["attempts"] = [
        {name: value for name, value in one.items() if name not in names}
        for one in letter["attempts"]
    ]
    return kept


def test_a_letter_says_who_wrote_the_text_and_how_each_call_ended() -> None:
    assert letters.read(letters.written(ENDED)) == ENDED


def test_a_letter_of_an_older_release_is_read() -> None:
    written = json.loads(letters.written(ENDED))
    older = without(written, "provider", "model", "token_count", "code")
    older["attempts"] = [
        {**one, "provider": "scripted", "model": "large"} for one in older["attempts"]
    ]

    settlement = letters.read(json.dumps(older).encode())

    assert settlement == replace(
        ENDED,
        attempts=(attempt(1, outcome=AttemptOutcome.CANCELLED), attempt(2)),
        provider=None,
        model=None,
        token_count=None,
    )


def test_a_letter_with_more_than_this_release_knows_is_read() -> None:
    written = json.loads(letters.written(ENDED))

    assert letters.read(json.dumps({**written, "weather": "fine"}).encode()) == ENDED


@pytest.mark.parametrize("wrong", [{"token_count": "many"}, {"kind": "poem"}, {"provider": 1}])
def test_what_is_no_letter_is_refused(wrong: dict[str, object]) -> None:
    written = json.loads(letters.written(replace(ENDED, terminal=done(UNKNOWN_RUN))))

    with pytest.raises(ValueError):  # noqa: PT011 - any sentence: a person looks at the file
        letters.read(json.dumps({**written, **wrong}).encode())
