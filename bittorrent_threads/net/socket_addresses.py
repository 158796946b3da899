"""Socket addresses of the system, and addresses as the library writes them: ``(host, port)`` with a numeric host.

The rule: a link-local IPv6 address (``fe80::/10``) means something on one network only, so it has the number of the
interface behind it: ``("fe80::1%2", 6881)``.  The system gives the number, with connections, datagrams and resolved
names; no message of another host has one.  No other address has a zone.
"""

from __future__ import annotations

import functools
import socket
from typing import Any, Tuple, Union

from .interfaces import Address

Place = Union[Tuple[str, int], Tuple[str, int, int, int]]
"""A socket address of IPv4 or IPv6."""


def address_of(place: Tuple[Any, ...]) -> Address:
    """Return the address of a socket address that the system gave."""
    if len(place) == 2:
        return str(place[0]), place[1]
    host = str(place[0]).partition("%")[0]  # some systems name the interface there, too
    zone = place[3]
    return (f"{host}%{zone}" if zone else host), place[1]


@functools.lru_cache(maxsize=1024)  # datagrams go to the same hosts again
def place_of(address: Address, *, family: int) -> Place:
    """Return the socket address of an address: given a host name, the system would look it up, and wait.

    Args:
        address: Numeric host and port.
        family: 4 or 6.

    Raises:
        ValueError: The host is no numeric address of this family.
    """
    host, percent, zone = address[0].partition("%")
    try:
        socket.inet_pton(socket.AF_INET6 if family == 6 else socket.AF_INET, host)
    except (OSError, ValueError):  # a NUL character, a lone surrogate
        raise ValueError(f"{address[0]!r} is not a numeric address of IPv{family}") from None
    if not percent:
        return host, address[1]
    if family != 6 or not (zone.isascii() and zone.isdecimal() and len(zone) < 10):
        raise ValueError(f"{address[0]!r} is not a numeric address of IPv{family}")
    return host, address[1], 0, int(zone)
