"""Seeders on plain sockets, for behaviour that no real client has: wrong blocks, or no unchoke.

They implement what a seeder needs of BEP 3 and BEP 6.  Each runs in threads of the test process.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Callable, List, Optional, Tuple, Type, TypeVar

from ..content import Content
from .child import PeerFailed

PROTOCOL = b"\x13BitTorrent protocol"
RESERVED_FAST = b"\0\0\0\0\0\0\0\x04"
UNCHOKE, INTERESTED, BITFIELD, REQUEST, PIECE, HAVE_ALL = 1, 2, 5, 6, 7, 14
ACCEPT_SLICE = 0.1
PEER_ID = b"-XX0000-raw seeder 1"

SeederType = TypeVar("SeederType", bound="RawSeeder")


class Connection:
    """One peer that connected to the seeder."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._stream = sock.makefile("rb")

    def read(self, length: int) -> bytes:
        data = self._stream.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def message(self) -> Tuple[int, bytes]:
        """Return id and payload of the next message that is no keep-alive."""
        while True:
            (length,) = struct.unpack(">I", self.read(4))
            if length:
                payload = self.read(length)
                return payload[0], payload[1:]

    def send(self, number: int, payload: bytes = b"") -> None:
        self.socket.sendall(struct.pack(">IB", 1 + len(payload), number) + payload)

    def close(self) -> None:
        """Shut the socket down, which wakes a blocked reader; the other end may be closed."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self.socket.close()


class RawSeeder:
    """Has all pieces, unchokes interested peers, answers every request and counts the requests."""

    def __init__(self, content: Content, *, host: str = "127.0.0.5") -> None:
        self.content = content
        self.host = host
        self.interested = 0
        self.requests = 0
        self.closed = 0
        self._stream = content.stream()
        self._changed = threading.Condition()
        self._connections: List[Connection] = []
        self._threads: List[threading.Thread] = []
        self._leaving = False

    @property
    def address(self) -> Tuple[str, int]:
        return self.host, self.port

    def __enter__(self: SeederType) -> SeederType:
        self._listener = socket.create_server((self.host, 0))
        self._listener.settimeout(ACCEPT_SLICE)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._leaving = True
        self._threads[0].join()
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> None:
        """Wait until ``condition(counts)`` is true."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                counts = f"interested {self.interested}, requests {self.requests}, closed {self.closed}"
                raise PeerFailed(f"{type(self).__name__} waited {timeout:g} s in vain: {counts}")

    def on_interested(self, connection: Connection) -> None:
        connection.send(UNCHOKE)

    def block(self, index: int, begin: int, length: int) -> bytes:
        at = index * self.content.piece_length + begin
        return self._stream[at : at + length]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name=f"{type(self).__name__} {self.port}")
        self._threads.append(thread)
        thread.start()

    def _count(self, name: str) -> None:
        with self._changed:
            setattr(self, name, getattr(self, name) + 1)
            self._changed.notify_all()

    def _accept(self) -> None:
        while not self._leaving:
            try:
                sock, _ = self._listener.accept()
            except socket.timeout:
                continue
            sock.settimeout(None)
            connection = Connection(sock)
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        try:
            self._converse(connection)
        except (OSError, EOFError):
            self._count("closed")
        finally:
            connection.close()

    def _converse(self, connection: Connection) -> None:
        handshake = connection.read(68)
        connection.socket.sendall(PROTOCOL + RESERVED_FAST + self.content.infohash + PEER_ID)
        if handshake[27] & RESERVED_FAST[7]:
            connection.send(HAVE_ALL)
        else:
            count = self.content.piece_count
            bits = (1 << count) - 1 << -count % 8
            connection.send(BITFIELD, bits.to_bytes(-(-count // 8), "big"))
        while True:
            number, payload = connection.message()
            if number == INTERESTED:
                self._count("interested")
                self.on_interested(connection)
            elif number == REQUEST:
                self._count("requests")
                index, begin, length = struct.unpack(">III", payload)
                connection.send(PIECE, struct.pack(">II", index, begin) + self.block(index, begin, length))


class CorruptSeeder(RawSeeder):
    """Sends blocks in which every byte is wrong."""

    def block(self, index: int, begin: int, length: int) -> bytes:
        return super().block(index, begin, length).translate(bytes(byte ^ 0xFF for byte in range(256)))


class ChokingSeeder(RawSeeder):
    """Unchokes no peer."""

    def on_interested(self, connection: Connection) -> None:
        pass
