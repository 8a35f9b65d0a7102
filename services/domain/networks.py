"""The networks that an address belongs to: what belongs together is counted together."""

from functools import lru_cache
from ipaddress import ip_address, ip_network

_REMEMBERED = 4096


@lru_cache(maxsize=_REMEMBERED)
def circles_of(address: str) -> tuple[str, ...]:
    """Name the networks of an address, from the narrowest to the widest.

    An IPv4 address is a network of its own, also where it is written as IPv6. A customer has a /64
    of IPv6, and often a /48. What is no address names itself.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return (address,)
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        return (str(mapped),)
    if parsed.version == 4:  # noqa: PLR2004 - IPv4
        return (str(parsed),)
    return tuple(str(ip_network((parsed, size), strict=False)) for size in (64, 48))


def network_of(address: str) -> str:
    """Name the network that an address stands for."""
    return circles_of(address)[0]
