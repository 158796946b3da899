"""``SimWire``: the blocking connection of a ``LyingPeer`` in virtual time."""

from __future__ import annotations

from typing import Callable, List, Optional

from ...engine.interfaces.network import Stream
from ...net.interfaces import Address
from ..lying_peer import HungUp
from .network import SimNetwork
from .stream import SimStream
from .world import Stuck


class SimWire:
    """A simulated stream; ``receive`` and ``send`` let at most ``timeout`` virtual seconds pass in each call.

    Data is read only while ``receive`` waits, so that a peer that does not read slows the sender, as with a socket.
    """

    def __init__(self, network: SimNetwork, *, timeout: float = 300.0) -> None:
        self.closed = ""
        """Why the other end or the system closed the connection; empty while it is open."""
        self._world = network.world
        self._timeout = timeout
        self._stream: Optional[Stream] = None
        self._connected = False
        self._data = bytearray()

    @classmethod
    def dial(cls, network: SimNetwork, address: Address, *, timeout: float = 300.0) -> SimWire:
        """Connect to a peer; raises HungUp."""
        wire = cls(network, timeout=timeout)
        wire._own(network.connect(address, wire, 15.0))
        wire._wait(lambda: wire._connected or bool(wire.closed))
        if wire.closed:
            raise HungUp(wire.closed)
        return wire

    @classmethod
    def listen(cls, network: SimNetwork, port: int, *, timeout: float = 300.0) -> List[SimWire]:
        """Accept connections; each is added to the returned list."""
        wires: List[SimWire] = []

        def accept(stream: SimStream) -> None:
            wire = cls(network, timeout=timeout)
            stream.handler = wire
            wire._own(stream)
            wires.append(wire)

        network.listen("", port, accept)
        return wires

    def send(self, data: bytes) -> None:
        stream = self._stream
        if stream is None or self.closed:
            raise HungUp(self.closed)
        stream.send([data])
        self._wait(lambda: not stream.backlog or bool(self.closed))

    def receive(self, size: int) -> bytes:
        stream = self._stream
        if stream is not None and len(self._data) < size:
            stream.resume()
            try:
                self._wait(lambda: len(self._data) >= size or bool(self.closed))
            finally:
                stream.pause()
        if len(self._data) < size:
            raise HungUp(self.closed)
        data = bytes(self._data[:size])
        del self._data[:size]
        return data

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def _own(self, stream: Stream) -> None:
        self._stream = stream
        stream.pause()

    def _wait(self, done: Callable[[], bool]) -> None:
        try:
            self._world.run(done, limit=self._timeout)
        except Stuck as stuck:
            raise TimeoutError(str(stuck)) from stuck

    def on_connected(self) -> None:
        self._connected = True

    def on_received(self, data: memoryview) -> None:
        self._data += data

    def on_drained(self) -> None:
        """Nothing: ``send`` checks the backlog itself."""

    def on_closed(self, reason: str) -> None:
        self.closed = reason
