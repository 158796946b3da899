"""SIGKILL of a downloading process at random moments: nothing false is claimed after it, and nothing sure is lost."""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path
from typing import Dict, Optional, Set

import pytest
from support.children import Child
from support.damage import indexes, right_pieces
from support.pairs import LOCAL, PATIENCE, seeder

import bittorrent_threads as bt
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.resume_file import ResumeFile
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

ROUNDS = 12
SYNC_INTERVAL = 0.1
SURE = 3
"""A round that is sure to prove something lasts until so many pieces must be remembered."""

KILLED = SampleTorrent(
    {"a": 5_000_001, "sub/b": 4_000_000, "empty": 0, "c": 5_000_000}, piece_length=16 * KIB, name="killed"
)

DOWNLOADER = """
    import itertools, os, sys
    import bittorrent_threads as bt

    def say(word, value):
        os.write(1, f"{word} {value}{os.linesep}".encode())  # whole lines, from any thread

    settings = bt.Settings(host="127.0.0.1", sync_interval=float(sys.argv[4]))
    peers = [("127.0.0.1", int(sys.argv[3]))]
    client = bt.Client(
        sys.argv[1], sys.argv[2], state="paused", settings=settings, peers=peers, download_limit=500_000
    )
    client.wait("checked")
    say("have", client.bitfield.hex())
    resume_store = client._handle.torrent.content.resume_store
    keep, numbers = resume_store.keep, itertools.count()

    def kept(*, done, **options):
        before, number = resume_store.resume, next(numbers)

        def stored(resume):
            if resume is not before:
                say("stored", number)
            done(resume)

        say("storing", number)
        keep(done=stored, **options)

    resume_store.keep = kept
    client.on_hash_pass = lambda index: say("piece", index)
    client.start()
    sys.stdin.read()
"""
"""Says what it claims at its start, each piece that passed, and when resume data begins to be stored and is."""


class Round:
    """One life of the downloader: what it said.

    It is killed ``delay`` seconds after its start, or with ``later`` after there is something to prove.
    """

    def __init__(self, torrent: Path, folder: Path, port: int, *, delay: float, later: bool) -> None:
        self.claimed: Optional[Set[int]] = None
        """The pieces it claimed at its start."""
        self.passed: Set[int] = set()
        self.old: Set[int] = set()
        """What had passed before resume data began to be stored that was."""
        storing: Dict[int, Set[int]] = {}
        with Child(DOWNLOADER, torrent, folder, port, SYNC_INTERVAL) as child:
            timer = threading.Timer(delay, child.kill)
            waiting = later
            if not later:
                timer.start()
            for line in child.lines():
                word, value = line.split()
                if word == "have":
                    self.claimed = set(indexes(bytes.fromhex(value)))
                elif word == "piece":
                    self.passed.add(int(value))
                elif word == "storing":
                    storing[int(value)] = set(self.passed)
                else:
                    self.old |= storing[int(value)]
                if waiting and len(self.old) >= SURE:
                    waiting = False
                    timer.start()
            timer.join()


def remembered(torrent: Path, folder: Path) -> Set[int]:
    """What the resume data on disk claims; it must be readable after every kill."""
    metainfo = bt.Metainfo.load(torrent)
    stored = ResumeFile(Folder(str(folder)), (HIDDEN_FOLDER, f"{metainfo.infohash.hex()}.resume"))
    resume, reasons = stored.load(metainfo)
    assert reasons == ()
    return set() if resume is None else set(indexes(resume.have))


@pytest.mark.timeout(240)
def test_kills(tmp_path: Path) -> None:
    moments = random.Random(f"kill {sys.version}").sample(range(150, 1200), ROUNDS)  # others with each Python
    torrent, folder = KILLED.write_torrent(tmp_path), tmp_path / "down"
    present: Set[int] = set()
    claimed: Set[int] = set()
    proved = 0
    with seeder(tmp_path / "seed", KILLED) as seed:
        for number, moment in enumerate(moments):
            # A busy machine takes a second to begin: every other round is sure to prove something.
            life = Round(torrent, folder, seed.port, delay=moment / 1000, later=bool(number % 2))
            if life.claimed is not None:
                assert life.claimed <= present, "nothing is claimed that is not on disk"
                assert claimed <= life.claimed, "what was remembered is claimed, hashed again where files changed"
            present = set(right_pieces(KILLED, folder))
            claimed = remembered(torrent, folder)
            assert life.passed <= present, "what passed is on disk"
            assert claimed <= present, "what is remembered is on disk"
            assert life.old <= claimed, "what is old enough is remembered"
            proved += len(life.old)
        assert 0 < len(present) < KILLED.piece_count
        assert proved > ROUNDS, "some pieces were old enough to prove something"
        with bt.Client(torrent, folder, settings=LOCAL, peers=[("127.0.0.1", seed.port)]) as down:
            down.wait(timeout=PATIENCE)
    assert KILLED.differences(folder) == []
