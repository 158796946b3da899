"""opentracker: peers found through it in both directions, its refusals, and others beside it that are down."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Callable, Iterator, List, Type

import pytest
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.opentracker import OpenTracker
from support.peers.peer import Peer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

CONTENT = SampleTorrent({"a.bin": 1_000_000, "b/c.bin": 300_001}, piece_length=64 * KIB, name="tracked")
TIMEOUT = 90
KINDS = pytest.mark.parametrize("kind", [LibtorrentPeer, Aria2Peer], ids=lambda kind: kind.name)


@pytest.fixture
def tracker(require_peer: Callable[[str], str]) -> Iterator[OpenTracker]:
    require_peer(OpenTracker.name)
    with OpenTracker(CONTENT.infohash) as running:
        yield running


@KINDS
def test_we_find_a_seeder_through_opentracker(
    kind: Type[Peer], tracker: OpenTracker, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    torrent = CONTENT.write_torrent(tmp_path, [tracker.url])
    with kind(torrent, CONTENT.write(tmp_path / "seeded"), seed=True):
        tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)
        with bt.Client(torrent, tmp_path / "ours") as client:
            client.wait(timeout=TIMEOUT)
            assert CONTENT.differences(tmp_path / "ours") == []
            tracker.wait_swarm(CONTENT.infohash, seeds=2, leechers=0, timeout=TIMEOUT)
        tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)


def test_we_find_a_seeder_through_opentracker_over_udp(
    tracker: OpenTracker, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(LibtorrentPeer.name)
    torrent = CONTENT.write_torrent(tmp_path, [tracker.udp_url])
    with LibtorrentPeer(torrent, CONTENT.write(tmp_path / "seeded"), seed=True):
        tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)
        with bt.Client(torrent, tmp_path / "ours") as client:
            client.wait(timeout=TIMEOUT)
            assert CONTENT.differences(tmp_path / "ours") == []
            tracker.wait_swarm(CONTENT.infohash, seeds=2, leechers=0, timeout=TIMEOUT)
            (row,) = client.trackers
            assert (row.url, row.state, row.error) == (tracker.udp_url, "working", "")
        tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)


def test_a_scrape_over_udp(tracker: OpenTracker, tmp_path: Path) -> None:
    torrent = CONTENT.write_torrent(tmp_path, [tracker.udp_url])
    with bt.Client(torrent, CONTENT.write(tmp_path / "ours")) as client:
        tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)
        (found,) = client.scrape()
        assert (found.url, found.error) == (tracker.udp_url, "")
        assert (found.seeds, found.leechers, found.downloads) == (1, 0, 0)


def test_libtorrent_finds_us_through_opentracker_over_udp(
    tracker: OpenTracker, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(LibtorrentPeer.name)
    torrent = CONTENT.write_torrent(tmp_path, [tracker.udp_url])
    with bt.Client(torrent, CONTENT.write(tmp_path / "ours")):
        tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)
        with LibtorrentPeer(torrent, tmp_path / "theirs") as peer:
            peer.wait_complete(TIMEOUT)
            assert CONTENT.differences(tmp_path / "theirs") == []


@KINDS
def test_it_finds_us_through_opentracker(
    kind: Type[Peer], tracker: OpenTracker, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(kind.name)
    torrent = CONTENT.write_torrent(tmp_path, [tracker.url])
    with bt.Client(torrent, CONTENT.write(tmp_path / "ours")) as client:
        tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)
        with kind(torrent, tmp_path / "theirs") as peer:
            peer.wait_complete(TIMEOUT)
            assert CONTENT.differences(tmp_path / "theirs") == []
            client.wait(lambda status: status.uploaded >= CONTENT.size, timeout=TIMEOUT)


@pytest.mark.parametrize("scheme", ["http", "udp"])
def test_a_torrent_that_opentracker_refuses(scheme: str, tracker: OpenTracker, tmp_path: Path) -> None:
    url, reason = {
        "http": (tracker.url, "not authorized"),
        "udp": (tracker.udp_url, "refused without a reason"),
    }[scheme]
    other = SampleTorrent(1000, piece_length=16 * KIB, name="other")
    with bt.Client(other.write_torrent(tmp_path, [url]), tmp_path / "ours") as client:
        failure = next(event for event in client if isinstance(event, bt.events.TrackerFailed))
        assert failure.url == url
        assert reason in failure.reason


@pytest.fixture(params=["refuses", "is silent"])
def down(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a tracker that refuses connections, or takes them and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "is silent":
            listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/announce"


@pytest.mark.parametrize("together", [True, False], ids=["one tier", "two tiers"])
def test_a_tracker_that_is_down_beside_one_that_is_up(
    together: bool, down: str, tracker: OpenTracker, tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer(LibtorrentPeer.name)
    tiers: List[List[str]] = [[down, tracker.url]] if together else [[down], [tracker.url]]
    seeded = CONTENT.write(tmp_path / "seeded")
    with LibtorrentPeer(CONTENT.write_torrent(tmp_path, [tracker.url]), seeded, seed=True):
        tracker.wait_swarm(CONTENT.infohash, seeds=1, leechers=0, timeout=TIMEOUT)
        torrent = CONTENT.write_torrent(tmp_path, *tiers)
        with bt.Client(torrent, tmp_path / "ours", settings=bt.Settings(announce_timeout=4.0)) as client:
            client.wait(timeout=TIMEOUT)
            assert CONTENT.differences(tmp_path / "ours") == []
            status = client.wait(lambda status: any(row.working for row in status.trackers), timeout=TIMEOUT)
            assert [row.url for row in status.trackers if row.working] == [tracker.url]
