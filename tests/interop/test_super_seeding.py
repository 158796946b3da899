"""We super-seed (BEP 16) to real clients, which exchange among each other what each of them was offered."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Callable, List, Type

import pytest
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.opentracker import OpenTracker
from support.peers.peer import Peer
from support.peers.transmission import TransmissionPeer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

CONTENT = SampleTorrent({"a.bin": 6_000_000, "b/c.bin": 2_000_001}, piece_length=64 * KIB, name="super")
LITTLE = SampleTorrent({"a.bin": 2_000_001}, piece_length=64 * KIB, name="little")
TIMEOUT = 100
RATE = 600_000
"""Bytes a second of our line: slow for what the others can exchange."""


@pytest.mark.parametrize("kind", [LibtorrentPeer, Aria2Peer, TransmissionPeer], ids=lambda kind: kind.name)
def test_one_that_is_alone_gets_everything(
    kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    torrent = LITTLE.write_torrent(tmp_path)
    ours = LITTLE.write(tmp_path / "ours")
    with kind(torrent, tmp_path / "theirs") as peer, bt.Client(torrent, ours, super_seeding=True) as client:
        client.add_peer(*peer.address)
        peer.wait_complete(TIMEOUT)
        assert client.uploaded <= 1.1 * LITTLE.size
    assert LITTLE.differences(tmp_path / "theirs", ignore_empty=not kind.makes_empty_files) == []


def test_several_get_everything_from_little_more_than_one_upload(
    tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    kinds: List[Type[Peer]] = [LibtorrentPeer, Aria2Peer, TransmissionPeer]
    for name in (*[kind.name for kind in kinds], OpenTracker.name):
        require_peer(name)
    with contextlib.ExitStack() as stack:
        tracker = stack.enter_context(OpenTracker(CONTENT.infohash))
        torrent = CONTENT.write_torrent(tmp_path, [tracker.url])
        peers: List[Peer] = [
            stack.enter_context(kind(torrent, tmp_path / f"{kind.name}{number}", host=f"127.0.1.{number}{place}"))
            for place, kind in enumerate(kinds)
            for number in (1, 2)
        ]
        ours = CONTENT.write(tmp_path / "ours")
        client = stack.enter_context(bt.Client(torrent, ours, super_seeding=True, upload_limit=RATE))
        for peer in peers:
            client.add_peer(*peer.address)
        client.wait(lambda status: status.connected >= 2 and status.super_seeding, timeout=TIMEOUT)
        client.wait(lambda status: status.availability >= 2.0 or not status.super_seeding, timeout=TIMEOUT)
        spent = client.uploaded / CONTENT.size
        for peer in peers:
            peer.wait_complete(TIMEOUT)
            assert CONTENT.differences(peer.directory, ignore_empty=not peer.makes_empty_files) == []
        print(
            f"{spent:.2f} of the data when every piece was at a peer, {client.uploaded / CONTENT.size:.2f} at the end"
        )
        assert spent <= 1.4
        assert not client.super_seeding, "others are seeds now"
