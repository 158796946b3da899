"""A seeder and a downloader of this library on loopback, in one process."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any, ContextManager, Iterator, Tuple

import bittorrent_threads as bt
from bittorrent_threads.runtime import Runtime
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent
from bittorrent_threads.testing.seeders import seeder as testing_seeder

SMALL = SampleTorrent({"a.bin": 300_001, "sub/b.bin": 120_000, "empty": 0}, piece_length=32 * KIB, name="small")
"""Two files that share a piece, an empty file and a short last piece: 13 pieces."""

PATIENCE = 30.0
"""Seconds after which a wait fails."""

LOCAL = bt.Settings(host="127.0.0.1")


def seeder(folder: Path, content: SampleTorrent = SMALL, **options: Any) -> ContextManager[bt.Client]:
    """Run a client that has all data, has checked it and listens."""
    options.setdefault("settings", LOCAL)
    return testing_seeder(content, folder=folder, **options)


@contextlib.contextmanager
def pair(tmp_path: Path, content: SampleTorrent = SMALL, **options: Any) -> Iterator[Tuple[bt.Client, bt.Client]]:
    """Run a seeder, and a downloader that knows its address; the options are the downloader's."""
    options.setdefault("settings", LOCAL)
    with seeder(tmp_path / "seed", content) as seed:
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(content.metainfo(), tmp_path / "down", peers=peers, **options) as down:
            yield seed, down


@contextlib.contextmanager
def checks_held(session: Runtime) -> Iterator[None]:
    """No hash check of a session goes on inside the block: all the workers that checks may have are busy."""
    over = threading.Event()
    for _ in range(session.settings.disk_threads):
        session._disk._pool.submit(lambda: over.wait(PATIENCE), lambda outcome: None, background=True)
    try:
        yield
    finally:
        over.set()


def let_pass(session: bt.Session, seconds: float) -> None:
    """Advance the clock of a session once, so that timers due by then run now."""
    session._loop._clock = lambda: time.monotonic() + seconds
    session._loop.call(int)
