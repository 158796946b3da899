"""Local service discovery (BEP 14): the datagram that announces torrents to a multicast group of the local network.

It has the form of an HTTP request.  A datagram is from an unknown sender: whatever is not such a request is ignored,
and nothing is answered.
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .addresses import Address

GROUPS: Dict[int, Address] = {4: ("239.192.152.143", 6771), 6: ("ff15::efc0:988f", 6771)}
"""The multicast group of each address family."""

MAX_DATAGRAM = 1400
"""Bytes of a datagram (BEP 14); a longer one is ignored."""
MAX_INFOHASHES = 20
"""Infohashes that are announced in a datagram: 53 bytes each, and less than 200 for the rest."""

_METHOD = "bt-search "
_INFOHASH = re.compile("[0-9a-fA-F]{40}")
_PORT = re.compile("[0-9]{1,5}")


class LocalAnnounce(NamedTuple):
    """What one datagram tells: its sender is in the swarms of these torrents."""

    port: int
    """The TCP port at which the sender listens, 1 to 65535."""
    infohashes: Tuple[bytes, ...]
    """20 bytes each, no two equal."""
    cookie: str = ""
    """Identifies the sender to itself, as its own announces come back to it; empty if there was none."""


def parse(data: bytes) -> Optional[LocalAnnounce]:
    """Decode a datagram; None if it is no announce or names no torrent.

    Args:
        data: A datagram of any length.
    """
    if len(data) > MAX_DATAGRAM:
        return None
    request, *lines = data.decode("latin-1").split("\n")
    if not request.lower().startswith(_METHOD):
        return None
    port = 0
    cookie = ""
    infohashes: List[bytes] = []
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "port" and _PORT.fullmatch(value):
            port = int(value)
        elif name == "infohash" and _INFOHASH.fullmatch(value):
            infohashes.append(bytes.fromhex(value))
        elif name == "cookie":
            cookie = value
    if not 0 < port < 65536 or not infohashes:
        return None
    return LocalAnnounce(port, tuple(dict.fromkeys(infohashes)), cookie)


def encode(group: Address, port: int, infohashes: Sequence[bytes], cookie: str) -> bytes:
    """Return the datagram of an announce.

    Args:
        group: One of ``GROUPS``.
        port: The TCP port at which we listen.
        infohashes: 1 to ``MAX_INFOHASHES`` of 20 bytes each.
        cookie: At most 40 ASCII characters.
    """
    host = f"[{group[0]}]:{group[1]}" if ":" in group[0] else f"{group[0]}:{group[1]}"
    named = "".join([f"Infohash: {infohash.hex()}\r\n" for infohash in infohashes])
    return f"BT-SEARCH * HTTP/1.1\r\nHost: {host}\r\nPort: {port}\r\n{named}cookie: {cookie}\r\n\r\n\r\n".encode(
        "ascii"
    )
