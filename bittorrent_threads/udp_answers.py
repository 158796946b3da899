"""``UdpAnswers``: the tracker's side of BEP 15, with the swarms of a ``protocol.registry.Registry``.

The rule: an announce or a scrape is answered only if its connection id was given to the host that sends it.
"""

from __future__ import annotations

import secrets
import struct
import time
from typing import Any, Dict, Tuple
from urllib.parse import urlencode

from .metainfo import bencode
from .protocol.registry import Registry

MAGIC = 0x41727101980
CONNECT, ANNOUNCE, SCRAPE, ERROR = range(4)
EVENTS = ("", "completed", "started", "stopped")
"""By their number on the wire."""
CONNECTION_LIFE = 120.0
"""Seconds for which a connection id is accepted (BEP 15)."""
MAX_CONNECTIONS = 10_000
"""Connection ids that are known; one more replaces the oldest."""
HEADER, ANNOUNCE_SIZE = 16, 98
"""Bytes of a request."""


class UdpAnswers:
    """Answers the datagrams of clients."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._connections: Dict[int, Tuple[str, float]] = {}

    def answer(self, datagram: bytes, host: str) -> bytes:
        """Return the answer to a datagram from ``host``; empty if it is no request."""
        if len(datagram) < HEADER:
            return b""
        connection, action, transaction = struct.unpack_from(">QII", datagram)
        now = time.monotonic()
        if action == CONNECT and connection == MAGIC:
            return struct.pack(">IIQ", CONNECT, transaction, self._connect(host, now))
        owner, since = self._connections.get(connection, ("", 0.0))
        if owner != host or now > since + CONNECTION_LIFE:
            return failure(datagram, "the connection id is not known")
        if action == ANNOUNCE and len(datagram) >= ANNOUNCE_SIZE:
            return self._announce(datagram, host, now)
        if action == SCRAPE:
            return self._scrape(datagram, host, now)
        return failure(datagram, "not a request")

    def _connect(self, host: str, now: float) -> int:
        connection = secrets.randbits(64)
        self._connections[connection] = (host, now)
        if len(self._connections) > MAX_CONNECTIONS:
            del self._connections[next(iter(self._connections))]
        return connection

    def _announce(self, datagram: bytes, host: str, now: float) -> bytes:
        infohash, peerid, downloaded, left, uploaded, event, ip, key, numwant, port = struct.unpack_from(
            ">20s20sQQQI4sIiH", datagram, 16
        )
        fields = {
            "info_hash": infohash,
            "peer_id": peerid,
            "port": port,
            "uploaded": uploaded,
            "downloaded": downloaded,
            "left": left,
            "event": EVENTS[event] if event < len(EVENTS) else "unknown",
            "key": f"{key:08x}",
            "compact": 1,
        }
        if numwant >= 0:
            fields["numwant"] = numwant
        if any(ip):
            fields["ip"] = ".".join(map(str, ip))
        reply = self._ask("/announce", urlencode(fields), host, now)
        if b"failure reason" in reply:
            return failure(datagram, reply[b"failure reason"].decode())
        peers: bytes = reply.get(b"peers6" if ":" in host else b"peers", b"")
        counts = struct.pack(">III", reply[b"interval"], reply[b"incomplete"], reply[b"complete"])
        return struct.pack(">I", ANNOUNCE) + datagram[12:16] + counts + peers

    def _scrape(self, datagram: bytes, host: str, now: float) -> bytes:
        infohashes = [datagram[at : at + 20] for at in range(HEADER, len(datagram) - 19, 20)]
        query = urlencode([("info_hash", infohash) for infohash in infohashes])
        files = self._ask("/scrape", query, host, now)[b"files"]
        answer = struct.pack(">I", SCRAPE) + datagram[12:16]
        for infohash in infohashes:
            counts = files.get(infohash, {})
            names = (b"complete", b"downloaded", b"incomplete")
            answer += struct.pack(">III", *[counts.get(name, 0) for name in names])
        return answer

    def _ask(self, path: str, query: str, host: str, now: float) -> Dict[bytes, Any]:
        reply: Dict[bytes, Any] = bencode.decode(self._registry.answer(path, query, host, now) or b"de")
        return reply


def failure(datagram: bytes, reason: str) -> bytes:
    """Return the error that answers a request."""
    return struct.pack(">I", ERROR) + datagram[12:16] + reason.encode()
