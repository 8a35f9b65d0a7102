"""Which proxies are believed, and what they say of a request: pure rules over texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS = 10
"""The longest chain of proxies; what stands further to the left is not looked at."""

_IN_BRACKETS = re.compile(r"\[([^\[\]]+)\](?::\d{1,5})?")
_WITH_PORT = re.compile(r"([0-9.]+):\d{1,5}")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_MAX_TEXT = 255

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""What proxies call a request that arrived, or became a socket, over one of the two schemes."""


@dataclass(frozen=True, slots=True)
class Hops:
    """Whom a request comes from, and how many proxies that are believed it came through."""

    address: str
    proxies: int


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies whose headers count: a number of them, or those in `networks`.

    With a number whoever connects is the last of them, whatever its address is.
    """

    count: int = 0
    networks: Sequence[Network] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a number, or addresses and networks by commas; raise ValueError for all else."""
        if re.fullmatch(r"[0-9]+", text):
            count = int(text)
            if count > MAX_HOPS:
                raise ValueError(f"More than {MAX_HOPS} proxies in a row.")
            return cls(count)
        return cls(networks=tuple(_network(part.strip()) for part in text.split(",")))

    def hops(self, peer: str, forwarded_for: str | None) -> Hops:
        """Tell who sent a request, from the address that connected and from X-Forwarded-For.

        The header is read from its right, where the nearest proxy wrote. Where a proxy that is
        believed names nobody, the request counts as that proxy's own: what stands further to the
        left may be the client's invention.
        """
        nearest = parse_address(peer)
        if self.networks:
            return self._named(peer, nearest, forwarded_for)
        found = Hops(peer if nearest is None else str(nearest), self.count)
        named = _from_the_right(forwarded_for)
        if len(named) < self.count:
            return found
        for part in named[: self.count]:
            address = parse_address(part)
            if address is None:
                return found
            found = Hops(str(address), self.count)
        return found

    def believes(self, peer: str) -> bool:
        """Tell whether whoever connects from an address is a proxy."""
        nearest = parse_address(peer)
        return self.count > 0 or (nearest is not None and self._trusts(nearest))

    def _named(self, peer: str, nearest: Address | None, forwarded_for: str | None) -> Hops:
        if nearest is None or not self._trusts(nearest):
            return Hops(peer if nearest is None else str(nearest), 0)
        address, proxies = nearest, 1
        for part in _from_the_right(forwarded_for):
            before = parse_address(part)
            if before is None:
                break
            address = before
            if not self._trusts(before):
                break
            proxies += 1
        return Hops(str(address), min(proxies, MAX_HOPS))

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def parse_address(text: str) -> Address | None:
    """Read an address as proxies write it: with a port, in brackets, quoted; None: it is none.

    An IPv4 address inside an IPv6 one is that IPv4 address, and a zone is left out.
    """
    text = text.strip(" \t").strip('"')
    found = _IN_BRACKETS.fullmatch(text) or _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((found[1] if found else text).partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def told(header: str | None, proxies: int) -> str | None:
    """Give what the outermost of so many proxies wrote into a header; None: nothing.

    Most proxies set these headers and do not add to them, so there may be fewer values than
    proxies.
    """
    if not header or proxies < 1:
        return None
    if "," not in header:
        return header.strip(" \t")
    return _from_the_right(header)[:proxies][-1]


def scheme(text: str | None) -> str | None:
    """Read X-Forwarded-Proto; None: it tells neither http nor https."""
    return _SCHEMES.get((text or "").lower())


def host(text: str | None) -> str | None:
    """Read X-Forwarded-Host; None: it is no host with or without a port."""
    return text if text and len(text) <= _MAX_TEXT and _HOST.fullmatch(text) else None


def prefix(text: str | None) -> str:
    """Read X-Forwarded-Prefix; empty: it is no path below which this server could be.

    It stands in links and in addresses of redirects, so it must be a plain path of this host.
    """
    if not text:
        return ""
    path = text.rstrip("/")
    if len(path) > _MAX_TEXT or not _PREFIX.fullmatch(path):
        return ""
    return "" if {".", ".."} & set(path.split("/")) else path


def _from_the_right(header: str | None) -> list[str]:
    """List the last values of a header, the last one first; an empty part is a value too."""
    if header is None:
        return []
    parts = header.rsplit(",", MAX_HOPS)
    if len(parts) > MAX_HOPS:
        del parts[0]
    return [part.strip(" \t") for part in reversed(parts)]


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is no address and no network: {exc}.") from exc
    if network.prefixlen == 0:
        raise ValueError(f"{text} is everybody: every client could choose its own address.")
    return network
