"""The line about memory: the peak of a download over that of an interpreter that does nothing."""

from __future__ import annotations

import functools

from .bench import Bench, missing
from .data import MIB, size_text
from .report import Line, Target
from .transfers import Transfer

PEAK = "down peak MiB"
PEERS = 20
LARGE = 16 * MIB


def rss(bench: Bench) -> Line:
    """Peak of memory of a download, and of one with 16 MiB pieces and 20 peers."""
    line = Line("rss", f"download {size_text(bench.size)} from libtorrent; peak over the interpreter's")
    line.remarks += missing(["libtorrent"], bench)
    if not bench.possible("libtorrent"):
        return line
    plain, large = "1 MiB pieces, 1 peer", f"16 MiB pieces, {PEERS} peers"
    transfers = {}
    for kind in ("ours", "libtorrent"):
        transfers[f"{kind}, {plain}"] = Transfer("libtorrent", kind, bench.size)
        transfers[f"{kind}, {large}"] = Transfer("libtorrent", kind, bench.size, LARGE, seeders=PEERS)
    rounds = bench.in_turns({name: functools.partial(item.run, bench) for name, item in transfers.items()})
    line.figures = rounds.medians()
    for what, limit in ((plain, 80), (large, 160)):
        line.targets.append(Target(f"MiB with {what}", rounds.median(PEAK, f"ours, {what}"), "at most", limit))
    return line
