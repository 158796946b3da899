"""The status, and for each cause the sentence that says why nothing moves."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from support.bench import BLOCK, COUNT, PIECE_LENGTH, PORT, SIZE, TRACKER, Bench, packed, torrent_of

from bittorrent_threads.engine.checks import Check
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import CHOKE, INTERESTED, REQUEST, UNCHOKE, message
from bittorrent_threads.testing.simulation import tracker
from bittorrent_threads.testing.simulation.tracker import SimTracker


def stall(bench: Bench, seconds: float = 1.5) -> str:
    """The sentence, a moment later."""
    bench.run(seconds)
    return bench.status.stall


@pytest.mark.parametrize("state", ["stopped", "paused"])
def test_the_state(state: str) -> None:
    assert stall(Bench(state=state)) == f"the torrent is {state}"


def test_a_closed_client() -> None:
    bench = Bench()
    bench.act(bench.torrent.close)
    assert stall(bench) == "the client was closed"
    assert bench.status.closed


@pytest.mark.parametrize("state", ["stopped", "paused", "active"])
def test_nothing_is_missing(state: str) -> None:
    bench = Bench(have=range(COUNT))
    bench.set_state(state)
    assert stall(bench) == ""


def test_the_disk() -> None:
    bench = Bench()
    seed = bench.seed()
    bench.disk.write_errno = errno.ENOSPC
    seed.serve()
    assert stall(bench) == "the disk failed: downloads/simulated: No space left on device"


@pytest.mark.parametrize(("count", "words"), [(1, "1 piece"), (5, "5 pieces")])
def test_a_hash_check(count: int, words: str) -> None:
    bench = Bench()
    bench.disk.seek_time = 5.0
    bench.act(bench.payload.checks.add, Check(range(COUNT), lambda check: None))
    bench.act(bench.payload.checks.add, Check(range(count), lambda check: None))
    assert stall(bench) == f"a hash check is under way, {words} to go"


def test_a_survey() -> None:
    bench = Bench(state="stopped")
    bench.disk.seek_time = 5.0
    bench.set_state("active")
    assert stall(bench) == "it is being looked up what is on the disk"


def test_nobody_is_known_and_no_tracker() -> None:
    assert stall(Bench()) == "no peer is known, and the torrent names no tracker"


def test_nobody_is_known_and_every_tracker_failed() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bench.tracker.mood = tracker.DOWN
    bench.set_state("active")
    assert stall(bench) == f"no peer is known, and every tracker failed ({TRACKER}: connection refused)"


def test_while_files_are_made_the_tracker_is_told_of() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bench.tracker.mood = tracker.DOWN
    bench.disk.seek_time = 5.0
    bench.set_state("active")
    bench.until(lambda: bench.torrent.lifecycle.live and bool(bench.status.trackers[0].error))
    assert bench.payload.preparation.under_way
    assert bench.payload.downloads.suspended
    assert bench.status.stall == f"no peer is known, and every tracker failed ({TRACKER}: connection refused)"


def test_nobody_is_known_and_the_trackers_know_nobody() -> None:
    assert stall(Bench(torrent_of(TRACKER))) == f"no peer is known ({TRACKER}: named none)"


def test_what_is_said_of_each_tracker_is_true() -> None:
    urls = [f"http://{name}.sim/announce" for name in ("empty", "down", "slow")]
    bench = Bench(torrent_of(*urls), state="stopped")
    for url, mood in zip(urls, (tracker.UP, tracker.DOWN, tracker.SLOW)):
        there = bench.web.trackers[url[7:].partition("/")[0]] = SimTracker(bench.world)
        there.mood = mood
    bench.set_state("active")
    bench.run(1)
    assert stall(bench) == (
        "no peer is known (http://down.sim/announce: connection refused, http://empty.sim/announce: named none, "
        "http://slow.sim/announce: being asked)"
    )
    assert [row.state for row in bench.status.trackers] == ["working", "failing", "announcing"]


def test_a_tracker_that_was_not_asked_did_not_fail_to_answer() -> None:
    bench = Bench(torrent_of((TRACKER, f"{TRACKER}/2")), state="stopped")
    bench.tracker.mood = tracker.SLOW
    bench.set_state("active")
    bench.run(1)
    assert stall(bench) == f"no peer is known ({TRACKER}/2: being asked, {TRACKER}: not asked yet)"


def test_of_many_trackers_the_reason_has_a_few_and_how_many_failed() -> None:
    bench = Bench(torrent_of(*[f"http://{name}.sim/announce" for name in "abcdefg"]), state="stopped")
    bench.web.trackers["a.sim"] = SimTracker(bench.world)
    bench.set_state("active")
    reason = stall(bench)
    assert reason.endswith(", and 2 trackers more, of all 6 failed)")
    assert reason.count("name or service not known") == 5


def test_connections_are_being_made() -> None:
    bench = Bench()
    bench.act(bench.torrent.add_peer, "10.99.0.1", 1)
    assert stall(bench) == "1 connection being made, none made yet"
    bench.act(bench.torrent.add_peer, "10.99.0.1", 2)
    assert stall(bench) == "2 connections being made, none made yet"


def test_known_peers_do_not_answer() -> None:
    bench = Bench()
    bench.act(bench.torrent.add_peer, bench.host().name, 1)
    assert stall(bench) == "1 known peer (1 user), none connected (last: connection refused)"


def test_beside_known_peers_the_answers_of_the_trackers_are_told() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bench.tracker.mood = tracker.DOWN
    bench.set_state("active")
    bench.act(bench.torrent.add_peer, bench.host().name, 1)
    assert stall(bench) == (
        "1 known peer (1 user), none connected (last: connection refused); "
        f"every tracker failed ({TRACKER}: connection refused)"
    )


def test_peers_have_nothing() -> None:
    bench = Bench()
    bench.guest([])
    assert stall(bench) == "1 connected peer, and none has a piece that is missing"
    bench.guest([])
    assert stall(bench) == "2 connected peers, and none has a piece that is missing"


def test_peers_choke_us() -> None:
    bench = Bench()
    bench.guest([])
    bench.guest(range(COUNT))
    assert stall(bench) == "2 connected peers, and every one that has what is missing chokes us"


def test_peers_let_us_wait() -> None:
    bench = Bench(settings=Settings(request_timeout=10.0))
    bench.seed()
    assert stall(bench) == "1 connected peer, requests are out and nothing has come yet"
    assert stall(bench, 15) == "1 connected peer, and 1 peer let our requests wait"


def test_data_moves() -> None:
    bench = Bench()
    seed = bench.seed()
    seed.give(seed.requests()[0])
    bench.run(0.8)
    assert bench.status.stall == ""
    assert bench.status.download_rate > 0
    seed.say(message(CHOKE))
    assert stall(bench) == "1 connected peer, and every one that has what is missing chokes us"


def test_what_never_changes() -> None:
    bench = Bench()
    status = bench.status
    metainfo = bench.content.metainfo
    assert (status.infohash, status.name) == (metainfo.infohash, "simulated")
    assert (status.size, status.piece_length, status.piece_count) == (SIZE, PIECE_LENGTH, COUNT)
    assert status.port == PORT


def test_what_is_there_and_what_is_wanted() -> None:
    files = (("first", 2 * PIECE_LENGTH), ("second", SIZE - 2 * PIECE_LENGTH))
    bench = Bench(torrent_of(files=files), have=[0, 4])
    bench.act(bench.payload.set_priorities, [3, 0])
    status = bench.status
    assert (status.bitfield, status.wanted) == (packed([0, 4]), packed([0, 1]))
    assert (status.pieces_have, status.left, status.priorities) == (2, PIECE_LENGTH, (3, 0))
    assert (status.complete, status.seed, status.progress) == (False, False, 2 / COUNT)


def test_the_figures() -> None:
    bench = Bench(have=range(6))
    guest = bench.guest(range(6, COUNT))
    guest.say(message(UNCHOKE), message(INTERESTED))
    guest.give((7, 0, BLOCK), (1, 0, 100))
    guest.say(message(REQUEST, 0, 0, BLOCK))
    status: Any = bench.status
    assert (status.downloaded, status.uploaded, status.wasted) == (BLOCK + 100, BLOCK, 100)
    bench.run(2)
    status = bench.status
    assert 0 < status.download_rate < 2 * BLOCK
    assert 0 < status.upload_rate < 2 * BLOCK
    assert (status.connected, status.connecting, status.known, status.banned) == (1, 0, 0, 0)
    bench.run(60)
    assert max(bench.status.download_rate, bench.status.upload_rate) < 1


def test_nothing_moves_after_a_stop() -> None:
    bench = Bench()
    bench.seed().serve()
    bench.run(1)
    assert bench.torrent.status.download_rate > 0
    bench.set_state("stopped")
    status = bench.torrent.status
    assert (status.download_rate, status.upload_rate, status.connected, status.peers) == (0, 0, 0, ())
    assert status.downloaded == SIZE
