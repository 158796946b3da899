"""The DHT of libtorrent on loopback addresses: each side finds the peers of the other."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator

import pytest
from support.peers.libtorrent import LibtorrentPeer
from support.peers.libtorrent_dht import LibtorrentDht

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

TIMEOUT = 60.0
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


def test_the_node_of_a_connected_peer_is_enough(network: LibtorrentDht, tmp_path: Path) -> None:
    """Without a router, by the PORT message (BEP 5): theirs is asked, and its network is joined through it."""
    network.announce(INFOHASH, 7777)
    torrent, seeded = CONTENT.write_torrent(tmp_path), CONTENT.write(tmp_path / "seeded")
    lonely = bt.Settings(host="127.0.0.1", dht=True, dht_routers=())
    with LibtorrentPeer(torrent, seeded, seed=True, settings=network.settings) as peer, bt.Session(lonely) as session:
        network.wait_announced(CONTENT.infohash, peer.port)
        session.add(torrent, tmp_path / "ours", peers=[peer.address]).wait(timeout=TIMEOUT)
        assert next(session.dht.get_peers(INFOHASH, TIMEOUT)) == (network.nodes[-2][0], 7777)
