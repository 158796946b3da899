"""Peers that send what costs more than it is worth, or that do not read the answers, against one engine."""

from __future__ import annotations

from typing import Dict, List

import pytest
from support.bench import BLOCK, COUNT, PIECE_LENGTH, Bench, Guest, blocks_of, packed

from bittorrent_threads import events
from bittorrent_threads.engine.flow_control import LEAST_READ, MAX_ANSWERS, MAX_WAITING
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.protocol import wire
from bittorrent_threads.protocol.dont_have import dont_haves
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.message_quota import MAX_EXCESS, MESSAGE, RESERVE, SHARE
from bittorrent_threads.testing.peer_messages import (
    ALLOWED_FAST,
    BITFIELD,
    CANCEL,
    CHOKE,
    EXTENDED,
    HAVE,
    HAVE_ALL,
    HAVE_NONE,
    INTERESTED,
    NOT_INTERESTED,
    PIECE,
    PORT,
    REJECT,
    REQUEST,
    SUGGEST,
    UNCHOKE,
    message,
)
from bittorrent_threads.testing.simulation.torrent import make_torrent

WIDE = 4096
"""Pieces of a torrent in which work for every piece would show."""
EXTENSION = message(EXTENDED, payload=b"\0" + bencode.encode({"m": {}, "p": 7000}))

FLOODS: Dict[str, bytes] = {
    "keep-alives": bytes(4),
    "haves of one piece": message(HAVE, 1),
    "ports": message(PORT, payload=b"\x1a\xe1"),
    "suggestions": message(SUGGEST, 1),
    "allowed fast": message(ALLOWED_FAST, 1),
    "chokes": message(CHOKE),
    "chokes and unchokes": message(CHOKE) + message(UNCHOKE),
    "changes of interest": message(INTERESTED) + message(NOT_INTERESTED),
    "extension handshakes": EXTENSION,
    "a piece that is taken back and had again": dont_haves(7, [1]) + message(HAVE, 1),
    "the last piece, again and again": message(HAVE, 0) + dont_haves(7, [0]),
    "changes of upload_only": message(EXTENDED, payload=b"\3\1") + message(EXTENDED, payload=b"\3\0"),
    "unknown extension messages": message(EXTENDED, payload=b"\x63"),
    "requests of a byte": message(REQUEST, 0, 0, 1),
    "cancels": message(CANCEL, 0, 0, BLOCK),
    "request and cancel": message(REQUEST, 0, 0, BLOCK) + message(CANCEL, 0, 0, BLOCK),
}


def fast_line(bench: Bench, name: str = "") -> Guest:
    """A guest on a line that brings 100 MB/s, with an extension handshake."""
    host = bench.internet.add(name or "10.9.0.1")
    return bench.guest([1], extended=True, host=host)


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_read_at_the_pace_of_its_share_and_ends_the_connection(name: str) -> None:
    bench = Bench(have=range(COUNT - 1))
    guest = fast_line(bench)
    (peer,) = bench.payload.exchange
    guest.say(message(INTERESTED))
    flood = FLOODS[name]
    before, began = peer.stream.received, bench.world.now
    assert guest.stream is not None
    guest.stream.send([flood * (40_000_000 // len(flood))])
    bench.run(10)
    messages = (peer.stream.received - before) / len(flood)
    assert messages <= (RESERVE + 10 * SHARE) / MESSAGE + 2 * LEAST_READ / len(flood)
    bench.until(lambda: bool(guest.closed), limit=MAX_EXCESS + 10)
    assert bench.reasons == ["sent more messages than it may for 30 s"]
    assert bench.world.now - began <= MAX_EXCESS + 10


def test_each_pass_takes_a_bounded_number_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(have=range(COUNT))
    guest = fast_line(bench)
    counts: List[int] = []
    receive = wire.Wire.receive

    def counted(self: wire.Wire, data: memoryview) -> List[wire.Message]:
        found = receive(self, data)
        counts.append(len(found))
        return found

    monkeypatch.setattr(wire.Wire, "receive", counted)
    guest.say(bytes(4) * 30_000, seconds=1)
    assert sum(counts) == 30_000
    assert max(counts) <= wire.MAX_MESSAGES + 1
    assert not guest.closed, "a burst is no offence"


def test_the_haves_of_a_whole_hash_check_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    torrent = make_torrent(size=WIDE * BLOCK, piece_length=BLOCK)
    bench = Bench(torrent)
    host = bench.internet.add("10.9.0.1")
    guest = bench.guest(torrent=torrent, host=host)
    guest.say(*[message(HAVE, index) for index in range(WIDE - 1)], seconds=1)
    assert not guest.closed
    assert bench.status.peers[0].pieces == WIDE - 1


# -- what they have ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (message(HAVE_ALL), message(HAVE_ALL)),
        (message(HAVE_ALL), message(BITFIELD, payload=packed(range(COUNT)))),
        (message(HAVE_NONE), message(BITFIELD, payload=packed([]))),
        (message(BITFIELD, payload=packed([])), message(BITFIELD, payload=packed([]))),
        (message(BITFIELD, payload=packed([1, 2])), message(BITFIELD, payload=packed([2]))),
        (message(BITFIELD, payload=packed(range(COUNT))), message(HAVE_ALL)),
    ],
)
def test_to_say_twice_the_same_of_what_one_has_ends_the_connection(first: bytes, again: bytes) -> None:
    bench = Bench()
    guest = bench.guest()
    guest.say(first)
    assert not guest.closed
    guest.say(again * 1000)
    (reason,) = bench.reasons
    assert "said" in reason
    assert guest.closed


def test_availability_is_counted_once_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    joined: List[int] = []
    join = bench.payload.picker.joined

    def counted(bits: Bitfield) -> None:
        joined.append(bits.count)
        join(bits)

    monkeypatch.setattr(bench.payload.picker, "joined", counted)
    guest = bench.guest()
    guest.say(message(HAVE_ALL) * 13_000)
    assert guest.closed
    assert joined == [0, COUNT]


def test_a_second_bitfield_that_adds_pieces_is_taken() -> None:
    """aria2 sends one in place of many HAVEs, and HAVE ALL when it is done."""
    bench = Bench()
    guest = bench.guest([])
    guest.say(message(BITFIELD, payload=packed([1, 2])))
    guest.say(message(BITFIELD, payload=packed([1, 2, 5])))
    (peer,) = bench.payload.exchange
    assert peer.bits.count == 3
    assert bench.payload.picker.availability(5) == 1
    guest.say(message(HAVE_ALL))
    assert not guest.closed
    assert peer.bits.full
    assert bench.payload.picker.availability(7) == 1


def test_pieces_are_granted_once() -> None:
    bench = Bench(have=range(6))
    guest = bench.guest([1], host=bench.host("80.4.4.200"))
    granted = guest.heard(ALLOWED_FAST)
    assert granted
    guest.say(*[message(BITFIELD, payload=packed(range(1, count))) for count in range(3, 9)])
    assert guest.heard(ALLOWED_FAST) == []


# -- peers that do not read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["active", "paused"])
@pytest.mark.parametrize(
    "flood",
    [
        message(REQUEST, 0, 0, BLOCK) + message(CANCEL, 0, 0, BLOCK),
        message(REQUEST, 0, 0, BLOCK),
        message(CHOKE) + message(UNCHOKE),
        b"".join(message(REQUEST, *block) for block in blocks_of(0, 1, 2)),
    ],
)
def test_what_waits_for_a_peer_that_does_not_read_is_bounded(flood: bytes, state: str) -> None:
    settings = Settings(send_high_water=128 * 1024)
    bench = Bench(have=range(COUNT - 1), state=state, settings=settings)
    guest = fast_line(bench)
    guest.say(message(INTERESTED), message(HAVE, COUNT - 1))
    assert guest.stream is not None
    guest.stream.pause()
    (peer,) = bench.payload.exchange
    guest.stream.send([flood * (20_000_000 // len(flood))])
    most = waiting = 0
    for _ in range(300):
        bench.run(0.1)
        most, waiting = max(most, peer.stream.backlog), max(waiting, peer.stream.waiting)
    assert most <= settings.send_high_water + MAX_ANSWERS + LEAST_READ + 2 * PIECE_LENGTH
    assert waiting <= MAX_WAITING + wire.MAX_MESSAGES


def test_requests_of_a_paused_torrent_count_as_any_others() -> None:
    bench = Bench(have=range(COUNT), state="paused")
    guest = fast_line(bench)
    guest.say(b"".join(message(REQUEST, 0, at, 1) for at in range(301)))
    assert guest.closed
    assert "made 301 requests that were refused" in bench.reasons[0]


def test_no_request_is_repeated_to_a_peer_that_has_not_taken_the_last() -> None:
    bench = Bench(have=range(6))
    guest = bench.guest(range(6, COUNT), fast=False)
    (peer,) = bench.payload.exchange
    guest.say(message(INTERESTED))
    assert guest.stream is not None
    guest.stream.pause()
    for _ in range(3):  # more than the window of a connection
        guest.say(b"".join(message(REQUEST, *block) for block in blocks_of(*range(6))), seconds=1)
    assert peer.stream.blocked
    backlog = peer.stream.backlog
    for _ in range(100):
        guest.say(message(UNCHOKE), seconds=0.03)
        guest.say(message(CHOKE), seconds=0.03)
    assert peer.stream.backlog - backlog <= 17 * len(blocks_of(*range(6, COUNT)))
    guest.stream.resume()
    bench.run(1)
    assert 0 < len(guest.heard(REQUEST)) <= len(blocks_of(*range(6, COUNT)))


def test_chokes_and_unchokes_in_turn_are_answered_by_fewer_and_fewer_requests() -> None:
    bench = Bench()
    guest = bench.guest(range(COUNT), fast=False)
    asked: List[int] = []
    for _ in range(10):
        guest.say(message(UNCHOKE))
        asked.append(len(guest.heard(REQUEST)))
        guest.say(message(CHOKE))
    assert asked[0] == len(blocks_of(*range(COUNT)))
    assert asked[-1] == 1
    assert asked == sorted(asked, reverse=True)
    guest.say(message(UNCHOKE))
    served = guest.serve()
    assert bench.payload.have.full
    assert len(served) > COUNT, "who delivers is asked as before"


def test_pieces_we_get_cost_a_peer_that_does_not_read_no_memory() -> None:
    count, most = 40 * WIDE, 4096
    torrent = make_torrent(size=64 * count, piece_length=64)
    bench = Bench(torrent)
    deaf = bench.guest(torrent=torrent, fast=False)
    assert deaf.stream is not None
    deaf.stream.pause()
    (peer,) = bench.payload.exchange
    peer.flow._most_backlog = most
    for first in range(0, count, 100):
        bench.act(bench.payload.pieces.trust, range(first, min(first + 100, count)))
    bench.run(1)
    assert peer.stream.blocked
    assert most < peer.stream.backlog <= most + 9 * 100
    deaf.stream.resume()
    bench.run(45)
    told = [index for _, index in deaf.heard(HAVE)]
    assert told == list(range(count)), "and is told all when it reads"
    assert len(bench.payload.exchange.log._pieces) == 0


def test_a_peer_that_reads_nothing_is_closed_in_the_end() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.leech()
    assert guest.stream is not None
    guest.stream.pause()
    for _ in range(40):
        guest.say(b"".join(message(REQUEST, *block) for block in blocks_of(*range(COUNT))), seconds=5)
        if guest.closed:
            break
    assert "read nothing for 120 s" in bench.reasons[0]


# -- answers that are none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast", [True, False])
def test_blocks_of_another_size_end_the_connection_and_are_no_progress(fast: bool) -> None:
    torrent = make_torrent(size=WIDE * BLOCK, piece_length=4 * BLOCK)
    bench = Bench(torrent)
    guest = bench.guest(torrent=torrent, fast=fast)
    guest.say(message(HAVE_ALL) if fast else message(BITFIELD, payload=b"\xff" * (WIDE // 32)), message(UNCHOKE))
    (peer,) = bench.payload.exchange
    asked = guest.requests()
    for _ in range(10):
        guest.say(*[message(PIECE, index, begin, payload=b"?") for index, begin, _ in asked[:25]], seconds=1)
        assert peer.download_rate == 0.0
        if guest.closed:
            break
        assert guest.requests() == [], "the requests are not answered"
    assert guest.closed
    assert "that were not asked for" in bench.reasons[0]


def test_unasked_blocks_do_not_keep_a_peer_from_being_snubbed() -> None:
    bench = Bench()
    guest = bench.seed()
    assert guest.requests()
    for _ in range(10):
        guest.say(message(PIECE, 0, 1, payload=b"?"), seconds=3)
    assert bench.status.peers[0].snubbed


def test_a_late_block_is_progress_and_no_offence() -> None:
    bench = Bench()
    guest = bench.seed()
    asked = guest.requests()
    bench.run(25)
    assert bench.status.peers[0].snubbed
    guest.give(asked[0])
    assert not bench.status.peers[0].snubbed
    assert not guest.closed


def test_rejects_of_what_was_not_asked_for_end_the_connection() -> None:
    bench = Bench()
    guest = bench.seed()
    guest.say(message(REJECT, 3, 1, BLOCK) * 300)
    assert guest.closed
    assert "that were not asked for" in bench.reasons[0]


def test_a_peer_that_rejects_everything_is_asked_seldom() -> None:
    torrent = make_torrent(size=WIDE * BLOCK, piece_length=BLOCK)
    bench = Bench(torrent)
    guest = bench.guest(torrent=torrent)
    guest.say(message(HAVE_ALL), message(UNCHOKE))
    rejected = 0
    for _ in range(60):
        asked = guest.requests()
        rejected += len(asked)
        guest.say(*[message(REJECT, *block) for block in asked], seconds=1)
    (peer,) = bench.payload.exchange
    assert rejected <= 60 / 10 * 64 + 2 * 64
    assert len(peer.pipeline.refused) <= 2 * 64


# -- torrents without bytes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("said", [message(BITFIELD), message(HAVE_ALL), message(HAVE_NONE), message(HAVE, 0)])
def test_a_torrent_of_no_bytes_closes_every_peer_and_raises_nothing(said: bytes, fast: bool) -> None:
    torrent = make_torrent(size=0)
    bench = Bench(torrent)
    guest = bench.guest(torrent=torrent, fast=fast)
    guest.say(said)
    assert "internal" not in " ".join(bench.reasons)
    assert not [event for event in bench.events if isinstance(event, events.CallbackFailed)]
