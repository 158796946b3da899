"""Stopping, starting and pausing in the middle of a transfer with libtorrent."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator

import pytest
from support.peers.libtorrent import LibtorrentPeer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

CONTENT = SampleTorrent({"a.bin": 2_000_000, "b/c.bin": 1_000_001}, piece_length=32 * KIB, name="states")
SLOW = {"upload_rate_limit": 600_000}
"""Bytes a second: the transfer takes long enough to be interrupted, which the tests check."""
TIMEOUT = 90


@pytest.fixture
def torrent(tmp_path: Path, require_peer: Callable[[str], str]) -> Path:
    require_peer("libtorrent")
    return CONTENT.write_torrent(tmp_path)


@pytest.fixture
def seeder(torrent: Path, tmp_path: Path) -> Iterator[LibtorrentPeer]:
    with LibtorrentPeer(torrent, CONTENT.write(tmp_path / "seeded"), seed=True, settings=SLOW) as peer:
        yield peer


def wait_for_pieces(client: bt.Client, count: int) -> None:
    """Return when so many pieces have come since the last time."""
    while count:
        event = client.events.get(timeout=TIMEOUT)
        count -= isinstance(event, bt.events.PiecePassed)


def test_a_download_stopped_and_started_again(torrent: Path, seeder: LibtorrentPeer, tmp_path: Path) -> None:
    with bt.Client(torrent, tmp_path / "ours", peers=[seeder.address]) as client:
        wait_for_pieces(client, 10)
        client.stop()
        seeder.wait_peers(0, TIMEOUT)
        stopped_at = client.left
        assert 0 < stopped_at < CONTENT.size
        assert client.state == "stopped"
        client.start()
        client.wait(timeout=TIMEOUT)
        assert CONTENT.differences(tmp_path / "ours") == []
        # Nothing that was there has come again; what was on the way when it stopped may have.
        assert client.downloaded - client.status().wasted == CONTENT.size


@pytest.mark.parametrize("remembered", [True, False], ids=["piece cache", "hash check"])
def test_a_download_taken_up_by_another_client(
    torrent: Path, seeder: LibtorrentPeer, tmp_path: Path, remembered: bool
) -> None:
    with bt.Client(torrent, tmp_path / "ours", peers=[seeder.address]) as client:
        wait_for_pieces(client, 10)
        client.stop()
        saved, left = client.piece_cache, client.left
    assert 0 < left < CONTENT.size
    cache = saved if remembered else None
    with bt.Client(torrent, tmp_path / "ours", piece_cache=cache, peers=[seeder.address]) as client:
        client.wait(timeout=TIMEOUT)
        assert CONTENT.differences(tmp_path / "ours") == []
        # Blocks of pieces that were not whole survive a clean stop, so that less may come than pieces are missing.
        assert 0 < client.downloaded - client.status().wasted <= left


def test_a_download_paused_and_resumed(torrent: Path, seeder: LibtorrentPeer, tmp_path: Path) -> None:
    with bt.Client(torrent, tmp_path / "ours", peers=[seeder.address]) as client:
        wait_for_pieces(client, 10)
        client.pause()
        payload = seeder.payload(ticks=10)
        while len(set(payload[-10:])) > 1:  # what was on the way comes yet
            payload += seeder.payload(ticks=1)
        assert client.state == "paused"
        assert 0 < client.left < CONTENT.size, "blocks went on coming"
        seeder.wait_peers(1, TIMEOUT)
        client.start()
        client.wait(timeout=TIMEOUT)
        assert CONTENT.differences(tmp_path / "ours") == []


def test_a_paused_seeder_serves_when_it_is_resumed(torrent: Path, tmp_path: Path) -> None:
    CONTENT.write(tmp_path / "ours")
    theirs = LibtorrentPeer(torrent, tmp_path / "theirs")
    with bt.Client(torrent, tmp_path / "ours", state="paused") as client, theirs as peer:
        peer.add_peer(("127.0.0.1", client.port))
        peer.wait_peers(1, TIMEOUT)
        assert peer.payload(ticks=10) == [0] * 10
        client.start()
        peer.wait_complete(TIMEOUT)
        assert CONTENT.differences(tmp_path / "theirs") == []
        client.wait(lambda status: status.uploaded >= CONTENT.size, timeout=TIMEOUT)
