"""The lines that compare transfers: ours beside libtorrent's and aria2's own, with the same peer at the other end."""

from __future__ import annotations

import dataclasses
import functools
from typing import Dict, Mapping, Sequence, Tuple

from .bench import Bench, missing
from .data import KIB, MIB, size_text
from .report import Line, Target
from .temperature import Temperature
from .transfers import DOWN_CPU, KEPT, RATE, SEED_CPU, Transfer

SWARM = 8
ONE_WAY = 0.05
"""Seconds: 100 ms for a round trip."""
DELAYED_SHARE = 4
"""Through the delay a quarter of the size is sent: it is bound by the requests under way, not by the machine."""


FLOOR = "floor"
"""The variant that does what a transfer cannot do without, and nothing else."""
FLOOR_REMARK = "floor: bytes received by one thread, hashed and written by another, without a protocol"


class Comparison:
    """Transfers that run in turns, each at every temperature; fills in the figures of ``line``.

    ``watched`` is the end whose processor time is told in parts.
    """

    def __init__(
        self,
        bench: Bench,
        line: Line,
        transfers: Mapping[str, Transfer],
        *,
        watched: str = "down",
        temperatures: Sequence[Temperature] = (),
    ) -> None:
        self._line = line
        self._temperatures = temperatures or bench.temperatures
        kinds = dict.fromkeys(kind for item in transfers.values() for kind in (item.seeder, item.downloader))
        self.rounds = bench.in_turns(
            {
                _titled(name, temperature): functools.partial(
                    dataclasses.replace(transfer, temperature=temperature, watched=watched).run, bench
                )
                for temperature in self._temperatures
                for name, transfer in transfers.items()
                if bench.possible(transfer.seeder, transfer.downloader)
            }
        )
        line.figures.update(self.rounds.medians())
        if FLOOR in transfers:
            line.remarks.append(FLOOR_REMARK)
        line.remarks.extend(missing(list(kinds), bench))

    def require(self, figure: str, ours: str, theirs: str, bound: str, limit: float) -> None:
        """At each temperature, the ratio of a figure of two variants must be ``bound`` ``limit``."""
        for temperature in self._temperatures:
            one, other = _titled(ours, temperature), _titled(theirs, temperature)
            value = self.rounds.ratio(figure, one, other)
            spread = self.rounds.spread(figure, one, other)
            what = f"{figure} of {one} / {theirs}"
            self._line.targets.append(Target(what, value, bound, limit, spread))


def _titled(name: str, temperature: Temperature) -> str:
    return name if temperature is Temperature.WARM else f"{name}, {temperature.value}"


def download_libtorrent(bench: Bench) -> Line:
    """Download from a libtorrent seeder."""
    line = Line("download-libtorrent", f"download {size_text(bench.size)} in pieces of 1 MiB from a libtorrent seeder")
    kinds = ("ours", "libtorrent", "aria2", "transmission")
    transfers = {kind: Transfer("libtorrent", kind, bench.size) for kind in kinds}
    compared = Comparison(bench, line, {**transfers, FLOOR: Transfer(FLOOR, FLOOR, bench.size)})
    compared.require(RATE, "ours", "libtorrent", "at least", 1.15)
    compared.require(DOWN_CPU, "ours", "libtorrent", "at most", 0.8)
    compared.require(DOWN_CPU, "ours", FLOOR, "at most", 1.6)
    return line


def download_aria2(bench: Bench) -> Line:
    """Download from an aria2 seeder."""
    line = Line("download-aria2", f"download {size_text(bench.size)} in pieces of 1 MiB from an aria2 seeder")
    transfers = {kind: Transfer("aria2", kind, bench.size) for kind in ("ours", "aria2")}
    compared = Comparison(bench, line, {**transfers, FLOOR: Transfer(FLOOR, FLOOR, bench.size)})
    compared.require(RATE, "ours", "aria2", "at least", 1.1)
    return line


def seed_libtorrent(bench: Bench) -> Line:
    """Seed to a libtorrent downloader."""
    return _seed("seed-libtorrent", "libtorrent", bench, limit=1.3)


def seed_aria2(bench: Bench) -> Line:
    """Seed to an aria2 downloader."""
    return _seed("seed-aria2", "aria2", bench, limit=1.2)


def _seed(name: str, downloader: str, bench: Bench, *, limit: float) -> Line:
    line = Line(name, f"seed {size_text(bench.size)} in pieces of 1 MiB to one {downloader} downloader")
    transfers = {kind: Transfer(kind, downloader, bench.size) for kind in ("ours", "libtorrent")}
    transfers[FLOOR] = Transfer(FLOOR, FLOOR, bench.size)
    compared = Comparison(bench, line, transfers, watched="seed")
    compared.require(RATE, "ours", "libtorrent", "at least", limit)
    compared.require(SEED_CPU, "ours", "libtorrent", "at most", 1.0)
    return line


def ours_ours(bench: Bench) -> Line:
    """Ours at both ends beside libtorrent at both ends."""
    line = Line("ours-ours", f"{size_text(bench.size)} in pieces of 1 MiB from one to another of a kind")
    names = {"ours": "ours to ours", "libtorrent": "libtorrent to libtorrent", FLOOR: FLOOR}
    transfers = {name: Transfer(kind, kind, bench.size) for kind, name in names.items()}
    Comparison(bench, line, transfers).require(RATE, names["ours"], names["libtorrent"], "at least", 1.3)
    return line


def eight_seeders(bench: Bench) -> Line:
    """Download from eight libtorrent seeders at once."""
    line = Line("eight-seeders", f"download {size_text(bench.size)} from {SWARM} libtorrent seeders (one process)")
    kinds = ("ours", "libtorrent")
    transfers = {kind: Transfer("libtorrent", kind, bench.size, seeders=SWARM) for kind in kinds}
    Comparison(bench, line, transfers).require(RATE, "ours", "libtorrent", "at least", 1.0)
    return line


def eight_downloaders(bench: Bench) -> Line:
    """Seed to eight libtorrent downloaders at once."""
    size = max(MIB, bench.size // SWARM)
    line = Line("eight-downloaders", f"seed {size_text(size)} to each of {SWARM} libtorrent downloaders (one process)")
    kinds = ("ours", "libtorrent")
    transfers = {kind: Transfer(kind, "libtorrent", size, downloaders=SWARM) for kind in kinds}
    Comparison(bench, line, transfers, watched="seed").require(RATE, "ours", "libtorrent", "at least", 1.0)
    return line


def small_pieces(bench: Bench) -> Line:
    """Download with pieces of 16 KiB."""
    line = Line("small-pieces", f"download {size_text(bench.size)} in pieces of 16 KiB from a libtorrent seeder")
    transfers = {kind: Transfer("libtorrent", kind, bench.size, 16 * KIB) for kind in ("ours", "libtorrent")}
    transfers[FLOOR] = Transfer(FLOOR, FLOOR, bench.size, 16 * KIB)
    Comparison(bench, line, transfers).require(RATE, "ours", "libtorrent", "at least", 1.1)
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
    transfers = {name: Transfer(*pair, size, delay=ONE_WAY) for name, pair in ends.items()}
    compared = Comparison(bench, line, transfers, temperatures=[Temperature.WARM])
    for name in ends:
        if "ours" in name:
            compared.require(RATE, name, "libtorrent downloads", "at least", 0.9)
    line.remarks.append("libtorrent downloads from libtorrent, which is its figure for both directions")
    return line


def busy_main(bench: Bench) -> Line:
    """Download while the main thread of the process runs a pure Python loop."""
    line = Line("busy-main", f"download {size_text(bench.size)} from libtorrent beside a pure Python loop")
    options = {"busy": True}
    kinds = ("ours", "libtorrent")
    transfers = {kind: Transfer("libtorrent", kind, bench.size, options=options) for kind in kinds}
    rounds = Comparison(bench, line, transfers, temperatures=[Temperature.WARM]).rounds
    line.targets = [
        Target("MB/s of ours", rounds.median(RATE, "ours"), "at least", 150),
        Target("% of its speed alone that the loop keeps", rounds.median(KEPT, "ours"), "at least", 60),
    ]
    return line
