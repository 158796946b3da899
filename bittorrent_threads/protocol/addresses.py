"""Compact addresses: IPv4 or IPv6 as 4 or 16 bytes, followed by a port in 2 (BEP 23, BEP 7).

An address is ``(host, port)`` with a numeric host.  An IPv4-mapped IPv6 address (``::ffff:1.2.3.4``) becomes the IPv4
address, so that each peer has one address.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Iterable, List, Tuple

Address = Tuple[str, int]

IPV4_SIZE = 6
IPV6_SIZE = 18

_IPV4 = struct.Struct(">BBBBH")
_PORT = struct.Struct(">H")


def numeric_host(text: str) -> str:
    """The canonical form of a numeric host; empty for any other text, such as a name or a host with a zone."""
    try:
        host = ip_address(text)
    except ValueError:
        return ""
    return _canonical(host) if "%" not in text else ""


def unpack_host(packed: bytes) -> str:
    """The numeric host of 4 or 16 packed bytes; empty for any other length."""
    if len(packed) == 4:
        return str(IPv4Address(packed))
    return _canonical(IPv6Address(packed)) if len(packed) == 16 else ""


def pack_host(host: str) -> bytes:
    """The 4 or 16 bytes of a numeric host; raises ``ValueError`` for any other text."""
    return ip_address(host).packed


def unpack_ipv4(packed: bytes) -> List[Address]:
    """The addresses in a whole number of 6-byte entries; entries with port 0 are left out."""
    return [(f"{a}.{b}.{c}.{d}", port) for a, b, c, d, port in _IPV4.iter_unpack(packed) if port]


def unpack_ipv6(packed: bytes) -> List[Address]:
    """The addresses in a whole number of 18-byte entries; entries with port 0 are left out."""
    addresses = []
    for start in range(0, len(packed), IPV6_SIZE):
        (port,) = _PORT.unpack_from(packed, start + 16)
        if port:
            addresses.append((unpack_host(packed[start : start + 16]), port))
    return addresses


def pack(addresses: Iterable[Address]) -> Tuple[bytes, bytes]:
    """Addresses in compact form.

    Returns:
        The IPv4 addresses, 6 bytes each, and the IPv6 addresses, 18 bytes each, in the order given.

    Raises:
        ValueError: A host is not numeric.
    """
    families = {4: bytearray(), 16: bytearray()}
    for host, port in addresses:
        packed = pack_host(host)
        families[len(packed)] += packed + _PORT.pack(port)
    return bytes(families[4]), bytes(families[16])


def _canonical(host: object) -> str:
    mapped = getattr(host, "ipv4_mapped", None)
    return str(mapped or host)
