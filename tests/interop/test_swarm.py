"""All real clients and ours in one swarm at once."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Callable, List

import pytest
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.opentracker import OpenTracker
from support.peers.peer import Peer
from support.peers.transmission import TransmissionPeer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

CONTENT = SampleTorrent(
    {"a.bin": 1_500_000, "b/empty": 0, "b/c.bin": 64 * KIB, "d.bin": 1_000_001}, piece_length=64 * KIB, name="swarm"
)
TIMEOUT = 90


def test_all_of_them_get_it_through_us(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    """Only our client knows the seeder, so the others receive data from it while it downloads."""
    for kind in (LibtorrentPeer, Aria2Peer, TransmissionPeer, OpenTracker):
        require_peer(kind.name)
    with contextlib.ExitStack() as stack:
        tracker = stack.enter_context(OpenTracker(CONTENT.infohash))
        unlisted = CONTENT.write_torrent(tmp_path)
        seeded = CONTENT.write(tmp_path / "seeded")
        seeder = stack.enter_context(LibtorrentPeer(unlisted, seeded, seed=True, host="127.0.0.5"))
        torrent = CONTENT.write_torrent(tmp_path, [tracker.url])
        # Transmission starts first: it connects to no peer here, so later peers must learn its address.
        others: List[Peer] = [
            stack.enter_context(kind(torrent, tmp_path / kind.name))
            for kind in (TransmissionPeer, Aria2Peer, LibtorrentPeer)
        ]
        client = stack.enter_context(bt.Client(torrent, tmp_path / "ours", peers=[seeder.address]))
        client.wait(timeout=TIMEOUT)
        assert CONTENT.differences(tmp_path / "ours") == []
        for other in others:
            other.wait_complete(TIMEOUT)
            assert CONTENT.differences(other.directory, ignore_empty=not other.makes_empty_files) == []
        assert client.downloaded >= CONTENT.size
        client.wait(lambda status: status.uploaded >= CONTENT.size, timeout=TIMEOUT)
