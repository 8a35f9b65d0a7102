"""How a run ends, as bytes: also as an older release wrote them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from worlds.stores import UNKNOWN_RUN, attempt, done, settlement_of

from services.domain.runs import AttemptOutcome
from services.runs.ending import settlement_codec

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


def without(written: dict[str, Any], *names: str) -> dict[str, Any]:
    """Take fields out of a written settlement and its attempts."""
    kept = {name: value for name, value in written.items() if name not in names}
    kept["attempts"] = [
        {name: value for name, value in one.items() if name not in names}
        for one in written["attempts"]
    ]
    return kept


def test_a_settlement_is_decoded_as_it_was_encoded() -> None:
    assert settlement_codec.decode(settlement_codec.encode(ENDED)) == ENDED


def test_a_settlement_of_an_older_release_is_decoded() -> None:
    written = json.loads(settlement_codec.encode(ENDED))
    older = without(written, "provider", "model", "token_count", "code")
    older["attempts"] = [
        {**one, "provider": "scripted", "model": "large"} for one in older["attempts"]
    ]

    settlement = settlement_codec.decode(json.dumps(older).encode())

    assert settlement == replace(
        ENDED,
        attempts=(attempt(1, outcome=AttemptOutcome.CANCELLED), attempt(2)),
        provider=None,
        model=None,
        token_count=None,
    )


def test_a_settlement_with_more_than_this_release_knows_is_decoded() -> None:
    written = json.loads(settlement_codec.encode(ENDED))

    assert settlement_codec.decode(json.dumps({**written, "weather": "fine"}).encode()) == ENDED


@pytest.mark.parametrize("wrong", [{"token_count": "many"}, {"kind": "poem"}, {"provider": 1}])
def test_what_is_no_settlement_is_refused(wrong: dict[str, object]) -> None:
    written = json.loads(settlement_codec.encode(replace(ENDED, terminal=done(UNKNOWN_RUN))))

    with pytest.raises(ValueError):  # noqa: PT011 - any sentence: a person looks at the file
        settlement_codec.decode(json.dumps({**written, **wrong}).encode())
