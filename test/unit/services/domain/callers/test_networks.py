"""Who is one caller where there is no account to count by."""

import pytest

from services.domain.callers.networks import UNKNOWN, circles_of, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (" 192.0.2.7 ", "192.0.2.7"),
    ],
)
def test_a_caller_is_an_ipv4_address_or_a_64_of_ipv6(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:192.0.2.7",
        "::ffff:c000:207",
        "::FFFF:192.0.2.7%2",
        "::ffff:0:192.0.2.7",
        "64:ff9b::192.0.2.7",
        "2002:c000:0207:1:2:3:4:5",
        "2001:0:5ef5:79fd:0:59d:3fff:fdf8",  # Teredo writes the caller's address inverted
    ],
)
def test_ipv4_within_ipv6_is_counted_as_the_ipv4_address(address: str) -> None:
    assert circles_of(address) == ("192.0.2.7",)


def test_callers_behind_a_translator_of_ones_own_are_told_apart() -> None:
    near, far = "64:ff9b:1::192.0.2.7", "64:ff9b:1::192.0.2.8"

    assert network_of(near) != network_of(far)


def test_the_circles_around_ipv6_grow() -> None:
    assert circles_of("2001:db8:aaaa:bbcc:1::") == (
        "2001:db8:aaaa:bbcc::/64",
        "2001:db8:aaaa:bb00::/56",
        "2001:db8:aaaa::/48",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "999.1.1.1",
        "010.0.0.1",
        "1.2.3",
        "::1::2",
        "%",
        "a" * 9000,
        "1.2.3.4\n5",
        "١٢٧.0.0.1",
    ],
)
def test_what_is_no_address_is_one_network(text: str) -> None:
    assert circles_of(text) == (UNKNOWN,)
