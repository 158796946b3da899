"""The line about the picker: what a block costs to pick with 1,000 and with 100,000 pieces, in this process.

Two hundred peers with a random half of the pieces each are asked in turn, and answered at once; a HAVE comes for every
block, as in a swarm of peers as fast as we are.  Only ``refill`` is in the time of picking.
"""

from __future__ import annotations

import cProfile
import functools
import pstats
import random
import time
from typing import Any, Callable, Dict, List

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK, Layout
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.downloads import Downloads
from bittorrent_threads.swarm.interfaces import BlockRequest, ReceivedPiece
from bittorrent_threads.swarm.picker import Picker
from bittorrent_threads.swarm.pipeline import Pipeline

from .bench import TOP, Bench
from .report import Line, Target

PEERS = 200
FEW, MANY = 1_000, 100_000
BLOCKS_PER_PIECE = 16
BLOCKS = FEW * BLOCKS_PER_PIECE // 2
"""Blocks picked in a round: half of the small torrent."""
COST = "us a block"
HEARING = "us a HAVE"
REPEATS = 5
"""Runs of which a round is the best: one lasts 10 ms, and whatever else the machine does only adds to it."""


class Source:
    """Takes requests."""

    address = ("10.0.0.1", 1)

    def __init__(self) -> None:
        self.blocks: List[BlockRequest] = []

    @property
    def sender(self) -> Source:
        return self

    def request(self, blocks: List[BlockRequest]) -> None:
        self.blocks = blocks

    def cancel(self, blocks: List[BlockRequest]) -> None:
        """Endgame; half of a torrent has none."""

    def blame(self, index: int) -> None:
        raise AssertionError("no data is bad here")


class Writer:
    """Collects finished pieces."""

    def __init__(self) -> None:
        self.finished: List[ReceivedPiece] = []

    def received(self, piece: ReceivedPiece) -> None:
        self.finished.append(piece)

    def received_segment(self, index: int, begin: int, data: memoryview, written: Callable[[bool], None]) -> None:
        raise AssertionError("no piece is larger than the memory here")

    def written_whole(self, index: int) -> None:
        raise AssertionError("no piece is larger than the memory here")


def measure(pieces: int) -> Dict[str, float]:
    """Microseconds of picking a block and of hearing a HAVE, undisturbed."""
    runs = [_run(pieces) for _ in range(REPEATS)]
    return {name: min(run[name] for run in runs) for name in (COST, HEARING)}


def _run(pieces: int) -> Dict[str, float]:
    chance: Any = random.Random(1)
    layout = Layout([pieces * BLOCKS_PER_PIECE * BLOCK], BLOCKS_PER_PIECE * BLOCK)
    have = Bitfield(pieces)
    picker = Picker(have, random=chance)
    source, writer = Source(), Writer()
    memory = BufferPool(Settings().piece_memory)
    downloads = Downloads(layout, picker, memory=memory, writer=writer, settings=Settings())
    pipelines = []
    for _ in range(PEERS):
        bits = Bitfield(pieces, chance.getrandbits(pieces).to_bytes(pieces // 8, "big"))
        picker.joined(bits)
        pipeline = Pipeline(source, bits, Settings())
        pipeline.choked = False
        pipelines.append(pipeline)
    data = memoryview(bytes(BLOCK))
    picked, picking, hearing, heard = 0, 0.0, 0.0, 0
    while picked < BLOCKS:
        pipeline = chance.choice(pipelines)
        source.blocks = []
        began = time.perf_counter()
        downloads.refill(pipeline, 0.0)
        picking += time.perf_counter() - began
        picked += len(source.blocks)
        for index, begin, _ in source.blocks:
            downloads.block(pipeline, index, begin, data)
        downloads.finished.saved([piece.index for piece in writer.finished])
        picker.passed(have.add([piece.index for piece in writer.finished]))
        writer.finished.clear()
        news = [(chance.choice(pipelines), chance.randrange(pieces)) for _ in source.blocks]
        began = time.perf_counter()
        for other, index in news:
            if other.bits.set(index):
                picker.gained(other.bits, index)
                heard += 1
        hearing += time.perf_counter() - began
    return {COST: picking / picked * 1e6, HEARING: hearing / heard * 1e6}


def pick(bench: Bench) -> Line:
    """Picking a block with 100,000 pieces and with 1,000."""
    line = Line("pick", f"pick a block for one of {PEERS} peers that have half of the pieces each")
    if bench.profiling:
        profile = cProfile.Profile()
        profile.runcall(measure, MANY)
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(TOP)
        return line
    many, few = f"{MANY:,} pieces", f"{FEW:,} pieces"
    rounds = bench.in_turns({many: functools.partial(measure, MANY), few: functools.partial(measure, FEW)})
    line.figures = rounds.medians()
    line.targets = [Target(f"{COST} with {many} / with {few}", rounds.ratio(COST, many, few), "at most", 1.0)]
    return line
