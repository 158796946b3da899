"""Magnet links: we read those of every real client, and libtorrent uses the tracker and the peer that ours name.

Downloads by a link, in both directions, are in ``test_found``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from support.links import LINKS
from support.peers.libtorrent import LibtorrentPeer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

TIMEOUT = 90
CONTENT = SampleTorrent({"a.bin": 300_000}, piece_length=64 * KIB, name="linked")


@pytest.mark.parametrize("maker", LINKS)
def test_the_link_of_each_client_is_read(maker: str, tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(maker)
    magnet = bt.Magnet.parse(LINKS[maker](CONTENT.write_torrent(tmp_path, ["http://127.0.0.1:1/announce"])))
    assert (magnet.infohash, magnet.name) == (CONTENT.infohash, "linked")
    assert magnet.trackers == ("http://127.0.0.1:1/announce",)


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
