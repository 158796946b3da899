"""The line about rate limits: how near to the limit, and what the fullest second had.

The bytes are what the downloader has received as payload, ours by its own count of pieces that are saved, with pieces
of 16 KiB.  The accuracy is over ten seconds from when the transfer has settled; the fullest second is sought from "go".
"""

from __future__ import annotations

import bisect
import contextlib
import functools
from typing import Dict, List, Sequence, Tuple

from .bench import Bench, missing
from .data import KIB, MIB
from .node import TRANSFER_TIMEOUT
from .peers import KINDS, NodePeer
from .report import Line, Target
from .transfers import MEGA

LIMIT = 5 * MEGA
"""Bytes a second."""
SETTLED = 2.0
WINDOW = 10.0
LASTING = SETTLED + WINDOW + 0.5
LENGTH = 128 * MIB
OVER = "10 s / limit"
FULLEST = "fullest second / limit"
ROUNDS = 2
"""Each takes as long as it takes; there is little to differ."""

Samples = Sequence[Tuple[float, int]]


def between(samples: Samples, begin: float, end: float) -> int:
    """Bytes that came in a stretch of time."""
    times = [time for time, _ in samples]
    before, after = (max(0, bisect.bisect_right(times, at) - 1) for at in (begin, end))
    return samples[after][1] - samples[before][1]


def measure(bench: Bench, seeder: str, downloader: str) -> Dict[str, float]:
    """A limited transfer between two peers, of which one is ours and has the limit."""
    torrent = bench.data.torrent(LENGTH, 16 * KIB)
    directory = bench.fresh()
    down = {"settings": {"download_limit": LIMIT}} if downloader == "ours" else {}
    up = {"settings": {"upload_limit": LIMIT}} if seeder == "ours" else {}
    try:
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(KINDS[seeder](torrent, bench.data.file(LENGTH).parent, seed=True, **up))
            sink = stack.enter_context(KINDS[downloader](torrent, directory, seed=False, **down))
            assert isinstance(sink, NodePeer)
            sink.dial(source.addresses, **{"for": LASTING})
            samples: List[Tuple[float, int]] = [
                (time, count) for time, count in sink.child.answer(TRANSFER_TIMEOUT)["samples"]
            ]
            sink.finish()
            source.finish()
    finally:
        bench.remove(directory)
    fullest = max(between(samples, time - 1.0, time) for time, _ in samples)
    return {OVER: between(samples, SETTLED, SETTLED + WINDOW) / WINDOW / LIMIT, FULLEST: fullest / LIMIT}


def limits(bench: Bench) -> Line:
    """Accuracy of the rate limits, download and upload."""
    line = Line("limits", f"a limit of {LIMIT // MEGA} MB/s, with libtorrent at the other end")
    line.remarks += missing(["libtorrent"], bench)
    if not bench.possible("libtorrent"):
        return line
    pairs = {"ours downloads": ("libtorrent", "ours"), "ours seeds": ("ours", "libtorrent")}
    variants = {name: functools.partial(measure, bench, *pair) for name, pair in pairs.items()}
    rounds = bench.in_turns(variants, rounds=min(ROUNDS, bench.rounds))
    line.figures = rounds.medians()
    for name in pairs:
        over = rounds.median(OVER, name)
        off = None if over is None else abs(over - 1) * 100
        line.targets.append(Target(f"{name}: % off the limit over 10 s", off, "at most", 3))
        line.targets.append(Target(f"{name}: {FULLEST}", rounds.median(FULLEST, name), "at most", 2))
    return line
