"""Magnet links and metadata between us and every real client: theirs read by us, metadata fetched and served."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable, Dict, Type

import pytest
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.opentracker import OpenTracker
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


def link_of_libtorrent(torrent: Path) -> str:
    import libtorrent as lt

    found: str = lt.make_magnet_uri(lt.torrent_info(str(torrent)))
    return found


def link_of_aria2(torrent: Path) -> str:
    command = ["aria2c", "--no-conf=true", "-S", str(torrent)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout
    (found,) = re.findall(r"^Magnet URI: (\S+)", shown, re.MULTILINE)
    return str(found)


def link_of_transmission(torrent: Path) -> str:
    command = ["transmission-show", "--magnet", str(torrent)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout.strip()


LINKS: Dict[str, Callable[[Path], str]] = {
    LibtorrentPeer.name: link_of_libtorrent,
    Aria2Peer.name: link_of_aria2,
    TransmissionPeer.name: link_of_transmission,
}


@KINDS
def test_links_of_all_clients_download_from_it(
    kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    # Transmission lets the next connection of one host wait for most of a minute.
    links = {kind.name: LINKS[kind.name]} if kind is TransmissionPeer else LINKS
    for name in links:
        require_peer(name)
    torrent = CONTENT.write_torrent(tmp_path, ["http://127.0.0.1:1/announce"])
    with kind(torrent, CONTENT.write(tmp_path / "seeded"), seed=True) as peer:
        for name, link in links.items():
            uri = link(torrent)
            magnet = bt.Magnet.parse(uri)
            assert (magnet.infohash, magnet.name) == (CONTENT.infohash, "linked")
            assert magnet.trackers == ("http://127.0.0.1:1/announce",)
            bt.download(f"{uri}&x.pe={peer.host}:{peer.port}", tmp_path / name, timeout=TIMEOUT)
            assert CONTENT.differences(tmp_path / name) == []


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


@pytest.mark.parametrize("kind", [LibtorrentPeer, Aria2Peer], ids=lambda kind: kind.name)
def test_peers_of_a_tracker_are_enough(kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(kind.name)
    require_peer(OpenTracker.name)
    with OpenTracker(CONTENT.infohash) as tracker:
        torrent = CONTENT.write_torrent(tmp_path, [tracker.url])
        magnet = bt.Metainfo.load(torrent).magnet()
        with kind(torrent, CONTENT.write(tmp_path / "seeded"), seed=True):
            tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)
            bt.download(magnet, tmp_path / "ours", timeout=TIMEOUT)
    assert CONTENT.differences(tmp_path / "ours") == []


@pytest.mark.parametrize(("kind", "scheme"), [(LibtorrentPeer, "http"), (LibtorrentPeer, "udp"), (Aria2Peer, "http")])
def test_it_finds_us_by_the_tracker_of_our_link(
    kind: Type[Peer], scheme: str, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    with bt.Tracker() as tracker:
        torrent = CONTENT.write_torrent(tmp_path, [tracker.udp_url if scheme == "udp" else tracker.url])
        with bt.Client(torrent, CONTENT.write(tmp_path / "ours"), settings=bt.Settings(host="127.0.0.1")) as client:
            client.wait(lambda status: any(row.working for row in status.trackers), TIMEOUT)
            with kind(str(bt.Metainfo.load(torrent).magnet()), tmp_path / "theirs") as peer:
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
