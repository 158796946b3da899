"""The connections of a torrent: who is let in, who is refused, and what all are told together."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import pytest
from support.bench import BLOCK, COUNT, MOMENT, Bench, Guest, blocks_of
from support.lying_peer import HAVE, INTERESTED, NOT_INTERESTED, REQUEST, UNCHOKE, message

from bittorrent_threads import events
from bittorrent_threads.settings import Settings

LOW, HIGH = b"\0" * 20, b"\xff" * 20
"""Peer ids below and above any that an engine makes."""


def dialled_and_dialling(bench: Bench, peerid: bytes, *, dial_first: bool) -> Tuple[Guest, Guest]:
    """One peer met twice: where the engine dialled it, and where it dialled the engine."""
    address, guests = bench.open_house()
    if dial_first:
        bench.act(bench.torrent.add_peer, *address)
        bench.run(MOMENT)
        guests[0].greet(peerid=peerid)
    incoming = bench.guest(peerid=peerid, host=bench.internet.hosts[address[0]])
    if not dial_first:
        bench.act(bench.torrent.add_peer, *address)
        bench.run(MOMENT)
        guests[0].greet(peerid=peerid)
    return guests[0], incoming


@pytest.mark.parametrize("dial_first", [True, False])
def test_of_two_connections_to_a_lower_peer_id_the_incoming_one_goes(dial_first: bool) -> None:
    bench = Bench()
    outgoing, incoming = dialled_and_dialling(bench, LOW, dial_first=dial_first)
    assert bench.reasons == ["connected twice"] and bench.status.connected == 1
    assert (bool(outgoing.closed), bool(incoming.closed)) == (True, False)


@pytest.mark.parametrize("dial_first", [True, False])
def test_of_two_connections_to_a_higher_peer_id_the_other_one_goes(dial_first: bool) -> None:
    bench = Bench()
    outgoing, incoming = dialled_and_dialling(bench, HIGH, dial_first=dial_first)
    assert bench.reasons == ["connected twice"] and bench.status.connected == 1
    assert (bool(outgoing.closed), bool(incoming.closed)) == (False, True)


def test_a_second_connection_in_the_same_direction_is_refused() -> None:
    bench = Bench()
    first, second = bench.guest(peerid=LOW), bench.guest(peerid=LOW)
    assert not first.closed and second.closed
    assert bench.reasons == ["connected twice"]


def test_two_peers_of_one_address_are_two() -> None:
    bench = Bench()
    host = bench.host()
    bench.guest(host=host, peerid=LOW)
    bench.guest(host=host, peerid=HIGH)
    assert bench.status.connected == 2


def test_a_torrent_that_has_enough_peers_lets_nobody_in() -> None:
    bench = Bench(settings=Settings(max_connections_per_torrent=2))
    bench.guest()
    first = bench.guest()
    assert bench.guest().closed
    assert bench.reasons == ["the torrent has 2 connections"]
    first.hang_up()
    assert not bench.guest().closed


def test_whoever_sent_bad_data_is_banned_for_good() -> None:
    bench = Bench()
    host = bench.host()
    liar = bench.guest([3], host=host)
    liar.say(message(UNCHOKE))
    liar.serve(wrong=True)
    (banned,) = bench.seen(events.PeerBanned)
    assert banned.reason == "sent bad data in piece 3" and banned.address[0] == host.name
    assert bench.reasons == ["sent bad data in piece 3"] and liar.closed
    assert bench.status.banned == 1
    again = bench.guest(peerid=b"-GU0001-000000000001")
    assert again.closed and bench.reasons[1:] == ["the peer is banned"]
    assert not bench.guest(host=host, peerid=LOW).closed


def test_a_ban_closes_every_connection_it_covers() -> None:
    bench = Bench()
    one, other = bench.guest(), bench.guest()
    (first, second) = bench.torrent.peers
    bench.act(bench.torrent.peers.ban, first.address, second.peerid, "for a reason")
    bench.run(MOMENT)
    assert one.closed and other.closed and bench.reasons == ["for a reason"] * 2


def test_everybody_hears_of_a_new_piece() -> None:
    bench = Bench()
    others = [bench.guest([]), bench.guest([5], fast=False)]
    seed = bench.seed()
    for guest in others:
        guest.heard()
    asked = seed.requests()
    seed.give(*[block for block in asked if block[0] == 5])
    assert others[0].heard() == [(HAVE, 5)]
    assert (HAVE, 5) not in seed.heard(), "it is told with the next message, or within a second"
    bench.run(1.2)
    assert (HAVE, 5) in seed.heard()
    assert others[1].heard() == [(HAVE, 5), (NOT_INTERESTED,)]


def test_a_batch_of_blocks_is_answered_by_one_batch_of_requests() -> None:
    bench = Bench(settings=Settings(min_requests=8))
    seed = bench.seed()
    sends: List[Any] = []
    (peer,) = bench.torrent.peers
    send = peer.stream.send

    def record(buffers: Sequence[Any]) -> None:
        sends.append(b"".join(buffers))
        send(buffers)

    peer.stream.send = record  # type: ignore[method-assign]
    seed.give(*seed.requests())
    batches = [len(data) // 17 for data in sends if data[4] == REQUEST]
    assert sum(batches) >= 8 and len(batches) <= 4


def test_what_a_peer_that_leaves_was_asked_for_others_are_asked_for() -> None:
    bench = Bench()
    one = bench.seed()
    other = bench.seed()
    assert sorted(one.requests()) == blocks_of(*range(COUNT)) and other.requests() == []
    one.hang_up()
    assert sorted(other.requests()) == blocks_of(*range(COUNT))
    assert bench.reasons == ["closed by the other end"]


def test_the_rows_are_as_of_the_last_tick_and_none_are_left_after_a_stop() -> None:
    bench = Bench()
    bench.guest()
    assert bench.status.peers == ()
    bench.run(1)
    assert len(bench.status.peers) == 1
    bench.set_state("stopped")
    assert bench.status.peers == () and bench.status.connected == 0


def test_figures_count_peers_that_have_left() -> None:
    bench = Bench(have=range(6))
    guest = bench.guest(range(6, COUNT))
    guest.say(message(UNCHOKE), message(INTERESTED))
    guest.give((7, 0, BLOCK), (2, 0, BLOCK))
    guest.say(message(REQUEST, 1, 0, BLOCK), message(REQUEST, 1, BLOCK, 100))
    before = (bench.status.downloaded, bench.status.uploaded, bench.status.wasted)
    assert before == (2 * BLOCK, BLOCK + 100, BLOCK)
    guest.hang_up()
    assert (bench.status.downloaded, bench.status.uploaded, bench.status.wasted) == before


def test_what_was_not_sent_when_a_connection_ended_was_not_uploaded() -> None:
    bench = Bench(have=range(COUNT))
    bench.network.up.rate = 20_000
    guest = bench.leech()
    requests = [message(REQUEST, *block) for block in blocks_of(*range(COUNT))]
    guest.say(*requests, seconds=1)
    (peer,) = bench.torrent.peers
    taken = bench.status.uploaded
    assert peer.stream.backlog > BLOCK
    guest.hang_up()
    assert bench.status.uploaded <= taken + 20_000
