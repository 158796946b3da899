"""The first 68 bytes of a connection, in both directions (BEP 3), with the reserved bits of BEP 5, BEP 6 and BEP 10.

The end that dials knows the infohash and sends first.  The other end learns the infohash from the first 48 bytes, and
answers before the peer id arrives: a tracker that checks whether a peer can be reached may send no more.
"""

from __future__ import annotations

from typing import Optional, Union

_START = b"\x13BitTorrent protocol"
_RESERVED_END = len(_START) + 8
_INFOHASH_END = _RESERVED_END + 20
SIZE = _INFOHASH_END + 20
"""Bytes of one handshake."""

EXTENSION_BYTE, EXTENSION_BIT = 5, 0x10
FAST_BYTE, FAST_BIT = 7, 0x04
DHT_BYTE, DHT_BIT = 7, 0x01
RESERVED = bytes([0, 0, 0, 0, 0, EXTENSION_BIT, 0, FAST_BIT])
"""The reserved bytes we send: extension protocol (BEP 10) and fast extension (BEP 6)."""
RESERVED_DHT = bytes([*RESERVED[:DHT_BYTE], RESERVED[DHT_BYTE] | DHT_BIT])
"""The same with the bit of the DHT (BEP 5)."""


class Handshake:
    """The handshake of one connection.

    With an infohash it belongs to a connection that we dialled, and has data to send at once.  Without one it belongs
    to a connection that we accepted: when ``infohash`` is known, the caller must either ``accept`` or close.

    Args:
        infohash: 20 bytes, or None for a connection that we accepted.
        peerid: Our peer id, 20 bytes.
        reserved: Our reserved bytes, 8; those of an accepted connection may be given to ``accept`` instead.
    """

    def __init__(self, infohash: Optional[bytes], peerid: bytes, *, reserved: bytes = RESERVED) -> None:
        self.infohash = infohash
        """20 bytes; None until the peer has sent it."""
        self.peerid = b""
        """Peer id of the other end, 20 bytes; empty until it has arrived."""
        self.reserved = bytes(8)
        """Reserved bytes of the other end; zero until they have arrived."""
        self.leftover = b""
        """Bytes that came behind the handshake: the first input of the wire."""
        self.failed = ""
        """Empty, or the reason to close the connection."""
        self._our_peerid = peerid
        self._our_reserved = reserved
        self._sent = False
        self._outgoing = b""
        self._received = bytearray()
        if infohash is not None:
            self.accept()

    @property
    def done(self) -> bool:
        """Both ends have sent the whole handshake, and it is valid."""
        return self._sent and bool(self.peerid) and not self.failed

    @property
    def fast(self) -> bool:
        """Both ends set the bit of the fast extension (BEP 6)."""
        return self._shared(FAST_BYTE, FAST_BIT)

    @property
    def extended(self) -> bool:
        """Both ends set the bit of the extension protocol (BEP 10)."""
        return self._shared(EXTENSION_BYTE, EXTENSION_BIT)

    @property
    def dht(self) -> bool:
        """Both ends set the bit of the DHT (BEP 5)."""
        return self._shared(DHT_BYTE, DHT_BIT)

    def receive(self, data: Union[bytes, bytearray, memoryview]) -> None:
        """Take bytes from the peer; ``infohash``, ``failed`` and ``done`` change with them."""
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

    def accept(self, reserved: Optional[bytes] = None) -> None:
        """Prepare our half, once the infohash is known to be that of a torrent we have.

        Args:
            reserved: Our reserved bytes, 8, if they depend on the torrent.

        Raises:
            ValueError: The infohash is not known yet, or our half was prepared before.
        """
        if self.infohash is None or self._sent:
            raise ValueError("there is no handshake to answer")
        self._sent = True
        if reserved is not None:
            self._our_reserved = reserved
        self._outgoing = _START + self._our_reserved + self.infohash + self._our_peerid

    def data_to_send(self) -> bytes:
        """Bytes to send now; each byte is returned once."""
        data, self._outgoing = self._outgoing, b""
        return data

    def _shared(self, byte: int, bit: int) -> bool:
        return bool(self.reserved[byte] & self._our_reserved[byte] & bit)
