"""``LyingPeer``: a peer that sends any bytes, valid or not, over a real socket or in virtual time.

It is written as a straight story: every call blocks, with a time limit, until it has what it waits for.  Over a socket
it really waits; over a simulated line it lets the world go on.  It uses nothing of the library's protocol code.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Callable, Iterator, List, Optional, Protocol, Tuple

from support.simulation.network import SimNetwork
from support.simulation.stream import SimStream
from support.simulation.world import Stuck

from bittorrent_threads.engine.interfaces import Address, Stream

CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE, BITFIELD, REQUEST, PIECE, CANCEL, PORT = range(10)
SUGGEST, HAVE_ALL, HAVE_NONE, REJECT, ALLOWED_FAST = range(13, 18)
EXTENDED = 20
KEEPALIVE = -1

FAST_BIT = 0x04
EXTENSION_BIT = 0x10 << 16
PEERID = b"-LY0001-abcdefghijkl"

Message = Tuple[int, bytes]
"""Id and payload."""


def message(kind: int, *fields: int, payload: bytes = b"") -> bytes:
    """Return a message of 32-bit fields and a payload, with its length prefix."""
    body = struct.pack(f">B{len(fields)}I", kind, *fields) + payload
    return struct.pack(">I", len(body)) + body


def handshake(
    infohash: bytes, *, peerid: bytes = PEERID, fast: bool = True, extended: bool = False, reserved: int = 0
) -> bytes:
    """Return a handshake of 68 bytes; ``reserved`` has further bits of the reserved bytes, as one number."""
    bits = reserved | (FAST_BIT if fast else 0) | (EXTENSION_BIT if extended else 0)
    return b"\x13BitTorrent protocol" + bits.to_bytes(8, "big") + infohash + peerid


class HungUp(Exception):
    """The other end closed the connection before the expected bytes were received."""


class Wire(Protocol):
    """A connection with one blocking call for each direction."""

    def send(self, data: bytes) -> None:
        """Send all data; raise HungUp when the other end closed the connection."""

    def receive(self, size: int) -> bytes:
        """Receive exactly ``size`` bytes; raise HungUp, or TimeoutError."""

    def close(self) -> None:
        """Close this end."""


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except ConnectionError as error:
        raise HungUp(str(error)) from error
    except socket.timeout as error:  # another class than TimeoutError before Python 3.10
        raise TimeoutError(str(error)) from error


class SocketWire:
    """A blocking socket, closed by ``close``."""

    def __init__(self, sock: socket.socket, *, timeout: float = 30.0) -> None:
        sock.settimeout(timeout)
        self._socket = sock

    @classmethod
    def dial(cls, address: Address, *, timeout: float = 30.0) -> SocketWire:
        """Connect to a peer; raises HungUp."""
        with _plain_errors():
            return cls(socket.create_connection(address, timeout), timeout=timeout)

    def send(self, data: bytes) -> None:
        with _plain_errors():
            self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            with _plain_errors():
                part = self._socket.recv(size - len(data))
            if not part:
                raise HungUp(f"closed after {len(data)} of {size} bytes")
            data += part
        return data

    def close(self) -> None:
        self._socket.close()


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


class LyingPeer:
    """A peer that sends and receives messages over a wire."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def greet(self, infohash: bytes, *, peerid: bytes = PEERID, fast: bool = True, extended: bool = False) -> bytes:
        """Send a valid handshake; return the handshake of the other end."""
        self.wire.send(handshake(infohash, peerid=peerid, fast=fast, extended=extended))
        return self.wire.receive(68)

    def say(self, *data: bytes) -> None:
        """Send any bytes; ``hear`` reports when the connection was closed."""
        try:
            self.wire.send(b"".join(data))
        except HungUp:
            return

    def hear(self) -> Message:
        """Return the next message; raise HungUp."""
        (length,) = struct.unpack(">I", self.wire.receive(4))
        if not length:
            return KEEPALIVE, b""
        body = self.wire.receive(length)
        return body[0], body[1:]

    def hear_until(self, kind: int) -> bytes:
        """Return the payload of the next message of one kind, and drop those before it; raise HungUp."""
        while True:
            heard, payload = self.hear()
            if heard == kind:
                return payload

    def hear_all(self) -> List[Message]:
        """Return all messages until the other end closes the connection; raise TimeoutError when it does not."""
        heard: List[Message] = []
        try:
            while True:
                heard.append(self.hear())
        except HungUp:
            return heard

    def fetch(self, index: int, begin: int, length: int) -> bytes:
        """Request a block once unchoked, and wait for it."""
        self.say(message(REQUEST, index, begin, length))
        while True:
            payload = self.hear_until(PIECE)
            if payload[:8] == struct.pack(">II", index, begin):
                return payload[8:]
