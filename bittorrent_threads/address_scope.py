"""The scope of a numeric address: the internet, the local network, this machine, or none; and the network of its owner.

An IPv6 address that contains an IPv4 address has the scope of both, since a translator or a tunnel of the local network
converts it.  The tables follow the IANA special-purpose address registries (RFC 6890).  Those of ``ipaddress`` differ
between versions of Python.
"""

from __future__ import annotations

import bisect
import functools
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import List, Optional, Sequence, Tuple, Union

_Host = Union[IPv4Address, IPv6Address]

SITE_PREFIX = 64
"""Bits of an IPv6 address that its owner cannot choose: the owner of one address has 2**64."""

_SPECIAL_IPV4 = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
    *("203.0.113.0/24", "224.0.0.0/3"),
)
"""IPv4 networks that are not part of the internet."""

_INTERNET_IPV6 = IPv6Network("2000::/3")
"""All global unicast addresses; others are local, reserved or translated."""

_SPECIAL_IPV6 = ("2001::/23", "2001:db8::/32", "3fff::/20")
"""Networks in it that cannot be reached: Teredo, ORCHID and others for protocols, and documentation."""

_LINK_LOCAL = IPv6Network("fe80::/10")
_MAPPED = IPv6Network("::ffff:0:0/96")
_TRANSLATED = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""Upper half of an ISATAP interface identifier (RFC 5214, 6.1); the lower half is the IPv4 address."""

Ranges = Tuple[List[int], List[int]]


def _ranges(networks: Sequence[Union[IPv4Network, IPv6Network]]) -> Ranges:
    """Return the first and the last addresses of networks, sorted."""
    ordered = sorted((int(network.network_address), int(network.broadcast_address)) for network in networks)
    return [first for first, _ in ordered], [last for _, last in ordered]


_IPV4_RANGES = _ranges([IPv4Network(network) for network in _SPECIAL_IPV4])
_IPV6_RANGES = _ranges([IPv6Network(network) for network in _SPECIAL_IPV6])


def is_public(host: str) -> bool:
    """Return whether a numeric address is on the internet; False if it is local, reserved or not numeric."""
    address = _parsed(host)
    return address is not None and _public(address)


def is_loopback(host: str) -> bool:
    """Return whether a numeric address is this machine, in any notation."""
    address = _parsed(host)
    inner = _mapped(address) if isinstance(address, IPv6Address) else None
    return address is not None and (inner or address).is_loopback


def reachable_from(host: str, viewer: str) -> bool:
    """Return whether a host means the same machine to ``viewer`` as to us, so that one may tell it to the other.

    A loopback address is told between loopback addresses only, a local one between local and loopback addresses.  A
    link-local one of IPv6 means something on one network only, and its zone is not told.

    Args:
        host: The numeric address that is told.
        viewer: The numeric address that tells it, or that it is told to.
    """
    return not is_link_local(host) and _reach(host) >= _reach(viewer)


def same_network(first: str, second: str) -> bool:
    """Return whether two numeric addresses are in one /24 network of IPv4, or one /64 network of IPv6."""
    one, other = _parsed(first), _parsed(second)
    if one is None or other is None or one.version != other.version:
        return False
    host_bits = 8 if one.version == 4 else 128 - SITE_PREFIX
    return int(one) >> host_bits == int(other) >> host_bits


def is_link_local(host: str) -> bool:
    """Return whether a numeric address is a link-local one of IPv6, which means nothing without its zone."""
    address = _parsed(host) if ":" in host else None
    return address is not None and address in _LINK_LOCAL


def is_unicast(host: str) -> bool:
    """Return whether one machine can have a numeric address: not for multicast, IPv4 class E and "this host"."""
    address = _parsed(host)
    if isinstance(address, IPv6Address):
        inner = _mapped(address)
        if inner is None:
            return not (address.is_unspecified or address.is_multicast)
        address = inner
    return address is not None and 1 <= int(address) >> 24 <= 223


def owner(host: str) -> str:
    """Return one text for all addresses of one owner: the /64 network of a public IPv6 address, or the host itself."""
    if ":" not in host:
        return host
    address = _parsed(host)
    if not isinstance(address, IPv6Address) or address not in _INTERNET_IPV6:
        return host
    rest = 128 - SITE_PREFIX
    return f"{IPv6Address(int(address) >> rest << rest)}/{SITE_PREFIX}"


def _reach(host: str) -> int:
    """Return 0 for this machine, 1 for the local network, 2 for the internet."""
    return 2 if is_public(host) else int(not is_loopback(host))


@functools.lru_cache(maxsize=64)  # thousands of calls come in runs for one host
def _parsed(host: str) -> Optional[_Host]:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _public(address: _Host) -> bool:
    if isinstance(address, IPv4Address):
        return not _within(int(address), _IPV4_RANGES)
    number = int(address)
    inner = _mapped(address) or (IPv4Address(number & 0xFFFFFFFF) if address in _TRANSLATED else None)
    if inner is not None:
        return _public(inner)
    if address not in _INTERNET_IPV6 or _within(number, _IPV6_RANGES):
        return False
    if address in _6TO4:
        return _public(IPv4Address(number >> 80 & 0xFFFFFFFF))
    return number >> 32 & 0xFFFFFFFF not in _ISATAP or _public(IPv4Address(number & 0xFFFFFFFF))


def _mapped(address: IPv6Address) -> Optional[IPv4Address]:
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _MAPPED else None


def _within(number: int, ranges: Ranges) -> bool:
    firsts, lasts = ranges
    at = bisect.bisect_right(firsts, number) - 1
    return at >= 0 and number <= lasts[at]
