"""``LyingPeer``: a peer that sends any bytes, valid or not, over a real socket or in virtual time.

It is written as a straight story: every call blocks, with a time limit, until it has what it waits for.  Over a socket
it really waits; over a simulated line (``simulation.wire``) it lets the world go on.  It uses nothing of the library's
protocol code.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Iterator, List, Protocol

from ..protocol.addresses import Address
from .peer_messages import KEEPALIVE, PEERID, PIECE, REQUEST, Message, handshake, message


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
        """Send all data; raise HungUp when the other end closed the connection."""
        with _plain_errors():
            self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        """Receive exactly ``size`` bytes; raise HungUp, or TimeoutError."""
        data = b""
        while len(data) < size:
            with _plain_errors():
                part = self._socket.recv(size - len(data))
            if not part:
                raise HungUp(f"closed after {len(data)} of {size} bytes")
            data += part
        return data

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


class LyingPeer:
    """A peer that sends and receives messages over a wire.

    ::

        peer = LyingPeer(SocketWire.dial(("127.0.0.1", client.port)))
        peer.greet(client.infohash)
        peer.say(message(HAVE, 2**31))          # a piece that the torrent does not have
        peer.hear_all()                         # until the client hangs up
        peer.wire.close()

    Args:
        wire: The connection: a ``SocketWire``, or a ``simulation.wire.SimWire`` in virtual time.
    """

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
