"""``SimUdpSocket``: a simulated UDP socket; the host has the faults of the paths that its datagrams take.

It does what UDP may do: a datagram may be lost, late, overtaken by a later one, or arrive twice, and its memory is
overwritten after the call.  ``World.random`` is the only source of chance, so that a seed always gives the same run.
"""

from __future__ import annotations

import zlib
from typing import Callable, Optional

from ...net.demultiplexer import Demultiplexer
from ...net.interfaces import Address, Buffer, Claim, DatagramHandler
from .host import SimHost

MAX_DATAGRAM = 65507
"""Payload of the longest datagram of IPv4."""
HEADERS = 28
"""Bytes of IPv4 and UDP before the payload."""
MAX_LINE_DELAY = 1.0
"""Seconds that a datagram waits for the line; if it would wait longer, the queue of the router is full."""


SPOIL = b"\xdb"


class SimUdpSocket:
    """As ``net.datagram.UdpSocket``; made by ``SimNetwork.datagram``."""

    def __init__(
        self, host: SimHost, family: int, address: Address, carry: Callable[[bytes, SimUdpSocket, Address], None]
    ) -> None:
        self.family = family
        self.address = address
        self.sent = 0
        self.received = 0
        self.dropped = 0
        self.closed = False
        self.lost = 0
        """Datagrams that left and never arrive."""
        self._host = host
        self._carry = carry
        self._protocols = Demultiplexer()

    @property
    def unclaimed(self) -> int:
        return self._protocols.unclaimed

    @property
    def waiting(self) -> int:
        """None wait: the simulated system takes every datagram."""
        return 0

    def add(self, handler: DatagramHandler, claim: Claim) -> None:
        self._protocols.add(handler, claim)

    def remove(self, handler: DatagramHandler) -> None:
        self._protocols.remove(handler)

    def send(self, data: Buffer, address: Address, handler: Optional[DatagramHandler] = None) -> bool:
        if self.closed:
            return False
        payload = bytes(data)
        self._host.defer(lambda: self._depart(payload, address, handler))
        return True

    def close(self) -> None:
        self.closed = True

    # -- the simulation's side -------------------------------------------------------------------------------------

    def arrive(self, data: bytes, sender: Address) -> None:
        """A datagram has reached this host; makes its own pass."""
        host = self._host
        if self.closed or not host.online:
            return
        self.received += len(data)
        host.world.note(f"{host.name} udp {sender} {len(data)} {zlib.crc32(data):08x}")
        host.run_pass(lambda: self._hand_over(bytearray(data), sender))

    def _hand_over(self, memory: bytearray, sender: Address) -> None:
        """Show a datagram to its protocol, and spoil the memory for a protocol that keeps a view of it."""
        view = memoryview(memory)
        handler = self._protocols.find(view) if memory else None
        if handler is not None:
            handler.on_datagram(view, sender)
        view[:] = SPOIL * len(memory)

    def _depart(self, data: bytes, address: Address, handler: Optional[DatagramHandler]) -> None:
        """A datagram is given to the system, and reaches the line of this host if the system takes it."""
        if self.closed:
            return
        host, world, faults = self._host, self._host.world, self._host.faults
        reason = self._refusal(data, address)
        if reason:
            self.dropped += 1
            if handler is not None:
                handler.on_unsent(address, reason)
            return
        self.sent += len(data)
        delay = host.up.reserve(len(data) + HEADERS, MAX_LINE_DELAY)
        copies = 2 if world.random.random() < faults.duplication else 1
        lost = world.random.random() < faults.loss
        if delay is None or lost or not host.online:
            self.lost += 1
            return
        for _ in range(copies):
            late = world.random.random() * faults.jitter
            world.after(delay + late, lambda: self._carry(data, self, address))

    def _refusal(self, data: bytes, address: Address) -> str:
        """Why the system does not take a datagram; empty if it does."""
        if len(data) > MAX_DATAGRAM:
            return "message too long"
        if (6 if ":" in address[0] else 4) != self.family:
            return f"{address[0]!r} is not a numeric address of IPv{self.family}"
        if not 0 < address[1] < 65536:
            return "invalid argument"
        return self._host.unsendable.get(self.family, "")
