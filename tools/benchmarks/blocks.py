"""The line about received blocks: what one costs the network thread besides system calls, in this process.

A peer that answers in the order of the requests sends as much as one read of a fast transfer brings.  Measured is the
processor time of what the wire and the policy do with it, without the copy that a system call makes.
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
from bittorrent_threads.protocol import messages
from bittorrent_threads.protocol.messages import PIECE
from bittorrent_threads.protocol.wire import Wire
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.downloads import Downloads
from bittorrent_threads.swarm.picker import Picker
from bittorrent_threads.swarm.pipeline import Pipeline

from .bench import TOP, Bench
from .data import KIB, MIB, size_text
from .picking import Source, Writer
from .report import Line, Target

SIZE = 128 * MIB
READ = 650_000
"""Bytes of a read, as in a transfer of 650 MB/s."""
COST = "us a block"
REPEATS = 5
"""Runs of which a round is the best."""
LIMITS = {MIB: 3.0, 16 * KIB: 7.0}
"""By piece length, what a block may take; its SHA-1 alone takes 7 us."""


class Receiver:
    """The part of a peer that receives blocks."""

    def __init__(self, wire: Wire, pipeline: Pipeline, downloads: Downloads) -> None:
        self._wire = wire
        self._pipeline = pipeline
        self._downloads = downloads

    def on_received(self, data: memoryview) -> None:
        """Take blocks."""
        downloads, pipeline = self._downloads, self._pipeline
        for kind, index, begin, blocks in self._wire.receive(data):
            assert kind == PIECE
            if len(blocks) == 1:
                downloads.block(pipeline, index, begin, blocks[0])
            else:
                downloads.blocks(pipeline, index, begin, blocks)


class Stopwatch:
    """Adds up the processor time of calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call, and time it."""
        began = time.thread_time()
        result = function(*arguments)
        self.seconds += time.thread_time() - began
        return result


def measure(piece_length: int) -> Dict[str, float]:
    """Microseconds of a block, undisturbed."""
    return {COST: min(_run(piece_length) for _ in range(REPEATS))}


def _run(piece_length: int) -> float:
    chance: Any = random.Random(1)
    layout = Layout([SIZE], piece_length)
    have = Bitfield(layout.piece_count)
    picker = Picker(have, random=chance)
    source, writer, settings = Source(), Writer(), Settings()
    downloads = Downloads(layout, picker, memory=BufferPool(settings.piece_memory), writer=writer, settings=settings)
    bits = Bitfield.filled(layout.piece_count)
    picker.joined(bits)
    pipeline = Pipeline(source, bits, settings)
    pipeline.choked, pipeline.reqq = False, settings.max_requests
    receiver = Receiver(Wire(layout.piece_count, fast=True), pipeline, downloads)
    timed, now = Stopwatch(), 0.0
    sent = bytearray()
    slab = memoryview(bytearray(4 * MIB))
    content = bytes(BLOCK)
    while not have.full:
        source.blocks = []
        timed(downloads.refill, pipeline, now)
        for header, (_, _, length) in zip(messages.piece_headers(source.blocks), source.blocks):
            sent += header + content[:length]
        size = min(READ, len(sent))
        slab[:size] = sent[:size]
        del sent[:size]
        timed(receiver.on_received, slab[:size])
        now += READ / 650e6
        timed(pipeline.measure, now)
        timed(_save, downloads, picker, have, writer.finished)
    return timed.seconds / (SIZE // BLOCK) * 1e6


def _save(downloads: Downloads, picker: Picker, have: Bitfield, finished: List[Any]) -> None:
    indexes = [piece.index for piece in finished]
    finished.clear()
    downloads.finished.saved(indexes)
    picker.passed(have.add(indexes))


def blocks(bench: Bench) -> Line:
    """Receiving a block in pieces of 1 MiB and of 16 KiB."""
    line = Line("blocks", "take the blocks of one fast peer, without system calls, hashing and the disk")
    if bench.profiling:
        for length in LIMITS:
            profile = cProfile.Profile()
            profile.runcall(_run, length)
            pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(TOP)
        return line
    rounds = bench.in_turns({size_text(length): functools.partial(measure, length) for length in LIMITS})
    line.figures = rounds.medians()
    line.targets = [
        Target(f"{COST} of pieces of {size_text(length)}", rounds.median(COST, size_text(length)), "at most", limit)
        for length, limit in LIMITS.items()
    ]
    return line
