"""What other clients stored under names that are not valid on every system is found, and they find ours."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Type

import pytest
from support.pairs import LOCAL, seeder
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.peer import Peer
from support.peers.transmission import TransmissionPeer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

TIMEOUT = 60
ALBUM = SampleTorrent(
    {"01 - What now?.mp3": 70_000, "CON": 5, "ReadMe.txt": 30, "end.": 17_000, "readme.txt": 50, "音乐*.mp3": 20_000},
    piece_length=16384,
    name="Album: best of",
)


@pytest.mark.parametrize("kind", [LibtorrentPeer, Aria2Peer, TransmissionPeer], ids=lambda kind: kind.name)
def test_we_find_what_it_stored(kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(kind.name)
    torrent = ALBUM.write_torrent(tmp_path)
    with seeder(tmp_path / "ours", ALBUM) as seed, kind(torrent, tmp_path / "theirs") as peer:
        seed.add_peer(*peer.address)
        peer.wait_complete(TIMEOUT)
    with bt.Client(torrent, tmp_path / "theirs", state="stopped", settings=LOCAL) as client:
        assert client.hashcheck().failed == ()


@pytest.mark.parametrize("kind", [LibtorrentPeer, Aria2Peer], ids=lambda kind: kind.name)
def test_it_finds_what_we_stored(kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    # Transmission renames on every system, and libtorrent what differs only in case: so no such names here.
    require_peer(kind.name)
    album = SampleTorrent(
        {"01 - What now?.mp3": 70_000, "CON": 5, "end.": 17_000}, piece_length=16384, name="Album: best of"
    )
    torrent = album.write_torrent(tmp_path)
    settings = LOCAL.replace(names="native")
    with seeder(tmp_path / "seed", album) as seed:
        peers = [("127.0.0.1", seed.port)]
        bt.download(torrent, tmp_path / "ours", timeout=TIMEOUT, settings=settings, peers=peers)
    with kind(torrent, tmp_path / "ours", seed=True) as peer:
        result = bt.download(torrent, tmp_path / "copy", timeout=TIMEOUT, settings=LOCAL, peers=[peer.address])
        assert result.size == album.size
