"""Announces in the local network (BEP 14): nothing is raised, fields are bounded and valid, and encoding keeps them."""

from __future__ import annotations

from typing import List

from bittorrent_threads.protocol.local_discovery import (
    GROUPS,
    MAX_DATAGRAM,
    MAX_INFOHASHES,
    LocalAnnounce,
    encode,
    parse,
)

from ..target import Target, require

TOKENS = (
    *(b"BT-SEARCH * HTTP/1.1\r\n", b"Host: 239.192.152.143:6771\r\n", b"Port: 6881\r\n", b"Port: 99999\r\n", b"\r\n"),
    *(b"Infohash: " + b"ab" * 20 + b"\r\n", b"infohash:" + b"0F" * 20 + b"\n", b"cookie: x\r\n", b"Infohash: \r\n"),
)


def check(data: bytes) -> None:
    """The input is a datagram."""
    said = parse(data)
    if said is None:
        return
    require(len(data) <= MAX_DATAGRAM, f"{len(data)} bytes")
    require(0 < said.port < 65536, f"port {said.port}")
    require(0 < len(said.infohashes) <= len(data) // 40, f"{len(said.infohashes)} infohashes")
    require(len({*said.infohashes}) == len(said.infohashes), "an infohash twice")
    require(all(len(infohash) == 20 for infohash in said.infohashes), "an infohash that is none")
    require(len(said.cookie) < len(data), "a long cookie")
    for group in GROUPS.values():
        some = said.infohashes[:MAX_INFOHASHES]
        datagram = encode(group, said.port, some, "0123456789abcdef")
        require(len(datagram) <= MAX_DATAGRAM, f"we would send {len(datagram)} bytes")
        require(
            parse(datagram) == LocalAnnounce(said.port, some, "0123456789abcdef"), "what it says does not come back"
        )


def seeds() -> List[bytes]:
    """Return announces of clients."""
    infohashes = [bytes([number]) * 20 for number in range(MAX_INFOHASHES)]
    return [
        encode(GROUPS[4], 6881, infohashes[:1], "abc"),
        encode(GROUPS[6], 1, infohashes, ""),
        b"BT-SEARCH * HTTP/1.1\nPORT:6881\ninfohash:" + b"F0" * 20 + b"\nX-Other: 1\n\n",
        b"M-SEARCH * HTTP/1.1\r\nPort: 1\r\n\r\n",
        encode(GROUPS[4], 65535, infohashes[:2], "abc").replace(b"Infohash", b"infoHASH"),
    ]


TARGET = Target(check, seeds, TOKENS, longest=1500)
