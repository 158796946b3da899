"""``SimTracker``: a simulated HTTP tracker (BEP 3, 7, 23, 48) that maps a URL to a status and a body."""

from __future__ import annotations

import socket
import struct
from typing import Dict, List, NamedTuple, Tuple
from urllib.parse import unquote_to_bytes, urlsplit

from ...metainfo import bencode
from ...net.interfaces import Address
from .world import World

UP, DOWN, SLOW, GARBAGE, REFUSING, BROKEN = "up", "down", "slow", "garbage", "refusing", "broken"
"""Moods: answers; refuses connections; never answers; sends HTML; sends a failure reason; sends status 503."""


class Announce(NamedTuple):
    """One received announce."""

    time: float
    address: Address
    event: str
    fields: Dict[str, bytes]


class SimTracker:
    """One tracker; ``mood`` may be changed at any time."""

    def __init__(self, world: World, *, interval: int = 1800) -> None:
        self.world = world
        self.interval = interval
        self.mood = UP
        self.host = ""
        """Numeric address; empty if the look-ups do not return one."""
        self.announces: List[Announce] = []
        self.swarms: Dict[bytes, Dict[Address, int]] = {}
        """Bytes left, by address, by infohash."""

    def answer(self, url: str, host: str) -> Tuple[int, bytes]:
        """Return status and body for a GET from ``host``."""
        if self.mood == GARBAGE:
            return 200, b"<html><body>It works!</body></html>"
        if self.mood == BROKEN:
            return 503, b"Service Unavailable"
        if self.mood == REFUSING:
            return 200, bencode.encode({"failure reason": "not today"})
        parts = urlsplit(url)
        fields = [part.partition("=") for part in parts.query.split("&")]
        if parts.path.endswith("/scrape"):
            return 200, self._scrape([unquote_to_bytes(value) for key, _, value in fields if key == "info_hash"])
        return 200, self._announce({key: unquote_to_bytes(value) for key, _, value in fields}, host)

    def _announce(self, fields: Dict[str, bytes], host: str) -> bytes:
        event = fields.get("event", b"").decode()
        address = (host, int(fields["port"]))
        self.announces.append(Announce(self.world.now, address, event, fields))
        swarm = self.swarms.setdefault(fields["info_hash"], {})
        if event == "stopped":
            swarm.pop(address, None)
            return bencode.encode({"interval": self.interval})
        swarm[address] = int(fields["left"])
        others = [other for other in swarm if other != address]
        numwant = min(int(fields.get("numwant", b"50")), len(others))
        peers = b""
        peers6 = b""
        for other, port in self.world.random.sample(others, numwant):
            if ":" in other:
                peers6 += socket.inet_pton(socket.AF_INET6, other) + struct.pack(">H", port)
            else:
                peers += socket.inet_aton(other) + struct.pack(">H", port)
        reply = {"interval": self.interval, "peers": peers, **self._counts(swarm)}
        if peers6:
            reply["peers6"] = peers6
        return bencode.encode(reply)

    def _scrape(self, infohashes: List[bytes]) -> bytes:
        known = {infohash: self._counts(self.swarms[infohash]) for infohash in infohashes if infohash in self.swarms}
        return bencode.encode({"files": {infohash: {**counts, "downloaded": 0} for infohash, counts in known.items()}})

    def _counts(self, swarm: Dict[Address, int]) -> Dict[str, object]:
        complete = sum(1 for left in swarm.values() if left == 0)
        return {"complete": complete, "incomplete": len(swarm) - complete}
