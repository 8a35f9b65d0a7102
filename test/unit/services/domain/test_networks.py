"""Which networks an address belongs to."""

import pytest

from services.domain.networks import circles_of, network_of


@pytest.mark.parametrize(
    ("address", "circles"),
    [
        ("192.0.2.7", ("192.0.2.7",)),
        ("::ffff:192.0.2.7", ("192.0.2.7",)),
        ("2001:db8:1:2:3::4", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
        ("fe80::1%eth0", ("fe80::/64", "fe80::/48")),
        ("unix", ("unix",)),
    ],
)
def test_an_address_is_in_its_networks(address: str, circles: tuple[str, ...]) -> None:
    assert circles_of(address) == circles
    assert network_of(address) == circles[0]
