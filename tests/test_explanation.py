"""For each cause, what a torrent in a simulated swarm says of itself, in a word and in sentences."""

from __future__ import annotations

import dataclasses
import errno
from typing import Any, List

import pytest
from support.bench import BLOCK, COUNT, TRACKER, Bench, torrent_of
from support.magnet import Magnet

from bittorrent_threads.engine.checks import Check
from bittorrent_threads.explanation import ADVICE, MAX_PIECES_TOLD, MAX_SOURCES_TOLD, Explanation, explain
from bittorrent_threads.settings import Settings
from bittorrent_threads.stall import CAUSES
from bittorrent_threads.testing.peer_messages import UNCHOKE, message
from bittorrent_threads.testing.simulation import tracker


def after(bench: Bench, seconds: float = 1.5) -> Explanation:
    """What the torrent says of itself a moment later; it never contradicts the status."""
    bench.run(seconds)
    explanation = explain(bench.status)
    assert explanation.cause in {"", *CAUSES}
    if not bench.status.complete:
        assert explanation.reason == bench.status.stall
    return explanation


@pytest.mark.parametrize("state", ["stopped", "paused"])
def test_a_state_that_the_user_chose(state: str) -> None:
    explanation = after(Bench(state=state))
    assert (explanation.doing, explanation.cause) == (state, state)
    assert explanation.sentences[:2] == (
        f"'simulated' is {state}: 0.0% is there, 0 B of 371.5 KiB.",
        "start() goes on.",
    )


def test_a_closed_client() -> None:
    bench = Bench()
    bench.act(bench.torrent.close)
    explanation = after(bench)
    assert (explanation.doing, explanation.cause, str(explanation)) == ("closed", "closed", "'simulated' is closed.")


def test_no_peers_and_no_answers() -> None:
    bench = Bench(torrent_of(TRACKER), state="stopped")
    bench.tracker.mood = tracker.DOWN
    bench.set_state("active")
    explanation = after(bench)
    assert (explanation.doing, explanation.cause, explanation.connected) == ("waiting", "no_peers", 0)
    assert [(source.url, source.answer) for source in explanation.sources] == [(TRACKER, "connection refused")]
    assert str(explanation).split("\n") == [
        "'simulated' gets no data: 0.0% is there, 0 B of 371.5 KiB.",
        f"No peer is known, and every tracker failed ({TRACKER}: connection refused).",
        ADVICE["no_peers"],
        "0 peers connected, 0 known.",
        f"Tracker {TRACKER}: connection refused.",
    ]


def test_many_sources_are_counted() -> None:
    bench = Bench(torrent_of(*[f"http://{number}.sim/announce" for number in range(MAX_SOURCES_TOLD + 2)]))
    explanation = after(bench)
    assert len(explanation.sources) == MAX_SOURCES_TOLD + 2
    assert explanation.sentences[-1] == "2 sources of peers more are in sources."


def test_connections_are_being_made() -> None:
    bench = Bench()
    bench.act(bench.torrent.add_peer, "10.99.0.1", 1)
    explanation = after(bench)
    assert explanation.cause == "connecting"
    assert "0 peers connected, 1 being connected, 1 known." in explanation.sentences


def test_the_session_has_all_its_connections() -> None:
    bench = Bench(settings=Settings(max_connections=1))
    bench.guest([])
    bench.act(bench.torrent.add_peer, bench.host().name, 1)
    bench.run(2)
    assert bench.status.crowded
    # The connections are those of another torrent.
    explanation = explain(dataclasses.replace(bench.status, connected=0, connecting=0, peers=()))
    assert explanation.cause == "limit"
    assert "the session has as many connections as max_connections allows" in explanation.reason


def test_the_metadata() -> None:
    bench: Any = Magnet()
    explanation = after(bench)
    assert (explanation.doing, explanation.cause) == ("metadata", "no_peers")
    assert explanation.sentences[0].endswith("is fetching its metadata from peers.")
    bench.guest([])
    explanation = after(bench)
    assert (explanation.doing, explanation.cause) == ("metadata", "no_metadata")
    assert explanation.reason == "the metadata is missing: 1 connected peer, and none of them has the metadata"
    bench.set_state("stopped")
    assert after(bench).sentences[0].endswith("is stopped, and its metadata is not known.")


def test_metadata_that_cannot_be_used() -> None:
    explanation = explain(
        dataclasses.replace(Magnet().status, metadata_error="info.pieces: is missing", metadata_received=100)
    )
    assert (explanation.doing, explanation.cause) == ("failed", "bad_metadata")
    assert explanation.sentences[1:] == (
        "The metadata cannot be used: info.pieces: is missing.",
        ADVICE["bad_metadata"],
    )


def test_the_disk() -> None:
    bench = Bench()
    seed = bench.seed()
    bench.disk.write_errno = errno.ENOSPC
    seed.serve()
    explanation = after(bench)
    assert (explanation.doing, explanation.cause) == ("waiting", "disk")
    assert (explanation.path, explanation.errno) == ("downloads/simulated", errno.ENOSPC)
    assert "The disk failed: downloads/simulated: No space left on device." in explanation.sentences
    assert ADVICE["disk"] in explanation.sentences


def test_resume_data_that_cannot_be_stored_is_told_beside() -> None:
    bench = Bench(have=range(COUNT))
    status = dataclasses.replace(bench.status, error="x.resume: No space left on device", error_path="x.resume")
    assert "The disk failed: x.resume: No space left on device." in explain(status).sentences


def test_a_hash_check() -> None:
    bench = Bench()
    bench.disk.seek_time = 5.0
    bench.act(bench.payload.checks.add, Check(range(COUNT), lambda check: None))
    bench.act(bench.payload.checks.add, Check(range(5), lambda check: None))
    explanation = after(bench)
    assert (explanation.doing, explanation.cause, explanation.checking) == ("checking", "checking", 5)
    assert explanation.sentences[:2] == (
        "'simulated' is checking its files.",
        "A hash check is under way, 5 pieces to go.",
    )


def test_a_check_of_a_complete_torrent() -> None:
    bench = Bench(have=range(COUNT))
    bench.disk.seek_time = 5.0
    bench.act(bench.payload.checks.add, Check(range(COUNT), lambda check: None))
    bench.act(bench.payload.checks.add, Check(range(COUNT), lambda check: None))
    assert (after(bench).doing, after(bench, 0).cause) == ("checking", "")


def test_files_are_moved() -> None:
    explanation = explain(dataclasses.replace(Bench().status, hindrance="moving files"))
    assert (explanation.doing, explanation.cause) == ("moving", "moving")
    assert explanation.sentences[0] == "'simulated' is moving its files: 0.0% is there, 0 B of 371.5 KiB."


def test_no_connected_peer_has_what_is_missing() -> None:
    bench = Bench(have=range(6))
    bench.guest(range(4))
    explanation = after(bench)
    assert (explanation.cause, explanation.connected, explanation.offering) == ("unavailable", 1, 0)
    assert (explanation.unavailable, explanation.unavailable_pieces) == (6, tuple(range(6, COUNT)))
    assert explanation.availability == 0 + 6 / COUNT
    assert explanation.sentences[-1].endswith(
        "No connected peer has the missing pieces 6, 7, 8, 9, 10, 11: there are 0.50 copies."
    )


def test_few_pieces_are_told() -> None:
    bench = Bench()
    status = dataclasses.replace(bench.status, bitfield=bytes(5), wanted=b"\x7f" * 5, available=b"\0\1\0\0\0")
    explanation = explain(status)
    assert explanation.unavailable == 34
    assert explanation.unavailable_pieces == (*range(1, 8), *range(9, 15), *range(17, 24))
    assert len(explanation.unavailable_pieces) == MAX_PIECES_TOLD
    (sentence,) = [each for each in explanation.sentences if each.startswith("No connected peer has the missing")]
    assert sentence.startswith("No connected peer has the missing pieces 1, 2, 3,")
    assert ", 23, ...: there are" in sentence


def test_peers_choke_and_lack() -> None:
    bench = Bench()
    bench.guest([])
    bench.guest(range(COUNT - 1))
    explanation = after(bench)
    assert (explanation.cause, explanation.offering, explanation.choking, explanation.seeds) == ("choked", 1, 1, 0)
    assert explanation.reason == (
        "2 connected peers, and every one that has what is missing chokes us; "
        "no connected peer has 1 of the missing pieces"
    )
    assert "2 peers connected (1 with a missing piece, 1 of these choking), 0 known." in explanation.sentences
    assert explanation.sentences[-1] == "No connected peer has the missing piece 11: there are 0.92 copies."


def test_peers_let_us_wait() -> None:
    bench = Bench(settings=Settings(request_timeout=10.0))
    bench.seed()
    assert after(bench).cause == "waiting"
    explanation = after(bench, 15)
    assert (explanation.cause, explanation.snubbing, explanation.seeds) == ("snubbed", 1, 1)


def test_a_peer_that_came_a_moment_ago() -> None:
    explanation = explain(dataclasses.replace(Bench().status, connected=1))
    assert (explanation.cause, explanation.reason) == ("waiting", "1 connected peer, and nothing has come yet")


def test_a_limit() -> None:
    bench = Bench(download_limit=1000)
    guest = bench.guest(range(COUNT))
    guest.say(message(UNCHOKE))
    explanation = after(bench)
    assert (explanation.cause, explanation.download_limit) == ("limit", 1000)
    assert explanation.reason == "1 connected peer, and the download limit is 1000 B/s"


def test_data_comes() -> None:
    bench = Bench()
    seed = bench.seed()
    seed.give(seed.requests()[0])
    explanation = after(bench, 0.8)
    assert (explanation.doing, explanation.cause, explanation.reason) == ("downloading", "", "")
    assert explanation.sentences[0].startswith("'simulated' is downloading at ")
    assert explanation.sentences[0].endswith(" left.")
    assert bench.status.downloaded == BLOCK


def test_all_is_there() -> None:
    explanation = after(Bench(have=range(COUNT)))
    assert (explanation.doing, explanation.cause) == ("seeding", "")
    assert explanation.sentences == (
        "'simulated' is complete, and sends 0 B/s to its peers.",
        "0 peers connected, 0 known.",
    )
    assert after(Bench(have=range(COUNT), state="stopped")).doing in ("stopped", "checking")


def test_the_rest_is_not_wanted() -> None:
    bench = Bench(torrent_of(files=(("first", 2 * 32768), ("second", 371 * 1024))), have=[0, 1])
    bench.act(bench.payload.set_priorities, [1, 0])
    explanation = after(bench)
    assert (explanation.doing, explanation.cause) == ("seeding", "unwanted")
    assert explanation.reason == "all that is wanted is there, and the rest has priority 0"


def test_an_error_of_the_library_is_told() -> None:
    status = dataclasses.replace(Bench().status, faults=2, last_fault="ZeroDivisionError: by zero")
    assert explain(status).reason.endswith("; the library failed 2 times (last: ZeroDivisionError: by zero)")


def test_the_end_of_a_notebook_cell_shows_the_text() -> None:
    shown: List[str] = []

    class Printer:
        text = staticmethod(shown.append)

    explanation = after(Bench(state="stopped"))
    explanation._repr_pretty_(Printer(), cycle=False)
    assert shown == [str(explanation)]
