"""A source of blocks that is no peer: it fetches byte ranges of the content, as a web seed does (BEP 19).

It has no connection, handshake or wire messages.  It knows the downloads of one node, and these know it as a
``BlockSource`` with a ``Pipeline``.
"""

from __future__ import annotations

from typing import AbstractSet, Dict, List

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.swarm.interfaces import BlockRequest
from bittorrent_threads.swarm.pipeline import Pipeline
from bittorrent_threads.testing.simulation.swarm import Node

RANGE = 8
"""Blocks of one fetch at most."""


class WebSeed:
    """Has every piece; sends ``rate`` bytes a second, one range after the other."""

    address: Address = ("web.sim", 80)

    def __init__(self, node: Node, *, rate: float, bad: AbstractSet[BlockRequest] = frozenset()) -> None:
        self.node = node
        self.fetched: List[List[BlockRequest]] = []
        """The blocks of each fetch."""
        self.delivered: Dict[BlockRequest, int] = {}
        """How often each block was sent."""
        self.cancelled: List[BlockRequest] = []
        self.blamed: List[int] = []
        """Pieces in which a bad block was proven."""
        self._rate = rate
        self._bad = bad
        self._waiting: List[BlockRequest] = []
        self._fetching = False
        self._downloads = node.torrent.content.downloads
        self._bits = Bitfield.filled(node.torrent.content.metainfo.piece_count)
        self._pipeline = Pipeline(self, self._bits, node.torrent.settings)
        self._pipeline.choked = False

    @property
    def sender(self) -> WebSeed:
        return self

    # -- what the downloads ask ----------------------------------------------------------------------------------------

    def request(self, blocks: List[BlockRequest]) -> None:
        self._waiting += blocks
        self._fetch_soon()

    def cancel(self, blocks: List[BlockRequest]) -> None:
        self.cancelled += blocks
        self._waiting = [block for block in self._waiting if block not in blocks]

    def blame(self, index: int) -> None:
        """Stop: no more is requested, and what was requested is left to others."""
        if not self.blamed:
            self.node.network.defer(self._leave)
        self.blamed.append(index)
        self._waiting.clear()

    # -- what it does --------------------------------------------------------------------------------------------------

    def join(self) -> None:
        """Become a source of the torrent; on its network thread."""
        self.node.torrent.content.picker.joined(self._bits)
        self._tick()

    def _leave(self) -> None:
        self._downloads.left(self._pipeline)
        self.node.torrent.content.picker.left(self._bits)

    def _tick(self) -> None:
        if not self.blamed:
            now = self.node.network.now()
            self._downloads.tick(self._pipeline, now)
            self._downloads.refill(self._pipeline, now)
            self.node.network.call_later(1.0, self._tick)

    def _fetch_soon(self) -> None:
        if self._waiting and not self._fetching:
            self._fetching = True
            size = sum(length for _, _, length in self._range())
            self.node.network.call_later(size / self._rate, self._fetch)

    def _range(self) -> List[BlockRequest]:
        """The blocks that wait first, as far as they are neighbours."""
        found = self._waiting[:1]
        for block in self._waiting[1:RANGE]:
            index, begin, length = found[-1]
            if block[:2] != (index, begin + length):
                break
            found.append(block)
        return found

    def _fetch(self) -> None:
        self._fetching = False
        blocks = self._range()
        self._waiting = self._waiting[len(blocks) :]
        self.fetched.append(blocks)
        if blocks and not self.blamed:
            first, last = blocks[0], blocks[-1]
            torrent = self.node.files.torrent
            start = first[0] * torrent.metainfo.piece_length + first[1]
            data = torrent.content.read(start, last[1] + last[2] - first[1])
            for block in blocks:
                index, begin, length = block
                part = bytearray(data[begin - first[1] : begin - first[1] + length])
                if block in self._bad:
                    part[0] ^= 0xFF
                self.delivered[block] = self.delivered.get(block, 0) + 1
                self._downloads.block(self._pipeline, index, begin, memoryview(part))
            now = self.node.network.now()
            self._pipeline.measure(now)
            self._downloads.refill(self._pipeline, now)
        self._fetch_soon()
