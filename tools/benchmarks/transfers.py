"""One transfer from a seeder to a downloader, run and measured."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence

import bittorrent_threads as bt

from .bench import Bench
from .child import Child, ChildFailed, Usage, python
from .data import MIB, PAYLOAD
from .node import Address
from .peers import KINDS, NodePeer, Peer
from .temperature import Temperature

GIB = 1024 * MIB
MEGA = 1_000_000
LOOK = 0.002
"""Seconds between two looks for the first byte in a file."""
RATE = "MB/s"
DOWN_CPU = "down CPU s/GiB"
SEED_CPU = "seed CPU s/GiB"
KEPT = "loop kept %"
ANNOUNCED = 20.0
"""Seconds that aria2 is given to announce itself; it asks every second."""


@dataclasses.dataclass(frozen=True)
class Transfer:
    """Who sends what to whom, and over which link."""

    seeder: str
    downloader: str
    size: int
    piece_length: int = MIB
    seeders: int = 1
    downloaders: int = 1
    delay: float = 0.0
    temperature: Temperature = Temperature.WARM
    watched: str = "down"
    """The end whose processor time is told in parts: ``down`` or ``seed``."""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Of the downloader's child."""

    def run(self, bench: Bench) -> Dict[str, float]:
        """Rate, processor time and memory of both ends."""
        directory = bench.fresh()
        try:
            with contextlib.ExitStack() as stack:
                return self._run(bench, stack, directory)
        finally:
            bench.remove(directory)

    def _run(self, bench: Bench, stack: contextlib.ExitStack, directory: Path) -> Dict[str, float]:
        tracked = self.seeder == self.downloader == "aria2"
        tracker = stack.enter_context(bt.Tracker(interval=1, min_interval=1)) if tracked else None
        torrent = bench.data.torrent(self.size, self.piece_length, tracker.url if tracker else "")
        source = bench.data.file(self.size).parent
        seeder = stack.enter_context(self._peer(self.seeder, bench, torrent, source, seed=True))
        if tracker is not None:
            _wait_announced(tracker, bt.Metainfo.load(torrent).infohash)
        targets = seeder.addresses
        if self.delay:
            relay = stack.enter_context(Child(python("relay", host="127.0.0.7", target=targets[0], delay=self.delay)))
            targets = [(host, port) for host, port in relay.answer()["addresses"]]
        ready = time.perf_counter()
        bench.data.warm(self.size)
        if tracker is not None:  # such a downloader begins when it is started
            self.temperature.prepare(bench.folder, self.size * self.downloaders)
        began = time.perf_counter()
        downloader = stack.enter_context(self._peer(self.downloader, bench, torrent, directory, seed=False))
        seeder.child.mark()
        if tracker is None:
            self.temperature.prepare(bench.folder, self.size * self.downloaders)
            seeder.child.mark()
            downloader.child.mark()
            time.sleep((ready + bench.phase - time.perf_counter()) % 1.0)
            began = time.perf_counter()
            _go(seeder, downloader, targets)
        with FirstWrite(directory) as first:
            said = downloader.wait_complete()
            ended = time.perf_counter()
            downloader.child.lap()
            seeder.child.lap()
        payload = self.size * self.downloaders
        begun = min(first.time, ended)  # a short transfer may be over before the watch has looked once
        figures = {
            RATE: payload / max(ended - begun, LOOK) / MEGA,
            "start s": begun - began,
            "whole s": ended - began,
        }
        if "kept" in said:
            figures[KEPT] = 100 * said["kept"]
        usage = downloader.finish()
        figures["close s"] = time.perf_counter() - ended
        figures.update(self._usage("down", bench, self.downloader, usage))
        figures.update(self._usage("seed", bench, self.seeder, seeder.finish()))
        return figures

    def _peer(self, kind: str, bench: Bench, torrent: Path, directory: Path, *, seed: bool) -> Peer:
        options = {} if seed else dict(self.options)
        count = self.seeders if seed else self.downloaders
        if kind == "ours":
            options.update(bench.profile("seeding" if seed else "downloading"))
        elif count > 1:
            options["count"] = count
        return KINDS[kind](torrent, directory, seed=seed, **options)

    def _usage(self, role: str, bench: Bench, kind: str, usage: Usage) -> Dict[str, float]:
        peak = usage.peak - (bench.interpreter if issubclass(KINDS[kind], NodePeer) else 0)
        payload = self.size * self.downloaders
        found = {f"{role} CPU s/GiB": usage.cpu * GIB / payload}
        if role == self.watched:
            found[f"{role} user"] = usage.whole.user * GIB / payload
            found[f"{role} system"] = usage.whole.system * GIB / payload
            found[f"{role} unsynced"] = usage.until_lap.whole * GIB / payload
        return {**found, f"{role} peak MiB": peak / MIB}


class FirstWrite:
    """Watches a folder for the first byte of payload in a file, for as long as the ``with`` block."""

    def __init__(self, directory: Path) -> None:
        self.time = 0.0
        """When it was seen; about the end of the block if none was."""
        self._directory = directory
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="first write", daemon=True)

    def __enter__(self) -> FirstWrite:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._written():
            if self._ended.wait(LOOK):
                break
        self.time = time.perf_counter()

    def _written(self) -> bool:
        # Blocks, not bytes: a client may give a file its size before it has anything to write.  aria2 keeps its notes
        # beside the payload from the first moment, and may answer the handshake a second later.
        with contextlib.suppress(FileNotFoundError):
            found = [path for path in self._directory.rglob(f"{PAYLOAD}*") if path.suffix != ".aria2"]
            return any(path.stat().st_blocks for path in found)
        return False


def _go(seeder: Peer, downloader: Peer, targets: Sequence[Address]) -> None:
    if isinstance(downloader, NodePeer):
        downloader.dial(targets)
    elif isinstance(seeder, NodePeer):
        seeder.dial(downloader.addresses, seed=True)
    else:
        raise ChildFailed(f"neither {seeder.command()[0]} nor {downloader.command()[0]} can dial")


def _wait_announced(tracker: bt.Tracker, infohash: bytes) -> None:
    deadline = time.monotonic() + ANNOUNCED
    while not tracker.swarm(infohash):
        if time.monotonic() > deadline:
            raise ChildFailed(f"the seeder did not announce itself within {ANNOUNCED:.0f} s")
        time.sleep(0.01)
