"""Fields that say on the wire exactly what they mean."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import ValidationError
from marshmallow.fields import Field

from routes.schemas.fields import Amount, Flag, Number, Timestamp, Whole, Word

NEPAL = timezone(timedelta(hours=5, minutes=45))


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1E-7", "0.0000001"), ("0", "0"), ("1E+3", "1000"), ("0.1230", "0.1230")],
)
def test_money_is_plain_digits(amount: str, text: str) -> None:
    assert Amount().serialize("cost", {"cost": Decimal(amount)}) == text


def test_no_money_is_null() -> None:
    assert Amount().serialize("cost", {"cost": None}) is None


@pytest.mark.parametrize(("word", "told"), [("hedged", "hedged"), ("", None), (None, None)])
def test_no_word_is_null(word: str | None, told: str | None) -> None:
    assert Word().serialize("code", {"code": word}) == told


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC), "2026-11-20T12:00:00.000005Z"),
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "2026-11-20T12:00:00Z"),
        (datetime(2026, 11, 20, 12, 0, tzinfo=NEPAL), "2026-11-20T06:15:00Z"),
    ],
)
def test_a_time_is_utc_with_a_z(time: datetime, text: str) -> None:
    assert Timestamp().serialize("at", {"at": time}) == text


@pytest.mark.parametrize(
    ("field", "given", "read"),
    [(Number(), 1, 1.0), (Number(), 0.5, 0.5), (Whole(), 5.0, 5), (Flag(), False, False)],
)
def test_a_value_of_the_right_type_is_read(field: Field[Any], given: object, read: object) -> None:
    assert field.deserialize(given) == read


def test_a_value_of_another_type_is_refused() -> None:
    wrong: dict[Field[Any], list[Any]] = {
        Number(): ["1", True, [], 10**400],
        Whole(): ["5", True, 5.5, float("inf"), {}],
        Flag(): [1, 0, "true", [], {}],
    }

    for field, values in wrong.items():
        for value in values:
            with pytest.raises(ValidationError):
                field.deserialize(value)
