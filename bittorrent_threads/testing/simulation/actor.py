"""``Actor``: a scripted seed in virtual time that connects to a node and answers requests as its class defines.

Unlike ``support.bench.Guest`` it acts without calls of the test, so that one download can have many of them.
"""

from __future__ import annotations

import struct
from typing import Dict, Iterable, List, Optional, Tuple

from .. import peer_messages as pm
from ..peer_messages import handshake, message
from .stream import SimStream
from .swarm import Node, Swarm

Block = Tuple[int, int, int]
"""Index, begin and length."""


class Actor:
    """An honest seed of ``pieces`` (all of them if None); subclasses override ``asked``."""

    def __init__(
        self,
        swarm: Swarm,
        host: str,
        *,
        node: Optional[Node] = None,
        pieces: Optional[Iterable[int]] = None,
        fast: bool = True,
        up: float = 12_500_000.0,
    ) -> None:
        self.world = swarm.world
        self.torrent = swarm.torrent
        self.node = node or swarm.nodes[0]
        self.host = host
        self.fast = fast
        self.pieces = None if pieces is None else set(pieces)
        self.network = swarm.internet.add(host, up=up)
        self.requests: List[Block] = []
        """Every requested block."""
        self.cancels: List[Block] = []
        """Every cancelled request; the block is sent nevertheless."""
        self.given: Dict[Block, int] = {}
        """Number of answers by block."""
        self.closed = ""
        """Why the connection was closed."""
        self.stream: Optional[SimStream] = None
        self._data = bytearray()
        self._greeted = False

    # -- what it does ------------------------------------------------------------------------------------------------

    def dial(self) -> None:
        """Connect to the node."""
        self._data.clear()
        self._greeted = False
        self.closed = ""
        self.stream = self.network.connect(self.node.address, self, 15.0)

    def asked(self, block: Block) -> None:
        """Handle a request."""
        self.give(block)

    def give(self, block: Block, *, wrong: bool = False, after: float = 0.0) -> None:
        """Answer with the block, right or wrong."""
        index, begin, length = block
        data = self.torrent.content.read(index * self.torrent.metainfo.piece_length + begin, length)
        if wrong:
            data = self.falsify(data)
        self.given[block] = self.given.get(block, 0) + 1
        self.say(message(pm.PIECE, index, begin, payload=data), after=after)

    def falsify(self, data: bytes) -> bytes:
        """Return the bytes to send in place of the right ones."""
        return bytes([data[0] ^ 0xFF]) + data[1:]

    def say(self, *messages: bytes, after: float = 0.0) -> None:
        """Send these messages, now or after ``delay`` seconds."""
        stream = self.stream

        def send() -> None:
            if stream is not None and not stream.closed:
                stream.send([b"".join(messages)])

        if after:
            self.network.call_later(after, send)
        else:
            self.network.run_pass(send)

    # -- the stream --------------------------------------------------------------------------------------------------

    def on_connected(self) -> None:
        peerid = b"-AC0001-" + self.host.encode().rjust(12, b"-")
        self.say(handshake(self.torrent.metainfo.infohash, peerid=peerid, fast=self.fast), self._hello())
        self._keep_alive(self.stream)

    def on_received(self, data: memoryview) -> None:
        self._data += data
        if not self._greeted:
            if len(self._data) < 68:
                return
            del self._data[:68]
            self._greeted = True
        while len(self._data) >= 4:
            (length,) = struct.unpack_from(">I", self._data)
            if len(self._data) < 4 + length:
                return
            body = bytes(self._data[4 : 4 + length])
            del self._data[: 4 + length]
            if body[:1] == bytes([pm.REQUEST]):
                index, begin, size = struct.unpack(">III", body[1:])
                self.requests.append((index, begin, size))
                self.asked((index, begin, size))
            elif body[:1] == bytes([pm.CANCEL]):
                index, begin, size = struct.unpack(">III", body[1:])
                self.cancels.append((index, begin, size))

    def on_drained(self) -> None:
        """Nothing: the actor queues no data."""

    def on_closed(self, reason: str) -> None:
        self.closed = reason

    def _keep_alive(self, stream: Optional[SimStream]) -> None:
        if stream is self.stream and stream is not None and not stream.closed:
            self.say(bytes(4))
            self.network.call_later(60.0, lambda: self._keep_alive(stream))

    def _hello(self) -> bytes:
        count = self.torrent.metainfo.piece_count
        if self.pieces is None and self.fast:
            return message(pm.HAVE_ALL) + message(pm.UNCHOKE)
        bits = bytearray(-(-count // 8))
        for index in range(count) if self.pieces is None else self.pieces:
            bits[index >> 3] |= 0x80 >> (index & 7)
        return message(pm.BITFIELD, payload=bytes(bits)) + message(pm.UNCHOKE)
