"""The first 68 bytes of a connection, in both directions (BEP 3), with the reserved bits of BEP 6 and BEP 10.

Who dials speaks first and knows the infohash; who is dialled learns it from the first 48 bytes, and must be able to
choose a torrent and answer before the peer id arrives, for a tracker checking us may send no more than that.
"""

from __future__ import annotations

from typing import Optional, Union

_START = b"\x13BitTorrent protocol"
_RESERVED_END = len(_START) + 8
_INFOHASH_END = _RESERVED_END + 20
SIZE = _INFOHASH_END + 20
"""Bytes of a whole handshake."""

EXTENSION_BYTE, EXTENSION_BIT = 5, 0x10
FAST_BYTE, FAST_BIT = 7, 0x04
RESERVED = bytes([0, 0, 0, 0, 0, EXTENSION_BIT, 0, FAST_BIT])
"""The reserved bytes we send: extension protocol (BEP 10) and fast extension (BEP 6)."""


class Handshake:
    """One handshake; ``peerid`` is ours.

    With an ``infohash`` it is that of a connection we dialled, and has something to send at once.  Without, it is that
    of a connection we accepted: as soon as ``infohash`` is known the engine must ``accept`` it, or close.
    """

    def __init__(self, infohash: Optional[bytes], peerid: bytes, *, reserved: bytes = RESERVED) -> None:
        self.infohash = infohash
        """That of the torrent, 20 bytes; None until the peer named it."""
        self.peerid = b""
        """That of the peer, 20 bytes; empty until it arrived."""
        self.reserved = bytes(8)
        """The reserved bytes of the peer; zero until they arrived."""
        self.leftover = b""
        """What came behind the handshake: the first input of the wire."""
        self.failed = ""
        """Empty, or the reason to close the connection."""
        self._our_peerid = peerid
        self._our_reserved = reserved
        self._said = False
        self._outgoing = b""
        self._received = bytearray()
        if infohash is not None:
            self.accept()

    @property
    def done(self) -> bool:
        """Both ends have said all of it."""
        return self._said and bool(self.peerid) and not self.failed

    @property
    def fast(self) -> bool:
        """Both ends have the fast extension."""
        return self._shared(FAST_BYTE, FAST_BIT)

    @property
    def extended(self) -> bool:
        """Both ends have the extension protocol."""
        return self._shared(EXTENSION_BYTE, EXTENSION_BIT)

    def receive(self, data: Union[bytes, bytearray, memoryview]) -> None:
        """Take what the peer sent; see ``infohash``, ``failed`` and ``done`` afterwards."""
        if self.failed:
            return
        missing = SIZE - len(self._received)
        self._received += data[:missing]
        self.leftover += data[missing:]
        received = bytes(self._received)
        if not received.startswith(_START[: len(received)]):
            self.failed = "not a BitTorrent handshake"
            return
        if len(received) >= _RESERVED_END:
            self.reserved = received[len(_START) : _RESERVED_END]
        if len(received) >= _INFOHASH_END:
            infohash = received[_RESERVED_END:_INFOHASH_END]
            if self.infohash is None:
                self.infohash = infohash
            elif infohash != self.infohash:
                self.failed = "wrong infohash"
                return
        if len(received) == SIZE:
            self.peerid = received[_INFOHASH_END:]
            if self.peerid == self._our_peerid:
                self.failed = "the peer is ourselves"

    def accept(self) -> None:
        """Say our half, now that the infohash is known and is that of a torrent of ours."""
        if self.infohash is None or self._said:
            raise ValueError("there is no handshake to answer")
        self._said = True
        self._outgoing = _START + self._our_reserved + self.infohash + self._our_peerid

    def data_to_send(self) -> bytes:
        """What must be sent now; each byte is returned once."""
        data, self._outgoing = self._outgoing, b""
        return data

    def _shared(self, byte: int, bit: int) -> bool:
        return bool(self.reserved[byte] & self._our_reserved[byte] & bit)
