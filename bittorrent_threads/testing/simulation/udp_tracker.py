"""``SimUdpTracker``: a UDP tracker (BEP 15) on a host of the simulated internet, which can be as bad as a real one.

Datagrams on their way are lost, late or doubled by the ``faults`` of its host and of its clients' hosts.
"""

from __future__ import annotations

import socket
import struct
from typing import Dict, List, NamedTuple, Tuple

from ...net.interfaces import Address
from .network import Internet

PORT = 6969
MAGIC = 0x41727101980
CONNECT, ANNOUNCE, SCRAPE, ERROR = 0, 1, 2, 3
EVENTS = ["", "completed", "started", "stopped"]
"""By their number on the wire."""
CONNECTION_LIFE = 120.0
"""Seconds for which a connection id is accepted."""


class Heard(NamedTuple):
    """One announce with a valid connection id."""

    time: float
    address: Address
    """Host that sent it, and port that it announced."""
    event: str
    key: int
    url_data: bytes


class SimUdpTracker:
    """A tracker at an IPv4 address, and at an IPv6 address too if one is given."""

    def __init__(self, internet: Internet, *hosts: str, interval: int = 1800) -> None:
        self.world = internet.world
        self.interval = interval
        self.refusal = ""
        """What every announce is refused with."""
        self.silent = False
        self.garbled = 0.0
        """Share of the answers that are sent with other bytes or another length."""
        self.announces: List[Heard] = []
        self.connects: List[float] = []
        """Time of each request for a connection id."""
        self.datagrams = 0
        """Number of datagrams received."""
        self.swarms: Dict[bytes, Dict[Address, int]] = {}
        """Bytes left, by address, by infohash."""
        self.network = internet.add(hosts[0])
        for host in hosts[1:]:
            internet.alias(self.network, host)
        self.sockets = {family: self.network.datagram(family, port=PORT) for family in self.network.addresses}
        for sock in self.sockets.values():
            sock.add(self, lambda data: True)
        self._connections: Dict[int, Tuple[str, float]] = {}

    def listed(self, infohash: bytes) -> Dict[str, int]:
        """Return the bytes left of each host in a swarm."""
        return {host: left for (host, _), left in self.swarms.get(infohash, {}).items()}

    def forget_connections(self) -> None:
        """Start again: no connection id is known any more."""
        self._connections.clear()

    # -- datagrams ---------------------------------------------------------------------------------------------------

    def on_datagram(self, data: memoryview, address: Address) -> None:
        self.datagrams += 1
        answer = b"" if self.silent else self._answer(bytes(data), address)
        if answer and self.world.random.random() < self.garbled:
            answer = self._garble(answer)
        if answer:
            self.sockets[6 if ":" in address[0] else 4].send(answer, address, self)

    def on_unsent(self, address: Address, reason: str) -> None:
        raise AssertionError(reason)

    def _garble(self, answer: bytes) -> bytes:
        chance = self.world.random
        at = chance.randrange(len(answer))
        damaged = bytearray(answer)
        damaged[min(at, 7)] ^= chance.randrange(1, 256)  # action or transaction id
        return bytes(damaged) if chance.random() < 0.5 else answer[: at + 1][:15]

    def _answer(self, datagram: bytes, address: Address) -> bytes:
        connection, action, transaction = struct.unpack_from(">QII", datagram)
        if action == CONNECT and connection == MAGIC and len(datagram) == 16:
            self.connects.append(self.world.now)
            connection = self.world.random.getrandbits(64)
            self._connections[connection] = (address[0], self.world.now)
            return struct.pack(">IIQ", CONNECT, transaction, connection)
        host, since = self._connections.get(connection, ("", 0.0))
        if host != address[0] or self.world.now > since + CONNECTION_LIFE:
            return struct.pack(">II", ERROR, transaction) + b"Connection ID missmatch.\0"
        if self.refusal:
            return struct.pack(">II", ERROR, transaction) + self.refusal.encode()
        if action == SCRAPE and len(datagram) >= 36:
            return struct.pack(">II", SCRAPE, transaction) + self._counts(datagram[16:36])
        return self._announced(datagram, address[0], transaction) if len(datagram) >= 98 else b""

    def _announced(self, datagram: bytes, host: str, transaction: int) -> bytes:
        infohash = datagram[16:36]
        _, left, _, event, _, key, numwant, port = struct.unpack_from(">QQQIIIiH", datagram, 56)
        address = (host, port)
        self.announces.append(Heard(self.world.now, address, EVENTS[event], key, datagram[98:]))
        swarm = self.swarms.setdefault(infohash, {})
        swarm[address] = left
        if EVENTS[event] == "stopped":
            del swarm[address]
        seeds = sum(1 for missing in swarm.values() if not missing)
        others = [other for other in swarm if other != address and (":" in other[0]) == (":" in host)][:numwant]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        peers = b"".join(socket.inet_pton(family, other) + struct.pack(">H", port) for other, port in others)
        return struct.pack(">IIIII", ANNOUNCE, transaction, self.interval, len(swarm) - seeds, seeds) + peers

    def _counts(self, infohash: bytes) -> bytes:
        swarm = self.swarms.get(infohash, {})
        seeds = sum(1 for missing in swarm.values() if not missing)
        return struct.pack(">III", seeds, 0, len(swarm) - seeds)
