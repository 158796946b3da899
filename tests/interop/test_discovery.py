"""A magnet link without any tracker: libtorrent tells of a seeder by peer exchange (see also ``test_found``)."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Tuple

import pytest
from support.peers.libtorrent import LibtorrentPeer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

CONTENT = SampleTorrent({"a.bin": 700_000, "b.bin": 300_001}, piece_length=64 * KIB, name="discovered")
TIMEOUT = 60
HERE = bt.Settings(host="127.0.0.1")


@pytest.fixture
def linked(tmp_path: Path) -> Tuple[Path, str]:
    """Return the torrent, and its magnet link, which names no tracker and no peer."""
    torrent = CONTENT.write_torrent(tmp_path)
    return torrent, str(bt.Metainfo.load(torrent).magnet())


def seeder(torrent: Path, tmp_path: Path) -> LibtorrentPeer:
    return LibtorrentPeer(torrent, CONTENT.write(tmp_path / "seeded"), seed=True, host="127.0.0.5")


def test_it_tells_us_of_a_seeder(linked: Tuple[Path, str], tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    """We know only a libtorrent that receives next to nothing."""
    require_peer(LibtorrentPeer.name)
    torrent, magnet = linked
    middle = LibtorrentPeer(torrent, tmp_path / "middle", settings={"download_rate_limit": 1000})
    with seeder(torrent, tmp_path) as seed, middle:
        middle.add_peer(seed.address)
        middle.wait_peers(1, TIMEOUT)
        with bt.Client(magnet, tmp_path / "ours", peers=[middle.address], settings=HERE) as client:
            client.download_limit = CONTENT.size // 3
            client.wait(lambda status: any(peer.source == "pex" and peer.downloaded for peer in status.peers), TIMEOUT)
            assert {peer.address: peer.source for peer in client.peers}[seed.address] == "pex"
            client.download_limit = 0
            client.wait(timeout=TIMEOUT)
    assert CONTENT.differences(tmp_path / "ours") == []
