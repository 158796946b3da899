"""A wait that ends for each of its reasons, with the facts of that moment."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads.testing.bad_seeders import ChokingSeeder, SilentSeeder
from bittorrent_threads.testing.plain_seeder import PlainSeeder


def running(folder: Path, peer: PlainSeeder, settings: bt.Settings = LOCAL) -> bt.Client:
    """A client that knows one peer."""
    return bt.Client(SMALL.metainfo(), folder, settings=settings, peers=[peer.address])


def test_no_peers_and_what_each_source_answered(tmp_path: Path) -> None:
    with bt.Tracker("127.0.0.1") as tracker:
        dead = "http://127.0.0.1:1/announce"
        options: Any = {"settings": LOCAL, "trackers": [tracker.url, dead], "peers": [("127.0.0.1", 1)]}
        with bt.Client(SMALL.metainfo(), tmp_path, **options) as client:
            client.wait(lambda status: all(each.state in ("working", "failing") for each in status.trackers), PATIENCE)
            client.wait(lambda status: "refused" in status.dial_failure, timeout=PATIENCE)
            with pytest.raises(bt.Stalled) as caught:
                client.wait(stall_timeout=0.1)
    error = caught.value
    assert error.cause in ("no_peers", "connecting")
    assert error.explanation is not None
    assert error.explanation.connected == 0
    answers = {(source.source, source.url): source for source in error.explanation.sources}
    assert answers["tracker", tracker.url].answer == "named none"
    assert not answers["tracker", tracker.url].failed
    assert answers["tracker", dead].failed
    assert answers["user", ""].peers == 1
    assert dead in str(error)
    assert str(error) == f"'small' made no progress for 0.1 s: {error.explanation.reason}"


def test_all_choke(tmp_path: Path) -> None:
    stalls = pytest.raises(bt.Stalled, match="chokes us")
    with ChokingSeeder(SMALL) as peer, running(tmp_path, peer) as client, stalls as caught:
        client.wait(stall_timeout=2)
    explanation = caught.value.explanation
    assert explanation is not None
    assert (caught.value.cause, explanation.connected, explanation.seeds) == ("choked", 1, 1)
    assert (explanation.offering, explanation.choking, explanation.unavailable) == (1, 1, 0)


@pytest.mark.parametrize("late", [False, True])
def test_the_reason_is_that_of_the_moment_however_old_the_newest_snapshot_is(tmp_path: Path, late: bool) -> None:
    with ChokingSeeder(SMALL) as peer, bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        before = client.status()
        client.add_peer(*peer.address)
        client.wait(lambda status: "chokes us" in status.stall, timeout=PATIENCE)
        client._handle.torrent.status = before
        with pytest.raises(bt.WaitTimeout, match="chokes us") as caught:
            client.wait(timeout=0.001 if late else None, stall_timeout=None if late else 0.001)
    error = caught.value
    assert isinstance(error, bt.Stalled) != late
    assert error.explanation is not None
    assert (error.cause, error.explanation.connected, error.figures["connected"]) == ("choked", 1, 1)
    assert error.explanation.reason == error.figures["stall"]


def test_data_that_a_new_snapshot_shows_is_progress(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, down):
        before = down.status()
        down.wait("seed", timeout=PATIENCE)
        down._handle.torrent.status = before
        assert down.wait("seed", timeout=0.001).seed


def test_a_moment_without_data_is_told_though_some_came_in_the_second_before(tmp_path: Path) -> None:
    with pair(tmp_path, download_limit=5000) as (_, down):
        down.wait(lambda status: status.receiving, timeout=PATIENCE)
        with pytest.raises(bt.Stalled) as caught:
            down.wait(stall_timeout=0.001)
    error = caught.value
    assert error.explanation is not None
    assert error.cause == "limit"
    assert error.explanation.reason == error.figures["stall"]


def test_a_peer_that_lets_requests_wait(tmp_path: Path) -> None:
    settings = LOCAL.replace(request_timeout=1.0)
    with SilentSeeder(SMALL) as peer, running(tmp_path, peer, settings=settings) as client:
        client.wait(lambda status: any(each.snubbed for each in status.peers), timeout=PATIENCE)
        with pytest.raises(bt.Stalled) as caught:
            client.wait(stall_timeout=0.1)
    assert caught.value.cause == "snubbed"


def test_pieces_that_no_peer_has(tmp_path: Path) -> None:
    with pair(tmp_path, state="stopped") as (seed, down):
        with open(seed.files[0].path, "r+b") as file:
            file.write(b"damage")
        assert seed.hashcheck().failed == (0,)
        down.start()
        down.wait(lambda status: bool(status.available), timeout=PATIENCE)
        with pytest.raises(bt.Stalled, match="none has a piece that is missing") as caught:
            down.wait(stall_timeout=2.5)
        text = str(down.explain())
    explanation = caught.value.explanation
    assert explanation is not None
    assert (explanation.cause, explanation.unavailable, explanation.unavailable_pieces) == ("unavailable", 1, (0,))
    assert 0 < explanation.availability < 1
    assert "No connected peer has the missing piece 0: there are 0.92 copies." in text


def test_the_disk(tmp_path: Path) -> None:
    (tmp_path / "down").mkdir()
    (tmp_path / "down" / "small").write_text("not a folder")
    with seeder(tmp_path / "seed") as seed:
        down = bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL, peers=[("127.0.0.1", seed.port)])
        with down, pytest.raises(bt.Stalled, match="the disk failed") as caught:
            down.wait(stall_timeout=1)
    explanation = caught.value.explanation
    assert explanation is not None
    assert explanation.cause == "disk"
    assert explanation.errno != 0
    assert explanation.path.startswith(str(tmp_path / "down" / "small"))


def test_a_limit(tmp_path: Path) -> None:
    with pair(tmp_path, download_limit=300) as (_, down):
        down.wait(lambda status: any(peer.requests for peer in status.peers), timeout=PATIENCE)
        with pytest.raises(bt.Stalled, match="the download limit is 300 B/s") as caught:
            down.wait(stall_timeout=1.5)
        assert caught.value.cause == "limit"
        assert "The download limit is 300 B/s." in str(down.explain())


def test_what_the_user_did(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, state="stopped") as client:
        for verb, cause in ((client.stop, "stopped"), (client.pause, "paused")):
            verb()
            client.wait("checked", timeout=PATIENCE)
            with pytest.raises(bt.Stalled) as caught:
                client.wait(stall_timeout=0)
            assert caught.value.cause == cause
            assert str(caught.value).endswith(f"the torrent is {cause}")


def test_the_rest_is_not_wanted(tmp_path: Path) -> None:
    with pair(tmp_path, priorities=[0, 1, 1]) as (_, down):
        down.wait(timeout=PATIENCE)
        with pytest.raises(bt.WaitTimeout, match="was not seed after 0.1 s: all that is wanted is there") as caught:
            down.wait("seed", timeout=0.1)
        assert caught.value.cause == "unwanted"
        assert down.status().stall == ""


def test_a_closed_client(tmp_path: Path) -> None:
    client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL)
    client.close()
    with pytest.raises(bt.SessionClosed, match="closed before 'small' was complete: make a new Client"):
        client.wait()
    assert client.wait("metadata").closed
    assert client.explain().doing == "closed"


def test_what_is_raised_can_be_copied_and_pickled(tmp_path: Path) -> None:
    client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, state="stopped")
    with client, pytest.raises(bt.Stalled) as caught:
        client.wait(stall_timeout=0)
    for twin in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert (str(twin), twin.cause, twin.explanation) == (str(caught.value), "stopped", caught.value.explanation)
    assert bt.WaitTimeout("late").cause == ""
