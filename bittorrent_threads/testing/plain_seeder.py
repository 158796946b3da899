"""``PlainSeeder``: a seeder on plain sockets and threads, the base of those that misbehave (``bad_seeders``).

It implements what a seeder needs of BEP 3 and BEP 6, and nothing of the library's, so that it can do what the library
never does.
"""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType
from typing import Callable, Optional, Tuple, Type, TypeVar

from .loopback_server import LoopbackServer
from .peer_messages import BITFIELD, FAST_BIT, HAVE_ALL, INTERESTED, PIECE, REQUEST, UNCHOKE, handshake, message
from .sample_torrent import SampleTorrent

MAX_MESSAGE = 1024 * 1024
"""Bytes of a message; a longer one closes the connection."""
PEER_ID = b"-PS0001-plain seeder"

SeederType = TypeVar("SeederType", bound="PlainSeeder")


class Connection:
    """One peer that connected to the seeder; all calls block."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._stream = sock.makefile("rb")

    def read(self, length: int) -> bytes:
        """Return ``length`` bytes; raise EOFError at the end of the stream."""
        data = self._stream.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def message(self) -> Tuple[int, bytes]:
        """Return id and payload of the next message that is no keep-alive."""
        while True:
            (length,) = struct.unpack(">I", self.read(4))
            if length > MAX_MESSAGE:
                raise EOFError
            if length:
                payload = self.read(length)
                return payload[0], payload[1:]

    def send(self, data: bytes) -> None:
        """Send all data."""
        self.socket.sendall(data)

    def close(self) -> None:
        """Close the reader; the socket is the server's."""
        self._stream.close()


class PlainSeeder:
    """A seeder that has all pieces, unchokes every interested peer, and counts what it is asked.

    It listens inside a ``with`` block, and its threads end with the block::

        with PlainSeeder(sample) as seeder:
            bt.download(sample.metainfo(), folder, peers=[seeder.address])
            assert seeder.requests >= sample.piece_count

    A subclass misbehaves by overriding :meth:`on_interested`, :meth:`on_request` or :meth:`block`.

    Args:
        sample: What it seeds.
        host: Address to listen on.  Peers ban by address: on Linux ``127.0.0.2`` and the like keep a liar apart from
            honest peers.
    """

    def __init__(self, sample: SampleTorrent, *, host: str = "127.0.0.1") -> None:
        self.sample = sample
        """What it seeds."""
        self.interested = 0
        """Number of ``interested`` messages so far."""
        self.requests = 0
        """Number of requests so far."""
        self.closed = 0
        """Number of connections that ended."""
        self._stream = sample.stream()
        self._infohash = sample.infohash
        self._changed = threading.Condition()
        self._server = LoopbackServer(self._serve, host=host, name=type(self).__name__)

    @property
    def address(self) -> Tuple[str, int]:
        """Host and port, for the ``peers`` of a ``Client``."""
        return self._server.address

    @property
    def host(self) -> str:
        """Address that it listens on."""
        return self.address[0]

    @property
    def port(self) -> int:
        """Port that it listens on, inside the ``with`` block."""
        return self.address[1]

    @property
    def leaving(self) -> threading.Event:
        """Set at the end of the ``with`` block; a subclass that waits, waits for it."""
        return self._server.leaving

    def wait_until(self, condition: Callable[[], bool], timeout: float = 30.0) -> None:
        """Wait until a condition on the counters holds.

        Args:
            condition: Called after each change of a counter.
            timeout: Most seconds to wait.

        Raises:
            TimeoutError: If it does not hold in time; the text has the counters.
        """
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                counts = f"interested {self.interested}, requests {self.requests}, closed {self.closed}"
                raise TimeoutError(f"{type(self).__name__} waited {timeout:g} s in vain: {counts}")

    # -- what a subclass overrides -----------------------------------------------------------------------------------

    def on_interested(self, connection: Connection) -> None:
        """Handle ``interested``: unchoke.

        Args:
            connection: The peer.
        """
        connection.send(message(UNCHOKE))

    def on_request(self, connection: Connection, index: int, begin: int, length: int) -> None:
        """Handle a request: send the block.

        Args:
            connection: The peer.
            index: Index of the piece.
            begin: Offset in the piece in bytes.
            length: Bytes.
        """
        connection.send(message(PIECE, index, begin, payload=self.block(index, begin, length)))

    def block(self, index: int, begin: int, length: int) -> bytes:
        """Return the bytes to send for a block: the right ones.

        Args:
            index: Index of the piece.
            begin: Offset in the piece in bytes.
            length: Bytes.
        """
        at = index * self.sample.piece_length + begin
        return self._stream[at : at + length]

    # -- the threads -------------------------------------------------------------------------------------------------

    def __enter__(self: SeederType) -> SeederType:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def _count(self, name: str) -> None:
        with self._changed:
            setattr(self, name, getattr(self, name) + 1)
            self._changed.notify_all()

    def _serve(self, sock: socket.socket) -> None:
        connection = Connection(sock)
        try:
            self._converse(connection)
        finally:
            self._count("closed")
            connection.close()

    def _converse(self, connection: Connection) -> None:
        greeting = connection.read(68)
        connection.send(handshake(self._infohash, peerid=PEER_ID))
        if greeting[27] & FAST_BIT:
            connection.send(message(HAVE_ALL))
        else:
            count = self.sample.piece_count
            bits = (1 << count) - 1 << -count % 8
            connection.send(message(BITFIELD, payload=bits.to_bytes(-(-count // 8), "big")))
        while True:
            number, payload = connection.message()
            if number == INTERESTED:
                self._count("interested")
                self.on_interested(connection)
            elif number == REQUEST:
                self._count("requests")
                index, begin, length = struct.unpack(">III", payload)
                self.on_request(connection, index, begin, length)
