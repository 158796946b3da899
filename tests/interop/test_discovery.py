"""Magnet links without any tracker: found by peer exchange alone, and by local discovery alone."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Tuple, Union

import pytest
from support.peers.aria2 import Aria2Peer
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


def finder(kind: str, source: Union[Path, str], directory: Path, *, seed: bool) -> Union[LibtorrentPeer, Aria2Peer]:
    """Return a client that uses local discovery."""
    if kind == LibtorrentPeer.name:
        return LibtorrentPeer(source, directory, seed=seed, settings={"enable_lsd": True})
    return Aria2Peer(source, directory, seed=seed, local_discovery=True)


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


def test_we_tell_it_of_a_seeder(linked: Tuple[Path, str], tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    """It knows only us, and we send no block: we are paused."""
    require_peer(LibtorrentPeer.name)
    torrent, magnet = linked
    leecher = LibtorrentPeer(magnet, tmp_path / "theirs")
    with (
        seeder(torrent, tmp_path) as seed,
        leecher,
        bt.Client(torrent, tmp_path, state="paused", settings=HERE) as client,
    ):
        client.add_peer(*seed.address)
        client.wait(lambda status: status.connected == 1, TIMEOUT)
        leecher.add_peer(("127.0.0.1", client.port))
        leecher.wait_complete(TIMEOUT)
        assert client.uploaded == 0
    assert CONTENT.differences(tmp_path / "theirs") == []


@pytest.mark.parametrize("kind", [LibtorrentPeer.name, Aria2Peer.name])
@pytest.mark.parametrize("seed", [True, False], ids=["it seeds", "we seed"])
def test_local_discovery(
    kind: str, seed: bool, linked: Tuple[Path, str], tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    """The end that starts first hears the announce of the other."""
    require_peer(kind)
    torrent, magnet = linked
    local = HERE.replace(local_discovery=True)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    CONTENT.write(theirs if seed else ours)
    peer = finder(kind, torrent if seed else magnet, theirs, seed=seed)
    if seed:
        with peer, bt.Client(magnet, ours, settings=local) as client:
            client.wait(timeout=TIMEOUT)
    else:
        with bt.Client(torrent, ours, settings=local) as client:
            client.wait("checked", TIMEOUT)
            with peer:
                peer.wait_complete(TIMEOUT)
                client.wait(lambda status: status.uploaded >= CONTENT.size, TIMEOUT)
    assert CONTENT.differences(ours if seed else theirs) == []
