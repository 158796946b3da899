"""The connections of a torrent: which are accepted, which are refused, and what is sent to all."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from support.bench import BLOCK, COUNT, MOMENT, PORT, Bench, Guest, availability, blocks_of, extension

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.duplicate_connections import LATE_GRACE_TIME
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.swarm.peer_priority import priority
from bittorrent_threads.testing.peer_messages import INTERESTED, REQUEST, UNCHOKE, message

LOW, HIGH = b"\0" * 20, b"\xff" * 20
"""Peer ids below and above any that an engine makes."""


def dialled_and_dialling(bench: Bench, peerid: bytes, *, dial_first: bool) -> Tuple[Guest, Guest]:
    """One peer met twice: where the engine dialled it, and where it dialled the engine."""
    address, guests = bench.open_house()
    if dial_first:
        bench.act(bench.torrent.add_peer, *address)
        bench.run(MOMENT)
        guests[0].greet(peerid=peerid)
    incoming = bench.guest(peerid=peerid, host=bench.internet.hosts[address[0]], extended=True)
    if not dial_first:
        bench.act(bench.torrent.add_peer, *address)
        bench.run(MOMENT)
        guests[0].greet(peerid=peerid)
    return guests[0], incoming


@pytest.mark.parametrize("dial_first", [True, False])
@pytest.mark.parametrize(("peerid", "timeouts"), [(LOW, MOMENT + 1), (HIGH, LATE_GRACE_TIME)], ids=["low", "high"])
def test_of_two_connections_with_one_peer_one_ends_after_a_while(
    dial_first: bool, peerid: bytes, timeouts: float
) -> None:
    bench = Bench()
    outgoing, incoming = dialled_and_dialling(bench, peerid, dial_first=dial_first)
    bench.run(timeouts - 3 * MOMENT)
    assert bench.reasons == []
    assert bench.status.connected == 2
    bench.run(1 + 3 * MOMENT)
    assert bench.reasons == ["connected twice"]
    assert bench.status.connected == 1
    assert (bool(outgoing.closed), bool(incoming.closed)) == (False, True)


@pytest.mark.parametrize("dial_first", [True, False])
def test_the_connection_on_which_blocks_come_is_not_the_one_to_end(dial_first: bool) -> None:
    bench = Bench()
    outgoing, incoming = dialled_and_dialling(bench, LOW, dial_first=dial_first)
    incoming.say(availability([3]), message(UNCHOKE))
    incoming.serve()
    bench.run(2)
    assert bench.reasons == ["connected twice"]
    assert (bool(outgoing.closed), bool(incoming.closed)) == (True, False)
    bench.run(100)
    assert bench.reasons[1:] == []
    assert bench.status.connecting == 0, "it is not dialled while the other lasts"


@pytest.mark.parametrize("end", [0, 1])
def test_which_of_the_two_ends_first_is_soon_enough(end: int) -> None:
    bench = Bench()
    both = dialled_and_dialling(bench, LOW, dial_first=True)
    both[end].hang_up()
    bench.run(3)
    assert bench.reasons == ["closed by the other end"]
    assert bench.status.connected == 1
    assert (bench.status.connecting, bench.status.known) == (0, 1)


def test_one_peer_in_two_notations_is_dialled_once() -> None:
    bench = Bench()
    address, guests = bench.open_house()
    bench.act(bench.torrent.learn, [(f"::ffff:{address[0]}", address[1]), address], Source.TRACKER)
    bench.act(bench.torrent.add_peer, f"::ffff:{address[0]}", address[1])
    bench.run(MOMENT)
    guests[0].greet(peerid=LOW)
    bench.run(60)
    assert len(guests) == bench.status.known == bench.status.connected == 1


def test_a_neighbour_that_listens_elsewhere_is_another_peer_whatever_its_id() -> None:
    bench = Bench()
    outgoing, incoming = dialled_and_dialling(bench, LOW, dial_first=True)
    incoming.say(extension(p=7000))
    bench.run(30)
    assert bench.reasons == []
    assert not outgoing.closed
    assert not incoming.closed


@pytest.mark.parametrize("peerid", [LOW, HIGH], ids=["low", "high"])
def test_a_neighbour_that_says_it_is_a_seed_of_ours_does_not_have_it_closed(peerid: bytes) -> None:
    bench = Bench(settings=Settings(min_requests=4))
    outgoing, incoming = dialled_and_dialling(bench, peerid, dial_first=True)
    incoming.say(extension(p=6881), availability(range(COUNT - 1)))
    outgoing.say(availability(range(COUNT - 1)), message(UNCHOKE))
    for _ in range(5):
        outgoing.give(*outgoing.requests()[:1])
    bench.run(30)
    assert incoming.closed
    assert not outgoing.closed
    assert bench.reasons == ["connected twice"]


def test_two_incoming_connections_with_one_peer_id_stay_both() -> None:
    bench = Bench()
    host = bench.host()
    guests = [bench.guest(peerid=LOW), bench.guest(peerid=LOW), bench.guest(peerid=LOW, host=host)]
    guests.append(bench.guest(peerid=LOW, host=host))
    assert not any(guest.closed for guest in guests)
    assert bench.reasons == []


@pytest.mark.parametrize("dialled", [False, True])
@pytest.mark.parametrize("thief_first", [False, True])
@pytest.mark.parametrize("peerid", [LOW, HIGH], ids=["low", "high"])
def test_a_thief_of_a_peer_id_harms_its_owner_in_no_way(dialled: bool, thief_first: bool, peerid: bytes) -> None:
    bench = Bench(settings=Settings(request_timeout=5.0))
    address, owners = bench.open_house()

    def honest() -> Guest:
        if not dialled:
            return bench.guest(range(1, COUNT), peerid=peerid, host=bench.internet.hosts[address[0]])
        bench.act(bench.torrent.add_peer, *address)
        bench.run(MOMENT)
        owners[-1].greet(peerid=peerid)
        owners[-1].say(availability(range(1, COUNT)))
        return owners[-1]

    owner = None if thief_first else honest()
    thief = bench.guest([0], peerid=peerid)
    idler = bench.guest([], peerid=peerid)
    owner = owner or honest()
    assert not owner.closed
    assert bench.reasons == []
    thief.say(message(UNCHOKE))
    thief.serve(wrong=True)
    (banned,) = bench.seen(events.PeerBanned)
    assert banned.address[0] != address[0]
    assert thief.closed
    assert not owner.closed
    assert not idler.closed
    owner.say(message(UNCHOKE))
    owner.serve()
    assert bench.payload.have.count == COUNT - 1
    owner.hang_up()
    again = bench.guest(range(1, COUNT), peerid=peerid, host=bench.internet.hosts[address[0]])
    assert not again.closed


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
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    (liar,) = guests
    liar.greet(peerid=HIGH)
    liar.say(availability([3]), message(UNCHOKE))
    liar.serve(wrong=True)
    (banned,) = bench.seen(events.PeerBanned)
    assert (banned.reason, banned.address) == ("sent bad data in piece 3", address)
    assert bench.reasons == ["sent bad data in piece 3"]
    assert liar.closed
    assert bench.status.banned == 1
    bench.act(bench.torrent.add_peer, *address)
    bench.run(7200)
    assert len(guests) == 1
    assert bench.status.known == 0
    host = bench.internet.hosts[address[0]]
    again = bench.guest(host=host, peerid=HIGH, extended=True)
    again.say(extension(p=address[1]))
    assert again.closed
    assert bench.reasons[1:] == ["the peer is banned"], "it tells the port that is banned"
    assert not bench.guest(host=host, peerid=LOW).closed


def test_a_ban_closes_every_connection_it_covers() -> None:
    bench = Bench()
    host = bench.host()
    one, other, neighbour = [bench.guest(host=host, extended=True) for _ in range(3)]
    one.say(extension(p=7000))
    other.say(extension(p=7000))
    neighbour.say(extension(p=7001))
    bench.act(bench.torrent.peers.ban, (host.name, 7000), "for a reason")
    bench.run(MOMENT)
    assert one.closed
    assert other.closed
    assert not neighbour.closed
    assert bench.reasons == ["for a reason"] * 2


# -- no room ---------------------------------------------------------------------------------------------------------


def crowded(bench: Bench, count: int, host: str = "8.8.8.8") -> List[Guest]:
    """So many peers of one host, which are interested and ask for nothing."""
    source = bench.host(host)
    guests = [bench.guest([], host=source) for _ in range(count)]
    for guest in guests:
        guest.say(message(INTERESTED), seconds=0.01)
    return guests


def test_a_hundred_idle_peers_of_one_host_keep_nobody_out() -> None:
    bench = Bench(have=range(COUNT), settings=Settings(max_connections_per_torrent=100))
    crowd = crowded(bench, 100)
    assert bench.status.connected == 100
    others = [bench.guest([]) for _ in range(20)]
    assert not any(other.closed for other in others)
    assert bench.status.connected == 100
    assert sum(bool(guest.closed) for guest in crowd) == 20
    assert bench.guest([], host=bench.internet.hosts["8.8.8.8"]).closed, "its own host has more than its share"
    for _ in range(76):
        bench.guest([])
    assert sum(not guest.closed for guest in crowd) == 4
    assert bench.guest([]).closed, "no connection is surplus any more"


def test_a_network_of_public_ipv6_is_one_host() -> None:
    bench = Bench(settings=Settings(max_connections_per_torrent=10, max_connections_per_host=2))
    for number in range(10):
        bench.guest([], host=bench.host(f"2606:4700::{number + 1:x}"))
    assert bench.guest([], host=bench.host("2606:4700::ff")).closed
    assert not bench.guest([], host=bench.host("2606:4700:0:1::1")).closed


def test_this_machine_may_have_many_peers() -> None:
    bench = Bench(settings=Settings(max_connections_per_torrent=10))
    guests = crowded(bench, 10, "127.0.0.1")
    assert bench.guest([]).closed
    assert not any(guest.closed for guest in guests)


def test_peers_of_many_hosts_that_ask_nothing_when_they_may_give_way() -> None:
    bench = Bench(have=range(COUNT), settings=Settings(max_connections_per_torrent=6, upload_slots=7))
    idlers = [bench.guest([]) for _ in range(6)]
    for guest in idlers:
        guest.say(message(INTERESTED))
    for _ in range(2):
        bench.run(20)
        idlers[0].say(message(REQUEST, 0, 0, BLOCK))
    assert bench.guest([]).closed, "each is given its time"
    bench.run(20)
    assert not any(guest.closed for guest in idlers)
    newcomer = bench.guest([])
    assert not newcomer.closed
    assert sum(bool(guest.closed) for guest in idlers) == 1
    assert not idlers[0].closed


def test_in_a_full_list_of_peers_that_wait_addresses_decide_and_the_same_at_both_ends() -> None:
    bench = Bench(have=range(COUNT), settings=Settings(max_connections_per_torrent=8, upload_slots=1))
    own = ("123.213.32.10", PORT)
    hosts = sorted((f"98.{number}.54.32" for number in range(1, 20)), key=lambda host: priority(own, (host, PORT)))
    guests = {}
    for host in (*hosts[5:9], *hosts[11:15]):
        guests[host] = bench.guest([], host=bench.host(host), extended=True)
        guests[host].say(extension(p=PORT, yourip=bytes([123, 213, 32, 10])), message(INTERESTED))
    assert bench.guest([], host=bench.host(hosts[18])).closed, "each is given a minute"
    bench.run(70)
    assert not any(guest.closed for guest in guests.values())
    assert bench.guest([], host=bench.host(hosts[4])).closed, "it is worth less than all of them"
    newcomer = bench.guest([], host=bench.host(hosts[10]))
    gone = [host for host, guest in guests.items() if guest.closed]
    assert not newcomer.closed
    assert len(gone) == 1
    assert gone[0] in hosts[5:7], "the first of them may be the one served"


def test_of_many_addresses_those_are_dialled_that_both_ends_keep() -> None:
    bench = Bench(settings=Settings(max_connections_per_torrent=4))
    own = ("123.213.32.10", PORT)
    bench.act(bench.torrent.set_state, "stopped")
    guests: List[Guest] = []
    addresses = [bench.open_house(guests, host=bench.host(f"98.{number}.54.32"))[0] for number in range(1, 20)]
    for reporter in ("1.1.1.1", "2.2.2.2", "3.3.3.3"):
        bench.engine.own_host.report(own[0], reporter)
    bench.act(bench.torrent.learn, addresses, Source.TRACKER)
    bench.set_state("active")
    bench.run(2)
    ranked = sorted(addresses, key=lambda address: priority(own, address), reverse=True)
    dialled = {guest.stream.address for guest in guests if guest.stream is not None}
    assert len(dialled) == 4
    assert bench.torrent.peerlist.candidates(bench.world.now, 99) == ranked[4:]


def test_where_all_places_are_taken_by_the_useless_others_are_dialled_instead() -> None:
    bench = Bench(settings=Settings(max_connections_per_torrent=10, max_connections_per_host=3))
    crowded(bench, 10)
    guests: List[Guest] = []
    for _ in range(12):
        address, _ = bench.open_house(guests)
        bench.act(bench.torrent.learn, [address], Source.TRACKER)
    bench.run(2)
    assert bench.status.connected == 10, "no connection is closed before its replacement is connected"
    assert len(guests) == 7
    for number, guest in enumerate(guests):
        guest.greet(peerid=b"-GU0002-%012d" % number)
    bench.run(2)
    assert bench.status.connected == 10
    assert not any(guest.closed for guest in guests)
    assert len(guests) == 7


def test_the_rows_are_as_of_the_last_tick_and_none_are_left_after_a_stop() -> None:
    bench = Bench()
    bench.guest()
    assert bench.status.peers == ()
    bench.run(1)
    assert len(bench.status.peers) == 1
    bench.set_state("stopped")
    assert bench.status.peers == ()
    assert bench.status.connected == 0


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
    (peer,) = bench.payload.exchange
    taken = bench.status.uploaded
    assert peer.stream.backlog > BLOCK
    guest.hang_up()
    assert bench.status.uploaded <= taken + 20_000
