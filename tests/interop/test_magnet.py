"""Magnet links and metadata between us and every real client: theirs read by us, metadata fetched and served."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Type

import pytest
from support.links import LINKS
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.peer import Peer
from support.peers.transmission import TransmissionPeer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

TIMEOUT = 90
CONTENT = SampleTorrent(
    {f"a file with a long name, number {number:03}": 700 for number in range(400)}, piece_length=16 * KIB, name="linked"
)
"""Its metadata has two pieces."""
KINDS = pytest.mark.parametrize("kind", [LibtorrentPeer, Aria2Peer, TransmissionPeer], ids=lambda kind: kind.name)


@pytest.mark.parametrize("maker", LINKS)
def test_the_link_of_each_client_is_read(maker: str, tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(maker)
    magnet = bt.Magnet.parse(LINKS[maker](CONTENT.write_torrent(tmp_path, ["http://127.0.0.1:1/announce"])))
    assert (magnet.infohash, magnet.name) == (CONTENT.infohash, "linked")
    assert magnet.trackers == ("http://127.0.0.1:1/announce",)


@KINDS
def test_metadata_of_two_pieces_comes_from_the_peer_in_the_link(
    kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    torrent = CONTENT.write_torrent(tmp_path)
    with kind(torrent, CONTENT.write(tmp_path / "seeded"), seed=True) as peer:
        magnet = bt.Metainfo.load(torrent).magnet(peers=[peer.address])
        with bt.Client(magnet, tmp_path / "ours") as client:
            client.wait("metadata", timeout=TIMEOUT)
            assert client.metainfo == bt.Metainfo.load(torrent)


@KINDS
def test_it_downloads_from_us_by_a_link_of_ours(
    kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    torrent = CONTENT.write_torrent(tmp_path)
    magnet = bt.Metainfo.load(torrent).magnet()
    with bt.Client(torrent, CONTENT.write(tmp_path / "ours")) as client, kind(str(magnet), tmp_path / "theirs") as peer:
        client.add_peer(*peer.address)
        peer.wait_complete(TIMEOUT)
    assert CONTENT.differences(tmp_path / "theirs") == []


def test_libtorrent_finds_us_by_the_udp_tracker_of_our_link(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(LibtorrentPeer.name)
    with bt.Tracker() as tracker:
        torrent = CONTENT.write_torrent(tmp_path, [tracker.udp_url])
        with bt.Client(torrent, CONTENT.write(tmp_path / "ours"), settings=bt.Settings(host="127.0.0.1")) as client:
            client.wait(lambda status: any(row.working for row in status.trackers), TIMEOUT)
            with LibtorrentPeer(str(bt.Metainfo.load(torrent).magnet()), tmp_path / "theirs") as peer:
                peer.wait_complete(TIMEOUT)
    assert CONTENT.differences(tmp_path / "theirs") == []


def test_libtorrent_finds_us_in_the_link(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(LibtorrentPeer.name)
    metainfo = bt.Metainfo.parse(CONTENT.metainfo())
    with bt.Client(metainfo, CONTENT.write(tmp_path / "ours")) as client:
        client.wait("seed", timeout=TIMEOUT)
        magnet = metainfo.magnet(peers=[("127.0.0.1", client.port)])
        with LibtorrentPeer(str(magnet), tmp_path / "theirs") as peer:
            peer.wait_complete(TIMEOUT)
    assert CONTENT.differences(tmp_path / "theirs") == []
