"""The lines about files that are read while they are downloaded, each from one seeder that is this library too."""

from __future__ import annotations

import contextlib
import functools
import statistics
import zipfile
from pathlib import Path
from typing import Any, Dict

import bittorrent_threads as bt

from .bench import Bench
from .child import Child, python
from .data import MIB, PAYLOAD, size_text
from .peers import KINDS, NodePeer
from .report import Line, Target
from .temperature import Temperature

MEGA = 1_000_000
RATE = "MB/s"
TIME = "ms"
RECEIVED = "MiB received"
HOST = "127.0.0.9"
RELAY = "127.0.0.7"
TIMEOUT = 100.0
ONE_WAY = 0.05
ROUND_TRIPS = 2
SHARED_RATE = 20 * MEGA
"""Bytes a second that the peer behind the delay sends."""
FAR = 512 * MIB
SMALL_PIECE = 256 * 1024
ARCHIVE = 256 * MIB
MEMBER = MIB
MOST_RECEIVED = 4.0
"""MiB that may come in for the last member of the archive, which has one."""


def run(
    bench: Bench, verb: str, torrent: Path, source: Path, *, delay: float = 0.0, limit: int = 0, alone: bool = False
) -> Dict[str, Any]:
    """Run one child beside a seeder, and return what it says.

    The seeder sends at most ``limit`` bytes a second; ``alone`` tells that nothing is downloaded but what is read.
    """
    directory = bench.fresh()
    try:
        with contextlib.ExitStack() as stack:
            limited: Dict[str, Any] = {"settings": {"upload_limit": limit}}
            seeder = stack.enter_context(KINDS["ours"](torrent, source, seed=True, **limited))
            assert isinstance(seeder, NodePeer)
            targets = seeder.addresses
            if delay:
                relay = stack.enter_context(Child(python("relay", host=RELAY, target=targets[0], delay=delay)))
                targets = [(host, port) for host, port in relay.answer()["addresses"]]
            options = {"torrent": str(torrent), "directory": str(directory), "host": HOST, "alone": alone}
            child = stack.enter_context(Child(python("reading_child", verb=verb, **options)))
            child.answer()
            if not delay:
                Temperature.WARM.prepare(bench.folder, bt.Metainfo.load(torrent).total_size)
            child.tell(dial=targets)
            return child.answer(TIMEOUT)
    finally:
        bench.remove(directory)


def transfer(bench: Bench, verb: str) -> Dict[str, float]:
    """The rate of a download, or of a file that is read in sequence."""
    torrent = bench.data.torrent(bench.size, MIB)
    bench.data.warm(bench.size)
    said = run(bench, verb, torrent, bench.data.file(bench.size).parent)
    return {RATE: bench.size / said["seconds"] / MEGA}


def read(bench: Bench) -> Line:
    """A file that is read in sequence while it is downloaded, beside the download alone."""
    line = Line(
        "read", f"{size_text(bench.size)} in pieces of 1 MiB from one peer, downloaded, and read from begin to end"
    )
    verbs = {"ours downloads": "download", "ours reads": "read"}
    rounds = bench.in_turns({name: functools.partial(transfer, bench, verb) for name, verb in verbs.items()})
    line.figures = rounds.medians()
    names = RATE, "ours reads", "ours downloads"
    line.targets.append(
        Target("rate over the download's", rounds.ratio(*names), "at least", 0.9, rounds.spread(*names))
    )
    return line


def far(bench: Bench, *, alone: bool) -> Dict[str, float]:
    """Seeks in a file behind a delay, while the rest of it is downloaded at ``SHARED_RATE`` or not at all."""
    torrent = bench.data.torrent(FAR, SMALL_PIECE)
    source = bench.data.file(FAR).parent
    said = run(bench, "seek", torrent, source, delay=ONE_WAY, limit=SHARED_RATE, alone=alone)
    times = sorted(said["times"])
    return {TIME: statistics.median(times) * 1000, "worst ms": times[-1] * 1000}


def seek(bench: Bench) -> Line:
    """Seeks in a file whose only peer is behind 100 ms of round-trip delay."""
    line = Line("seek", "from a seek to the data there, in pieces of 256 KiB, through a relay with 100 ms of delay")
    variants = {"ours, only what is read": True, "ours, and the rest": False}
    rounds = bench.in_turns({name: functools.partial(far, bench, alone=alone) for name, alone in variants.items()})
    line.figures = rounds.medians()
    for name in variants:
        value = rounds.median(TIME, name)
        trips = None if value is None else value / 1000 / (2 * ONE_WAY)
        line.targets.append(Target(f"round trips of {name}", trips, "at most", ROUND_TRIPS))
    line.remarks.append(f"the peer sends at most {SHARED_RATE // MEGA} MB/s")
    return line


def last_member(bench: Bench) -> Dict[str, float]:
    """What came in for the last member of an archive."""
    folder = bench.fresh()
    folder.mkdir()
    chunk = bench.data.file(MIB).read_bytes()
    with zipfile.ZipFile(folder / PAYLOAD, "w") as archive:
        for number in range(ARCHIVE // MEMBER):
            archive.writestr(f"{number:03}.bin", chunk)
    torrent = folder.parent / f"{folder.name}.torrent"
    bt.create(folder / PAYLOAD, piece_length=SMALL_PIECE).save(torrent)
    said = run(bench, "archive", torrent, folder, alone=True)
    bench.remove(folder)
    assert said["read"] == MEMBER
    return {RECEIVED: said["downloaded"] / MIB}


def read_archive(bench: Bench) -> Line:
    """The last member of a zip archive of 256 MiB, of which nothing else is wanted."""
    line = Line("read-archive", f"the last member, {size_text(MEMBER)}, of a zip archive of {size_text(ARCHIVE)}")
    rounds = bench.in_turns({"ours": functools.partial(last_member, bench)}, rounds=1)
    line.figures = rounds.medians()
    line.targets.append(Target(RECEIVED, rounds.median(RECEIVED, "ours"), "at most", MOST_RECEIVED))
    return line
