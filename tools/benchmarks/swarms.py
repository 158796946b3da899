"""The lines that compare transfers: ours beside libtorrent's and aria2's own, with the same peer at the other end."""

from __future__ import annotations

import functools
from typing import Dict, List, Mapping, Tuple

from .bench import Bench, missing
from .data import KIB, MIB, size_text
from .report import Line, Rounds, Target
from .transfers import DOWN_CPU, KEPT, RATE, SEED_CPU, Transfer

SWARM = 8
ONE_WAY = 0.05
"""Seconds: 100 ms for a round trip."""
DELAYED_SHARE = 4
"""Through the delay a quarter of the size is sent: it is bound by the requests under way, not by the machine."""


def compare(bench: Bench, line: Line, transfers: Mapping[str, Transfer]) -> Rounds:
    """Run the transfers whose programs are installed, and give the line its figures."""
    kinds = dict.fromkeys(kind for transfer in transfers.values() for kind in (transfer.seeder, transfer.downloader))
    rounds = bench.in_turns(
        {
            name: functools.partial(transfer.run, bench)
            for name, transfer in transfers.items()
            if bench.possible(transfer.seeder, transfer.downloader)
        }
    )
    line.figures.update(rounds.medians())
    line.remarks.extend(missing(list(kinds), bench))
    return rounds


def rate_target(rounds: Rounds, ours: str, theirs: str, limit: float) -> Target:
    """Our rate against theirs."""
    return Target(f"rate of {ours} / {theirs}", rounds.ratio(RATE, ours, theirs), "at least", limit)


def cpu_target(rounds: Rounds, figure: str, ours: str, theirs: str) -> Target:
    """Our CPU time a GiB against theirs."""
    return Target(f"{figure} of {ours} / {theirs}", rounds.ratio(figure, ours, theirs), "at most", 1.0)


def download_libtorrent(bench: Bench) -> Line:
    """Download from a libtorrent seeder."""
    line = Line("download-libtorrent", f"download {size_text(bench.size)} in pieces of 1 MiB from a libtorrent seeder")
    kinds = ("ours", "libtorrent", "aria2", "transmission")
    rounds = compare(bench, line, {kind: Transfer("libtorrent", kind, bench.size) for kind in kinds})
    line.targets = [
        rate_target(rounds, "ours", "libtorrent", 1.3),
        cpu_target(rounds, DOWN_CPU, "ours", "libtorrent"),
    ]
    return line


def download_aria2(bench: Bench) -> Line:
    """Download from an aria2 seeder."""
    line = Line("download-aria2", f"download {size_text(bench.size)} in pieces of 1 MiB from an aria2 seeder")
    rounds = compare(bench, line, {kind: Transfer("aria2", kind, bench.size) for kind in ("ours", "aria2")})
    line.targets = [rate_target(rounds, "ours", "aria2", 1.1)]
    return line


def seed_libtorrent(bench: Bench) -> Line:
    """Seed to a libtorrent downloader."""
    return _seed("seed-libtorrent", "libtorrent", bench)


def seed_aria2(bench: Bench) -> Line:
    """Seed to an aria2 downloader."""
    return _seed("seed-aria2", "aria2", bench)


def _seed(name: str, downloader: str, bench: Bench) -> Line:
    line = Line(name, f"seed {size_text(bench.size)} in pieces of 1 MiB to one {downloader} downloader")
    rounds = compare(bench, line, {kind: Transfer(kind, downloader, bench.size) for kind in ("ours", "libtorrent")})
    line.targets = [
        rate_target(rounds, "ours", "libtorrent", 1.0),
        cpu_target(rounds, SEED_CPU, "ours", "libtorrent"),
    ]
    return line


def ours_ours(bench: Bench) -> Line:
    """Ours at both ends beside libtorrent at both ends."""
    line = Line("ours-ours", f"{size_text(bench.size)} in pieces of 1 MiB from one to another of a kind")
    names = {"ours": "ours to ours", "libtorrent": "libtorrent to libtorrent"}
    rounds = compare(bench, line, {name: Transfer(kind, kind, bench.size) for kind, name in names.items()})
    line.targets = [rate_target(rounds, names["ours"], names["libtorrent"], 1.3)]
    return line


def eight_seeders(bench: Bench) -> Line:
    """Download from eight libtorrent seeders at once."""
    line = Line("eight-seeders", f"download {size_text(bench.size)} from {SWARM} libtorrent seeders (one process)")
    kinds = ("ours", "libtorrent")
    rounds = compare(bench, line, {kind: Transfer("libtorrent", kind, bench.size, seeders=SWARM) for kind in kinds})
    line.targets = [rate_target(rounds, "ours", "libtorrent", 1.0)]
    return line


def eight_downloaders(bench: Bench) -> Line:
    """Seed to eight libtorrent downloaders at once."""
    size = max(MIB, bench.size // SWARM)
    line = Line("eight-downloaders", f"seed {size_text(size)} to each of {SWARM} libtorrent downloaders (one process)")
    kinds = ("ours", "libtorrent")
    rounds = compare(bench, line, {kind: Transfer(kind, "libtorrent", size, downloaders=SWARM) for kind in kinds})
    line.targets = [rate_target(rounds, "ours", "libtorrent", 1.0)]
    return line


def small_pieces(bench: Bench) -> Line:
    """Download with pieces of 16 KiB."""
    line = Line("small-pieces", f"download {size_text(bench.size)} in pieces of 16 KiB from a libtorrent seeder")
    kinds = ("ours", "libtorrent")
    rounds = compare(bench, line, {kind: Transfer("libtorrent", kind, bench.size, 16 * KIB) for kind in kinds})
    line.targets = [rate_target(rounds, "ours", "libtorrent", 1.0)]
    return line


def delay(bench: Bench) -> Line:
    """Both directions through a link with 100 ms of round-trip delay."""
    size = max(MIB, bench.size // DELAYED_SHARE)
    line = Line("delay", f"{size_text(size)} in pieces of 1 MiB through a relay with 100 ms of round-trip delay")
    ends: Dict[str, Tuple[str, str]] = {
        "ours downloads": ("libtorrent", "ours"),
        "libtorrent downloads": ("libtorrent", "libtorrent"),
        "ours seeds": ("ours", "libtorrent"),
    }
    rounds = compare(bench, line, {name: Transfer(*pair, size, delay=ONE_WAY) for name, pair in ends.items()})
    targets: List[Target] = [rate_target(rounds, ours, "libtorrent downloads", 0.9) for ours in ends if "ours" in ours]
    line.targets = targets
    line.remarks.append("libtorrent downloads from libtorrent, which is its figure for both directions")
    return line


def busy_main(bench: Bench) -> Line:
    """Download while the main thread of the process runs a pure Python loop."""
    line = Line("busy-main", f"download {size_text(bench.size)} from libtorrent beside a pure Python loop")
    kinds = ("ours", "libtorrent")
    options = {"busy": True}
    rounds = compare(bench, line, {kind: Transfer("libtorrent", kind, bench.size, options=options) for kind in kinds})
    line.targets = [
        Target("MB/s of ours", rounds.median(RATE, "ours"), "at least", 150),
        Target("% of its speed alone that the loop keeps", rounds.median(KEPT, "ours"), "at least", 60),
    ]
    return line
