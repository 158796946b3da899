"""Canonical peer priority (BEP 40): an order of connections that follows from their addresses alone.

Both ends of a connection compute the same number, and neither can choose it.  Where there is no room, a new peer takes
the place of one with a lower priority.  So a full swarm lets new peers in, and a flood of connections from few hosts
gets no more places than its share of addresses.
"""

from __future__ import annotations

from ..protocol.addresses import Address, pack_host
from ..protocol.crc32c import crc32c

HIGHEST = 0xFFFFFFFF
"""The highest priority."""


def priority(one: Address, other: Address) -> int:
    """The priority of a connection between two addresses.

    Args:
        one: One end.
        other: The other end.

    Returns:
        0 to 2**32 - 1, the highest preferred; 0 if the ends are of different address families.

    Raises:
        ValueError: A host is not numeric.
    """
    first, second = pack_host(one[0]), pack_host(other[0])
    if len(first) != len(second):
        return 0
    if first == second:
        return crc32c(b"".join(port.to_bytes(2, "big") for port in sorted((one[1], other[1]))))
    return crc32c(b"".join(sorted(_masked(host, _significant(first, second)) for host in (first, second))))


def _significant(first: bytes, second: bytes) -> int:
    """Leading bytes that count in full: those of a provider, and more if the hosts have those in common (BEP 40)."""
    common = next(index for index, (a, b) in enumerate(zip(first, second)) if a != b)
    least = 2 if len(first) == 4 else 6
    return least if common < least else common + 1


def _masked(host: bytes, significant: int) -> bytes:
    # Of the rest every other bit counts (BEP 40: FF.FF.55.55), so that neighbours have few different priorities.
    return host[:significant] + bytes(byte & 0x55 for byte in host[significant:])
