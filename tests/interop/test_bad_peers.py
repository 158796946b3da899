"""Peers that lie or keep everything to themselves, beside a good one; each on an address of its own."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Callable, Iterator, List, Union

import pytest
from support.peers.libtorrent import LibtorrentPeer

import bittorrent_threads as bt
from bittorrent_threads.testing.bad_seeders import ChokingSeeder, CorruptSeeder
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

SMALL_PIECES = SampleTorrent({"a.bin": 1_500_000, "b/c.bin": 500_001}, piece_length=16 * KIB, name="small-pieces")
LARGE_PIECES = SampleTorrent({"a.bin": 1_500_000, "b/c.bin": 500_001}, piece_length=256 * KIB, name="large-pieces")
CONTENTS = pytest.mark.parametrize("content", [SMALL_PIECES, LARGE_PIECES], ids=lambda content: content.name)
LIAR = "127.0.0.6"
SLOW = {"upload_rate_limit": 600_000}
"""Bytes a second of the good seeder, so that the other one gets its turn."""
TIMEOUT = 90


@pytest.fixture
def torrent(content: SampleTorrent, tmp_path: Path, require_peer: Callable[[str], str]) -> Path:
    require_peer("libtorrent")
    return content.write_torrent(tmp_path)


@pytest.fixture
def good(content: SampleTorrent, torrent: Path, tmp_path: Path) -> Iterator[LibtorrentPeer]:
    with LibtorrentPeer(torrent, content.write(tmp_path / "seeded"), seed=True, settings=SLOW) as peer:
        yield peer


@pytest.fixture(params=["raw", "libtorrent"])
def liar(
    request: pytest.FixtureRequest, content: SampleTorrent, torrent: Path, tmp_path: Path
) -> Iterator[Union[CorruptSeeder, LibtorrentPeer]]:
    if request.param == "raw":
        with CorruptSeeder(content, host=LIAR) as raw:
            yield raw
    else:
        garbage = content.write_garbage(tmp_path / "garbage")
        with LibtorrentPeer(torrent, garbage, seed=True, checked=False, host=LIAR) as peer:
            yield peer


def banned(client: bt.Client) -> List[str]:
    """Addresses of the peers banned so far."""
    hosts: List[str] = []
    while True:
        try:
            event = client.events.get_nowait()
        except queue.Empty:
            return hosts
        if isinstance(event, bt.events.PeerBanned):
            hosts.append(event.address[0])


@CONTENTS
def test_a_seeder_of_corrupt_blocks_beside_a_good_one(
    content: SampleTorrent,
    torrent: Path,
    good: LibtorrentPeer,
    liar: Union[CorruptSeeder, LibtorrentPeer],
    tmp_path: Path,
) -> None:
    failed: queue.Queue[int] = queue.Queue()
    peers = [liar.address, good.address]
    with bt.Client(torrent, tmp_path / "ours", state="paused", on_hash_fail=failed.put, peers=peers) as client:
        client.wait(lambda status: status.connected == 2, timeout=TIMEOUT)  # or the good one may give all alone
        client.start()
        client.wait(timeout=TIMEOUT)
        assert content.differences(tmp_path / "ours") == []
        assert failed.get(timeout=TIMEOUT) in range(content.piece_count)
        assert banned(client) == [LIAR]
        assert client.status().banned == 1


@pytest.mark.parametrize("content", [SMALL_PIECES], ids=lambda content: content.name)
def test_a_peer_that_never_unchokes_beside_a_good_one(
    content: SampleTorrent, torrent: Path, good: LibtorrentPeer, tmp_path: Path
) -> None:
    with ChokingSeeder(content, host="127.0.0.5") as choking:
        with bt.Client(torrent, tmp_path / "ours", peers=[choking.address, good.address]) as client:
            choking.wait_until(lambda: choking.interested == 1, TIMEOUT)
            client.wait(timeout=TIMEOUT)
            assert content.differences(tmp_path / "ours") == []
            assert banned(client) == []
        assert choking.requests == 0


def test_a_peer_that_never_unchokes_alone_is_a_stall(tmp_path: Path) -> None:
    with ChokingSeeder(SMALL_PIECES) as choking:
        torrent = SMALL_PIECES.write_torrent(tmp_path)
        with bt.Client(torrent, tmp_path / "ours", peers=[choking.address]) as client:
            choking.wait_until(lambda: choking.interested == 1, TIMEOUT)
            client.wait(lambda status: "chok" in status.stall, timeout=TIMEOUT)
            with pytest.raises(bt.Stalled) as raised:
                client.wait(timeout=TIMEOUT, stall_timeout=1)
    assert "chok" in raised.value.reason
