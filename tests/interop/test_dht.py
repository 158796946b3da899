"""The DHT of libtorrent on loopback addresses: each side finds the peers of the other, and files come by it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, Type, Union

import pytest
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.libtorrent_dht import LibtorrentDht
from support.peers.peer import Peer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

TIMEOUT = 60.0
KINDS = pytest.mark.parametrize("kind", [LibtorrentPeer, Aria2Peer], ids=lambda kind: kind.name)
INFOHASH = bytes(range(20))
CONTENT = SampleTorrent({"a.bin": 300_000}, piece_length=64 * KIB, name="scattered")


@pytest.fixture
def network(tmp_path: Path, require_peer: Callable[[str], str]) -> Iterator[LibtorrentDht]:
    require_peer(LibtorrentPeer.name)
    with LibtorrentDht(tmp_path) as network:
        yield network


def settings_of(network: LibtorrentDht) -> bt.Settings:
    return bt.Settings(host="127.0.0.1", dht=True, dht_routers=(network.nodes[0],))


def test_ours_and_theirs_find_what_the_other_announces(network: LibtorrentDht, tmp_path: Path) -> None:
    network.announce(INFOHASH, 7777)
    with bt.Session(settings_of(network)) as session:
        with session.dht.get_peers(INFOHASH, TIMEOUT) as peers:
            assert next(peers) == (network.nodes[-2][0], 7777)
            assert list(peers) == []
            assert peers.replies >= len(network.nodes)
        client = session.add(CONTENT.write_torrent(tmp_path), CONTENT.write(tmp_path / "ours"))
        network.wait_announced(CONTENT.infohash, client.port)
        network.find(CONTENT.infohash, client.port)


def magnet_of(torrent: Path) -> str:
    """The magnet link of a torrent, which names no tracker and no peer."""
    return str(bt.Metainfo.load(torrent).magnet())


def peer_of(
    kind: Type[Peer], network: LibtorrentDht, torrent: Union[Path, str], folder: Path, *, seed: bool = False
) -> Peer:
    """A real client that has joined the network, and knows no peer."""
    if kind is Aria2Peer:
        return Aria2Peer(torrent, folder, seed=seed, dht_node=network.nodes[0])
    return LibtorrentPeer(torrent, folder, seed=seed, settings=network.settings)


@KINDS
def test_we_download_by_the_dht_alone(
    kind: Type[Peer], network: LibtorrentDht, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    torrent, seeded = CONTENT.write_torrent(tmp_path), CONTENT.write(tmp_path / "seeded")
    with peer_of(kind, network, torrent, seeded, seed=True) as peer:
        network.wait_announced(CONTENT.infohash, peer.port)
        bt.download(magnet_of(torrent), tmp_path / "ours", settings=settings_of(network), timeout=TIMEOUT)
        assert CONTENT.differences(tmp_path / "ours") == []


@KINDS
def test_it_downloads_from_us_by_the_dht_alone(
    kind: Type[Peer], network: LibtorrentDht, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    torrent = CONTENT.write_torrent(tmp_path)
    with bt.Client(torrent, CONTENT.write(tmp_path / "ours"), settings=settings_of(network)) as client:
        network.wait_announced(CONTENT.infohash, client.port)
        with peer_of(kind, network, magnet_of(torrent), tmp_path / "theirs") as peer:
            peer.wait_complete(TIMEOUT)
        assert CONTENT.differences(tmp_path / "theirs") == []


def test_the_node_of_a_connected_peer_is_enough(network: LibtorrentDht, tmp_path: Path) -> None:
    """Without a router, by the PORT message (BEP 5): theirs is asked, and its network is joined through it."""
    network.announce(INFOHASH, 7777)
    torrent, seeded = CONTENT.write_torrent(tmp_path), CONTENT.write(tmp_path / "seeded")
    lonely = bt.Settings(host="127.0.0.1", dht=True, dht_routers=())
    with LibtorrentPeer(torrent, seeded, seed=True, settings=network.settings) as peer, bt.Session(lonely) as session:
        network.wait_announced(CONTENT.infohash, peer.port)
        session.add(torrent, tmp_path / "ours", peers=[peer.address]).wait(timeout=TIMEOUT)
        assert next(session.dht.get_peers(INFOHASH, TIMEOUT)) == (network.nodes[-2][0], 7777)
