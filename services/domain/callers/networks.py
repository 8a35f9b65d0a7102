"""Networks of callers: what is one caller where there is no account to count by."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

UNKNOWN = "unknown"
"""The network of all that is no address: nobody gets room of his own by inventing texts."""

IPV6_SIZES = (64, 56, 48)
"""Networks that one customer may have of IPv6: one link, a home (RFC 6177), a site."""

_BITS = 128
_IPV4_BITS = 0xFFFF_FFFF

_EMBEDDED = {
    0xFFFF,  # ::ffff:0:0/96, IPv4-mapped: how a socket for both families tells IPv4
    0xFFFF_0000,  # ::ffff:0:0:0/96, IPv4-translated (RFC 7915)
    0x64_FF9B << 64,  # 64:ff9b::/96, NAT64 (RFC 6052): IPv4 callers of a server of IPv6 only
}
"""The first 96 bits of addresses whose last 32 are an IPv4 address."""

_LOCAL_NAT64 = 0x64_FF9B_0001  # 64:ff9b:1::/48 (RFC 8215)
_SIX_TO_FOUR = 0x2002  # 2002::/16 (RFC 3056)
_TEREDO = 0x2001_0000  # 2001::/32 (RFC 4380)

_REMEMBERED = 4096
"""Each connection and each request asks."""


def network_of(address: str) -> str:
    """Name the smallest network of a caller: the address of IPv4, the /64 of IPv6.

    An IPv4 address that is written within IPv6 is that IPv4 address. A zone ("%eth0") is no part
    of it. What is no address is `UNKNOWN`.
    """
    return _named(address, IPV6_SIZES[:1])[0]


def circles_of(address: str) -> tuple[str, ...]:
    """Name the networks that may be one caller's, from narrow to wide.

    Of IPv4 that is the address alone, of IPv6 the /64, the /56 and the /48 around it.
    """
    return _named(address, IPV6_SIZES)


@lru_cache(maxsize=_REMEMBERED)
def _named(address: str, sizes: tuple[int, ...]) -> tuple[str, ...]:
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return (UNKNOWN,)
    if isinstance(parsed, IPv4Address):
        return (str(parsed),)
    bits = int(parsed)
    inner = _ipv4_within(bits)
    if inner is not None:
        return (str(IPv4Address(inner)),)
    if bits >> (_BITS - 48) == _LOCAL_NAT64:  # of one translator: the next address is another's
        return (str(parsed),)
    return tuple(f"{IPv6Address(bits >> (_BITS - n) << (_BITS - n))}/{n}" for n in sizes)


def _ipv4_within(bits: int) -> int | None:
    """Find the IPv4 address that an IPv6 address stands for; None: it stands for itself."""
    if bits >> (_BITS - 96) in _EMBEDDED:
        return bits & _IPV4_BITS
    if bits >> (_BITS - 16) == _SIX_TO_FOUR:
        return bits >> (_BITS - 48) & _IPV4_BITS
    # All that speak through one Teredo server share its /64; each has its IPv4 address inverted.
    return ~bits & _IPV4_BITS if bits >> (_BITS - 32) == _TEREDO else None
