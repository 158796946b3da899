"""The real clients among themselves: what the other tests rely on holds without us."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.opentracker import OpenTracker

from bittorrent_threads.testing.bad_seeders import CorruptSeeder
from bittorrent_threads.testing.plain_seeder import PlainSeeder
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

CONTENT = SampleTorrent({"a.bin": 500_000, "b/empty": 0, "b/c.bin": 100_001}, piece_length=64 * KIB, name="peers")
TIMEOUT = 90


def test_opentracker_brings_libtorrent_and_aria2_together(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    for kind in (LibtorrentPeer, Aria2Peer, OpenTracker):
        require_peer(kind.name)
    with OpenTracker(CONTENT.infohash) as tracker:
        torrent = CONTENT.write_torrent(tmp_path, [tracker.url])
        seeded = CONTENT.write(tmp_path / "seeded")
        with LibtorrentPeer(torrent, seeded, seed=True), Aria2Peer(torrent, tmp_path / "theirs") as aria2:
            aria2.wait_complete(TIMEOUT)
            assert CONTENT.differences(tmp_path / "theirs") == []


def test_a_plain_seeder_serves(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(LibtorrentPeer.name)
    with PlainSeeder(CONTENT) as seeder, LibtorrentPeer(CONTENT.write_torrent(tmp_path), tmp_path / "theirs") as peer:
        peer.add_peer(seeder.address)
        peer.wait_complete(TIMEOUT)
        assert CONTENT.differences(tmp_path / "theirs") == []


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "libtorrent"])
def test_libtorrent_bans_the_liars(raw: bool, tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(LibtorrentPeer.name)
    torrent = CONTENT.write_torrent(tmp_path)
    garbage = CONTENT.write_garbage(tmp_path / "garbage")
    unchecked = LibtorrentPeer(torrent, garbage, seed=True, checked=False, host="127.0.0.6")
    with (
        CorruptSeeder(CONTENT, host="127.0.0.5") if raw else unchecked as liar,
        LibtorrentPeer(torrent, tmp_path / "theirs") as peer,
    ):
        peer.add_peer(liar.address)
        peer.wait_banned(liar.host, TIMEOUT)
