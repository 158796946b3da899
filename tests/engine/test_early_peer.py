"""A peer before the metadata: what it sends costs no more than it is worth, and it is kept alive like any other."""

from __future__ import annotations

from support.bench import BLOCK, COUNT, MOMENT, Bench, packed
from support.magnet import Magnet

from bittorrent_threads.engine.early_peer import EarlyPeer
from bittorrent_threads.protocol.wire import MAX_MESSAGES
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.downloads import MAX_VIOLATIONS
from bittorrent_threads.swarm.uploads import MAX_REFUSED
from bittorrent_threads.testing.peer_messages import (
    BITFIELD,
    CANCEL,
    EXTENDED,
    HAVE,
    HAVE_ALL,
    INTERESTED,
    KEEPALIVE,
    NOT_INTERESTED,
    PIECE,
    REJECT,
    REQUEST,
    handshake,
    message,
)

FLOOD = 4000


def early(bench: Bench) -> EarlyPeer:
    """The only connection of the torrent."""
    (peer,) = bench.torrent.peers
    assert isinstance(peer, EarlyPeer)
    return peer


def test_requests_are_rejected_and_too_many_end_the_connection() -> None:
    bench = Magnet()
    guest = bench.guest([])
    guest.say(*[message(REQUEST, 0, 0, BLOCK)] * MAX_REFUSED)
    assert guest.heard(REJECT) == [(REJECT, 0, 0, BLOCK)] * MAX_REFUSED
    assert not guest.closed
    guest.say(message(REQUEST, 0, 0, BLOCK))
    assert guest.closed
    assert bench.reasons == [f"asked {MAX_REFUSED + 1} times for pieces we do not have"]


def test_without_bep_6_a_request_is_not_answered() -> None:
    bench = Magnet()
    guest = bench.guest([], fast=False)
    guest.say(message(REQUEST, 0, 0, BLOCK), message(CANCEL, 0, 0, BLOCK))
    assert guest.heard() == []
    assert not guest.closed


def test_blocks_that_were_not_requested_end_the_connection() -> None:
    bench = Magnet()
    guest = bench.guest([])
    guest.say(*[message(PIECE, 0, 0, payload=b"x")] * MAX_VIOLATIONS)
    assert not guest.closed
    guest.say(message(REJECT, 0, 0, BLOCK))
    assert bench.reasons == [f"sent {MAX_VIOLATIONS + 1} blocks or rejects that were not asked for"]


def test_wrong_bytes_end_the_connection_with_the_reason() -> None:
    bench = Magnet()
    guest = bench.guest([])
    guest.say(b"\0\0\0\2\0\0")
    assert guest.closed
    assert bench.reasons == ["choke message of 2 bytes instead of 1"]


def test_a_flood_of_haves_is_read_no_faster_than_its_share_and_ends_the_connection() -> None:
    bench = Magnet()
    guest = bench.guest([])
    burst = message(HAVE, 1) * FLOOD
    for _ in range(100):
        if guest.closed:
            break
        guest.say(burst * 20, seconds=0.5)
        assert guest.closed or early(bench).flow.work < 0.1, "what it costs is charged"
    assert guest.closed
    assert bench.reasons == ["sent more messages than it may for 30 s"]


def test_interest_is_known_before_the_metadata_and_no_slot_is_given() -> None:
    bench = Magnet()
    guest = bench.guest([])
    guest.say(message(INTERESTED))
    bench.run(20)
    assert early(bench).interested
    assert early(bench).choked
    assert bench.status.peers[0].remote_interested
    guest.say(message(NOT_INTERESTED))
    assert not early(bench).interested


def test_it_is_kept_alive_and_closed_when_it_is_silent() -> None:
    settings = Settings(keepalive_interval=30.0, idle_timeout=100.0)
    bench = Magnet(settings=settings)
    guest = bench.guest([])
    guest.heard()
    bench.run(40)
    assert (KEEPALIVE,) in guest.heard()
    bench.run(80)
    assert guest.closed
    assert bench.reasons == ["silent for 100 s"]


def test_what_is_known_of_it_for_the_user() -> None:
    bench = Magnet()
    bench.guest(range(COUNT))
    bench.run(1)
    (row,) = bench.status.peers
    assert (row.pieces, row.seed, row.downloaded, row.uploaded, row.choked, row.remote_choked) == (
        *(0, False, 0, 0, True, True),
    )
    assert bench.status.downloaded == bench.status.uploaded == bench.status.wasted == 0


def test_a_peer_that_does_not_read_is_not_read_until_it_does() -> None:
    bench = Magnet()
    guest = bench.guest([])
    peer = early(bench)
    vars(peer.flow)["_most_backlog"] = -1
    guest.say(message(INTERESTED))
    assert peer.flow.gated
    vars(peer.flow)["_most_backlog"] = BLOCK
    bench.act(peer.on_drained)
    assert not peer.flow.gated
    guest.say(message(NOT_INTERESTED))
    bench.run(MOMENT)
    assert not peer.interested
    assert not guest.closed


def test_what_follows_the_handshake_at_once_is_read() -> None:
    bench = Magnet()
    guest = bench.stranger()
    greeting = handshake(bench.content.metainfo.infohash, peerid=b"-GU0001-aaaaaaaaaaaa")
    guest.say(greeting + message(HAVE_ALL) + message(INTERESTED))
    assert early(bench).interested
    bench.give_info()
    assert [peer.bits.full for peer in bench.payload.exchange] == [True]


def test_nothing_behind_a_wrong_extension_handshake_is_read() -> None:
    bench = Magnet()
    guest = bench.guest([], extended=True)
    guest.say(message(EXTENDED, payload=b"\0wrong") + message(REQUEST, 0, 0, BLOCK))
    assert guest.closed
    assert guest.heard(REJECT) == []
    (reason,) = bench.reasons
    assert reason.startswith("extension handshake: ")


def test_pieces_may_be_described_again_when_the_metadata_is_known() -> None:
    bench = Magnet()
    guest = bench.guest(range(2), fast=False)
    bench.give_info()
    guest.say(message(BITFIELD, payload=packed(range(1, 5))))
    assert [peer.bits.count for peer in bench.payload.exchange] == [5]
    assert not guest.closed
    guest.say(message(BITFIELD, payload=packed(range(5))))
    assert bench.reasons == ["said a second time what it has, and nothing new"]


def test_messages_that_wait_for_their_turn_are_read_by_the_peer_that_takes_over() -> None:
    bench = Magnet()
    guest = bench.guest([], fast=False)
    peer = early(bench)
    peer.on_received(memoryview(message(HAVE, 1) * (MAX_MESSAGES + 10) + message(HAVE, 2)))
    assert peer.wire.held
    assert peer.flow.gated
    bench.give_info()
    bench.run(1)
    assert [peer.bits.count for peer in bench.payload.exchange] == [2]
    assert not guest.closed
