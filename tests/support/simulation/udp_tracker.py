"""A UDP tracker (BEP 15) and a client for it: datagrams of real bytes that take their time in the simulated world.

The client has no retransmission, because these datagrams are never lost; one that is not answered times out.
"""

from __future__ import annotations

import socket
import struct
from typing import Callable, Dict, List, Tuple
from urllib.parse import urlsplit

from bittorrent_threads.engine.interfaces import Address, Endpoint, TrackerAnswer
from bittorrent_threads.protocol import addresses
from bittorrent_threads.protocol.announce import AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.tracker_reply import TrackerFailure

from .network import SimNetwork

DELAY = 0.025
"""Seconds that a datagram takes."""

MAGIC = 0x41727101980
CONNECT, ANNOUNCE, ERROR = 0, 1, 3
EVENTS = ["", "completed", "started", "stopped"]
"""By their number on the wire."""


class UdpTracker:
    """The tracker's end: a datagram in, a datagram out."""

    def __init__(self, *, interval: int = 1800) -> None:
        self.interval = interval
        self.refusal = ""
        """What every announce is refused with."""
        self.silent = False
        self.events: List[Tuple[Address, str]] = []
        """Address and event of each announce."""
        self.swarms: Dict[bytes, Dict[Address, int]] = {}
        """Bytes left, by address, by infohash."""
        self._connections: Dict[int, str] = {}

    def receive(self, datagram: bytes, host: str) -> bytes:
        """Return the reply to a datagram from ``host``; empty for none."""
        connection, action, transaction = struct.unpack_from(">QII", datagram)
        if self.silent:
            return b""
        if action == CONNECT and connection == MAGIC and len(datagram) == 16:
            connection = 1000 + len(self._connections)
            self._connections[connection] = host
            return struct.pack(">IIQ", CONNECT, transaction, connection)
        if action != ANNOUNCE or self._connections.get(connection) != host or len(datagram) < 98:
            return b""
        if self.refusal:
            return struct.pack(">II", ERROR, transaction) + self.refusal.encode()
        return self._announced(datagram, host, transaction)

    def _announced(self, datagram: bytes, host: str, transaction: int) -> bytes:
        infohash = datagram[16:36]
        _, left, _, event, _, _, numwant, port = struct.unpack_from(">QQQIIIiH", datagram, 56)
        address = (host, port)
        self.events.append((address, EVENTS[event]))
        swarm = self.swarms.setdefault(infohash, {})
        swarm[address] = left
        if EVENTS[event] == "stopped":
            del swarm[address]
        seeds = sum(1 for missing in swarm.values() if not missing)
        others = [other for other in swarm if other != address][:numwant]
        head = struct.pack(">IIIII", ANNOUNCE, transaction, self.interval, len(swarm) - seeds, seeds)
        return head + b"".join(socket.inet_aton(other) + struct.pack(">H", port) for other, port in others)


class UdpTrackerClient:
    """Our end: ``engine.interfaces.TrackerClient`` on the wire of BEP 15, for trackers by host name."""

    def __init__(self, network: SimNetwork, trackers: Dict[str, UdpTracker]) -> None:
        self._network = network
        self._trackers = trackers
        self._transactions = 0

    def objection(self, url: str) -> str:
        return ""

    def announce(
        self,
        url: str,
        request: AnnounceRequest,
        deliver: Callable[[TrackerAnswer], None],
        *,
        endpoint: Endpoint,
        timeout: float,
        trusted: bool,
    ) -> None:
        waiting: List[Callable[[TrackerAnswer], None]] = [deliver]

        def end(answer: TrackerAnswer) -> None:
            if waiting:
                waiting.pop()(answer)

        def connected(reply: bytes) -> None:
            (connection,) = struct.unpack_from(">Q", reply, 8)
            self._exchange(url, connection, ANNOUNCE, _packed(request), announced)

        def announced(reply: bytes) -> None:
            end(_parsed(reply))

        self._network.call_later(timeout, lambda: end(TrackerFailure(f"no answer within {timeout:g} s")))
        self._exchange(url, MAGIC, CONNECT, b"", connected)

    def _exchange(
        self, url: str, connection: int, action: int, payload: bytes, received: Callable[[bytes], None]
    ) -> None:
        self._transactions += 1
        transaction = self._transactions
        datagram = struct.pack(">QII", connection, action, transaction) + payload
        tracker = self._trackers[urlsplit(url).hostname or ""]

        def arrive() -> None:
            reply = tracker.receive(datagram, self._network.name)
            if len(reply) >= 8 and struct.unpack_from(">I", reply, 4) == (transaction,):
                self._network.call_later(DELAY, lambda: received(reply))

        self._network.call_later(DELAY, arrive)


def _packed(request: AnnounceRequest) -> bytes:
    return (
        request.infohash
        + request.peerid
        + struct.pack(
            ">QQQIIIiH",
            request.downloaded,
            request.left,
            request.uploaded,
            EVENTS.index(request.event),
            0,
            int(request.key, 16),
            request.numwant,
            request.port,
        )
    )


def _parsed(reply: bytes) -> TrackerAnswer:
    action = reply[3]
    if action == ERROR:
        return TrackerFailure(reply[8:].decode())
    interval, leechers, seeds = struct.unpack_from(">III", reply, 8)
    return AnnounceReply(
        peers=tuple(addresses.unpack_ipv4(reply[20:])), interval=interval, complete=seeds, incomplete=leechers
    )
