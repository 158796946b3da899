"""``Downloads`` of a torrent with sources by name; a block's content names its piece and number."""

from __future__ import annotations

import random
from typing import Any, List, Optional, Sequence, Tuple

from support.block_sources import Record, RecordingSource

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.fingerprint import fingerprint
from bittorrent_threads.metainfo.layout import BLOCK, Layout
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.buffer_pool import NULL_LENDER, BufferPool
from bittorrent_threads.swarm.downloads import Downloads
from bittorrent_threads.swarm.picker import Picker
from bittorrent_threads.swarm.pipeline import Pipeline

Block = Tuple[int, int, int]


def content(block: Block, *, bad: bool = False) -> memoryview:
    """The content of a block."""
    index, begin, length = block
    return memoryview(bytes([255 if bad else (index * 7 + begin // BLOCK) % 251]) * length)


def name(pipeline: Pipeline) -> str:
    """The name of its source."""
    assert isinstance(pipeline.source, RecordingSource)
    return pipeline.source.name


class Swarm:
    """Downloads of a torrent, its recorder, and peers by name."""

    def __init__(
        self, size: int, piece_length: int, *, memory: int = 1 << 26, lender: Any = NULL_LENDER, **settings: Any
    ) -> None:
        self.layout = Layout([size], piece_length)
        self.have = Bitfield(self.layout.piece_count)
        self.picker = Picker(self.have, random=random.Random(1), sequential=True)
        self.record = Record()
        self.memory = BufferPool(memory, lender=lender)
        self.settings = Settings().replace(**settings)
        self.downloads = Downloads(
            self.layout, self.picker, memory=self.memory, writer=self.record, settings=self.settings
        )

    def peer(self, name: str, pieces: Optional[str] = None, *, choked: bool = False) -> Pipeline:
        bits = Bitfield(self.layout.piece_count)
        for index in range(len(bits)):
            if pieces is None or pieces[index] != ".":
                bits.set(index)
        self.picker.joined(bits)
        pipeline = Pipeline(RecordingSource(name, self.record), bits, self.settings)
        pipeline.choked = choked
        return pipeline

    def rated(self, pipeline: Pipeline, rate: int) -> None:
        """Let the peer have this rate in bytes a second, and its usual depth."""
        pipeline.rate.add(rate, 0.0)

    def ask(self, pipeline: Pipeline, now: float = 0.0) -> List[Block]:
        self.downloads.refill(pipeline, now)
        self.downloads.check()
        return [block for _, block in self.record.take()]

    def send(self, pipeline: Pipeline, block: Block, *, bad: bool = False, now: float = 0.0) -> None:
        self.downloads.block(pipeline, block[0], block[1], content(block, bad=bad))
        pipeline.measure(now)
        self.downloads.check()

    def send_run(self, pipeline: Pipeline, blocks: Sequence[Block], *, bad: bool = False, now: float = 0.0) -> None:
        """Send neighbouring blocks of full length at once; only the last may be bad."""
        data = [content(block, bad=bad and block == blocks[-1]) for block in blocks]
        self.downloads.blocks(pipeline, blocks[0][0], blocks[0][1], data)
        pipeline.measure(now)
        self.downloads.check()

    def save(self) -> List[bool]:
        """Answer for the disk, for all pieces at once: one with a bad block fails."""
        verdicts = []
        pieces, self.record.pieces = self.record.pieces, []
        for piece in pieces:
            verdicts.append(255 not in piece.whole)
        passed = [piece.index for piece, right in zip(pieces, verdicts) if right]
        self.have.add(passed)
        failed = [piece.index for piece in pieces if piece.index not in passed]
        prints = {piece.index: fingerprint(piece.whole) for piece in pieces}
        wrong = self.downloads.finished.saved(passed, wrong=failed, fingerprints=prints)
        assert [index for index, _ in wrong] == failed
        self.picker.passed(passed)
        self.downloads.check()
        return verdicts

    def written(self, *, failed: bool = False) -> List[Tuple[int, int]]:
        """Answer for the disk: the segments it was given are written; returns them, as piece and begin."""
        segments, self.record.segments = self.record.segments, []
        for _, _, _, written in segments:
            written(failed)
        self.downloads.check()
        return [(index, begin) for index, begin, _, _ in segments]
