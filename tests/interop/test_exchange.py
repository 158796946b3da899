"""Each real client seeds to us and downloads from us: every shape of torrent at once, in one session of ours."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Callable, Type

import pytest
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.peer import Peer
from support.peers.transmission import TransmissionPeer
from support.shapes import SHAPES

import bittorrent_threads as bt

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

TIMEOUT = 90
PREFER_ENCRYPTION = 1
"""pe_enabled of libtorrent's enc_policy."""
KINDS = pytest.mark.parametrize("kind", [LibtorrentPeer, Aria2Peer, TransmissionPeer], ids=lambda kind: kind.name)


@KINDS
def test_it_seeds_to_us(kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(kind.name)
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(bt.Session())
        clients = []
        for shape in SHAPES:
            torrent = shape.write_torrent(tmp_path)
            peer = stack.enter_context(kind(torrent, shape.write(tmp_path / "seeded"), seed=True))
            clients.append(session.add(torrent, tmp_path / "ours", peers=[peer.address]))
        for shape, client in zip(SHAPES, clients):
            client.wait(timeout=TIMEOUT)
            assert shape.differences(tmp_path / "ours") == []
            assert (client.left, client.downloaded, client.complete, client.seed) == (0, shape.size, True, True)


@KINDS
def test_it_downloads_from_us_what_we_created(
    kind: Type[Peer], tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(bt.Session())
        peers = []
        for shape in SHAPES:
            torrent = tmp_path / f"{shape.name}.torrent"
            root = shape.path(shape.write(tmp_path / "ours"), "")
            bt.create(root, piece_length=shape.piece_length).save(torrent)
            peers.append(stack.enter_context(kind(torrent, tmp_path / "theirs")))
            session.add(torrent, tmp_path / "ours", peers=[peers[-1].address])
        for shape, peer in zip(SHAPES, peers):
            peer.wait_complete(TIMEOUT)
            assert shape.differences(tmp_path / "theirs", ignore_empty=not kind.makes_empty_files) == []


def test_libtorrent_dials_us_encrypted_and_then_plain(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    """Its default: message stream encryption first, which is no handshake that we know."""
    require_peer(LibtorrentPeer.name)
    shape = SHAPES[0]
    torrent = shape.write_torrent(tmp_path)
    peer = LibtorrentPeer(torrent, tmp_path / "theirs", settings={"out_enc_policy": PREFER_ENCRYPTION})
    with bt.Client(torrent, shape.write(tmp_path / "ours")) as client, peer:
        peer.add_peer(("127.0.0.1", client.port))
        peer.wait_complete(TIMEOUT)
        assert shape.differences(tmp_path / "theirs") == []


@pytest.mark.parametrize("seed", [True, False], ids=["it seeds", "we seed"])
def test_libtorrent_and_we_dial_each_other_at_once(
    seed: bool, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    """It has a rule of its own which of the two connections ends; whichever stays is enough."""
    require_peer(LibtorrentPeer.name)
    shape = SHAPES[0]
    torrent = shape.write_torrent(tmp_path)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    shape.write(theirs if seed else ours)
    rate = shape.size // 4
    peer = LibtorrentPeer(torrent, theirs, seed=seed)
    with peer, bt.Client(torrent, ours, upload_limit=rate, download_limit=rate) as client:
        client.wait("checked", timeout=TIMEOUT)
        client.add_peer(*peer.address)
        peer.add_peer(("127.0.0.1", client.port))
        if seed:
            client.wait(timeout=TIMEOUT)
        else:
            peer.wait_complete(TIMEOUT)
        seen = []
        while not client.events.empty():
            seen.append(client.events.get())
    assert shape.differences(tmp_path / ("ours" if seed else "theirs")) == []
    assert 1 <= sum(isinstance(event, bt.events.PeerConnected) for event in seen) <= 2
