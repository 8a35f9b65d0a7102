"""Networks of callers: what is one caller where there is no account to count by."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

UNKNOWN = "unknown"
"""The network of all that is no address: nobody gets room of his own by inventing texts."""

IPV6_SIZES = (64, 56, 48)
"""Networks that one customer may have of IPv6: one link, a home (RFC 6177), a site."""

_EMBEDDED = (
    IPv6Network("::ffff:0:0/96"),  # IPv4-mapped: how a socket for both families tells IPv4
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 7915)
    IPv6Network("64:ff9b::/96"),  # NAT64 (RFC 6052): an IPv4 caller at a server of IPv6 only
)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_IPV4_BITS = 0xFFFF_FFFF
_REMEMBERED = 4096


def network_of(address: str) -> str:
    """Name the smallest network of a caller: the address of IPv4, the /64 of IPv6.

    An IPv4 address that is written within IPv6 is that IPv4 address. A zone ("%eth0") is no part
    of it. What is no address is `UNKNOWN`.
    """
    return circles_of(address)[0]


@lru_cache(maxsize=_REMEMBERED)
def circles_of(address: str) -> tuple[str, ...]:
    """Name the networks that may be one caller's, from narrow to wide.

    Of IPv4 that is the address alone, of IPv6 the /64, the /56 and the /48 around it.
    """
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return (UNKNOWN,)
    inner = _ipv4_of(parsed)
    if inner is not None:
        return (str(inner),)
    if parsed in _LOCAL_NAT64:  # a translator's own network: the next address is another caller
        return (str(parsed),)
    return tuple(str(IPv6Network((int(parsed), size), strict=False)) for size in IPV6_SIZES)


def _ipv4_of(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Find the IPv4 address that a caller has; None: it has IPv6."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _EMBEDDED):
        return IPv4Address(int(address) & _IPV4_BITS)
    if address.sixtofour is not None:
        return address.sixtofour
    # All that speak through one Teredo server share its /64; the caller is the last of the pair.
    return address.teredo[1] if address.teredo is not None else None
