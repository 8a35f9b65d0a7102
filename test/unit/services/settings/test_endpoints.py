"""Several keys and addresses of one provider."""

import pytest

from services.settings.endpoints import Endpoint, endpoints_of

A, B = "http://a/v1", "http://b/v1"


@pytest.mark.parametrize(
    ("keys", "urls", "expected"),
    [
        (None, None, []),
        ("", "", []),
        ("k", None, [("k", None)]),
        (None, A, [("", A)]),
        ("k", A, [("k", A)]),
        ("k, l", None, [("k", None), ("l", None)]),
        (None, f"{A},{B}", [("", A), ("", B)]),
        ("k,l", f"{A} , {B}", [("k", A), ("l", B)]),
        ("k,l", A, [("k", A), ("l", A)]),
        ("k", f"{A},{B}", [("k", A), ("k", B)]),
    ],
)
def test_keys_and_addresses_are_paired(
    keys: str | None, urls: str | None, expected: list[tuple[str, str | None]]
) -> None:
    assert list(endpoints_of(keys, urls)) == [Endpoint(*pair) for pair in expected]


@pytest.mark.parametrize(("keys", "urls"), [("k,l,m", f"{A},{B}"), ("k,l", f"{A},{B},{A}")])
def test_several_of_both_that_are_not_as_many_are_a_mistake(keys: str, urls: str) -> None:
    with pytest.raises(ValueError, match=r"2 .* 3 |3 .* 2 "):
        endpoints_of(keys, urls)


def test_a_key_does_not_show() -> None:
    assert "sk-hush" not in repr(endpoints_of("sk-hush", A))
