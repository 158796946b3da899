"""PeerList: which addresses to dial, when again, and which never."""

from __future__ import annotations

import random
from typing import Dict, List, Optional, Set

import pytest

from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.swarm.backoff import (
    LAST_RESORT,
    LEAST_LONGEST,
    LONGEST_PAUSE,
    MAX_FAILURES,
    PAUSE_PER_ADDRESS,
    RECONNECT_PAUSE,
    RETRY_PAUSE,
    SHORT_CONNECTION,
    USELESS_PAUSE,
)
from bittorrent_threads.swarm.peer_list import MAX_OF_OWNER, PeerList, Source

HOST = "127.0.0.1"
ALL = 1000


def at(port: int, host: str = HOST) -> Address:
    return host, port


def make(*ports: int, limit: int = 3000, source: Source = Source.TRACKER, seed: int = 1) -> PeerList:
    peers = PeerList(limit=limit, random=random.Random(seed))
    for port in ports:
        assert peers.add(at(port), source, 0.0)
    return peers


def ports(peers: PeerList, now: float, count: int = ALL) -> List[int]:
    return [port for _, port in peers.candidates(now, count)]


# -- learning addresses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.200.1.1", "10.0.0.1", "192.168.1.1", "223.255.255.255", "::1", "2001:db8::1", "fe80::1%2"],
)
def test_usable_addresses(host: str) -> None:
    peers = make()
    assert peers.add((host, 1), Source.TRACKER, 0.0)
    assert peers.add((host, 65535), Source.USER, 0.0)
    assert sorted(peers.candidates(0.0, 5)) == [(host, 1), (host, 65535)]


@pytest.mark.parametrize(
    "address",
    [
        ("127.0.0.1", 0),
        ("127.0.0.1", -1),
        ("127.0.0.1", 65536),
        ("", 1),
        ("localhost", 1),
        ("1.2.3", 1),
        ("01.2.3.4", 1),
        ("1.2.3.4\n", 1),
        ("0.0.0.0", 1),
        ("0.1.2.3", 1),
        ("224.0.0.1", 1),
        ("240.0.0.1", 1),
        ("255.255.255.255", 1),
        ("::", 1),
        ("ff02::1", 1),
        ("fe80::1", 1),
        ("fe80::1%", 1),
        ("::1%2", 1),
        ("1.2.3.4%", 1),
        ("[::1]", 1),
        ("::ffff:0.0.0.0", 1),
    ],
)
def test_unusable_addresses(address: Address) -> None:
    peers = make()
    assert not peers.add(address, Source.USER, 0.0)
    peers.exclude(address)
    peers.ban(address)
    peers.bind(address, address)
    peers.connected(address, incoming=True, now=0.0)
    peers.closed(address, 0.0, useful=True)
    assert not peers.banned(address)
    assert peers.counts == (0, 0, 0)


def test_one_address_in_two_spellings() -> None:
    peers = make()
    assert peers.add(("::ffff:1.2.3.4", 5), Source.TRACKER, 0.0)
    assert not peers.add(("1.2.3.4", 5), Source.TRACKER, 0.0)
    assert peers.add(("2001:db8:0:0::1", 5), Source.TRACKER, 0.0)
    assert not peers.add(("2001:DB8::1", 5), Source.TRACKER, 0.0)
    assert peers.counts.known == 2


def test_our_own_address_is_never_listed() -> None:
    peers = make(1, 2)
    peers.dialing(at(1))
    peers.exclude(at(1))
    peers.failed(at(1), 0.0, "that was ourselves")
    assert not peers.add(at(1), Source.USER, 0.0)
    assert ports(peers, 1e6) == [2]


def test_a_full_list_forgets_what_was_tried_in_vain_and_nothing_else_for_addresses_of_the_same_source() -> None:
    peers = make(1, 2, 3, 4, 5, limit=5)
    for port in (1, 3):
        peers.dialing(at(port))
    peers.failed(at(3), 0.0, "refused")
    peers.dialing(at(4))
    peers.connected(at(4), incoming=False, now=0.0)
    assert peers.add(at(6), Source.TRACKER, 0.0)
    assert not peers.add(at(7), Source.TRACKER, 0.0)
    # 3 had failed, 1 and 4 are in use.
    assert peers.counts.known == 5
    assert sorted(ports(peers, 1e6)) == [2, 5, 6]


def test_a_flood_of_one_source_takes_nothing_from_another() -> None:
    peers = PeerList(limit=3000, random=random.Random(1))
    honest = [at(6881, f"8.{number >> 8}.{number & 255}.1") for number in range(2000)]
    for address in honest:
        assert peers.add(address, Source.TRACKER, 0.0)
    for number in range(20000):
        peers.add(at(6881, f"9.{number >> 8}.{number & 255}.1"), Source.INCOMING, 0.0)
    assert peers.counts.known == 3000
    assert set(honest) <= set(peers.candidates(0.0, 3000))


def test_what_the_trackers_name_takes_the_room_that_incoming_peers_had() -> None:
    peers = PeerList(limit=100, random=random.Random(1))
    for number in range(200):
        peers.add(at(6881, f"9.0.{number}.1"), Source.INCOMING, 0.0)
    assert peers.counts.known == 100
    for number in range(200):
        peers.add(at(6881, f"8.0.{number}.1"), Source.TRACKER, 0.0)
    found = peers.candidates(0.0, 100)
    assert len(found) == 100
    assert sum(host.startswith("8.") for host, _ in found) == 80
    assert {host for host, _ in found if host.startswith("9.")} == {f"9.0.{number}.1" for number in range(20)}


def test_an_address_that_a_tracker_names_too_counts_for_the_tracker() -> None:
    peers = PeerList(limit=10, random=random.Random(1))
    for port in range(1, 5):
        peers.add(at(port), Source.INCOMING, 0.0)
        assert not peers.add(at(port), Source.TRACKER, 0.0)
    for port in range(101, 120):
        peers.add(at(port), Source.INCOMING, 0.0)
    for port in range(201, 220):
        peers.add(at(port), Source.TRACKER, 0.0)
    assert {1, 2, 3, 4} < set(ports(peers, 0.0)), "they would have had to go"


def test_of_one_public_host_few_addresses_are_listed() -> None:
    peers = make()
    assert sum(peers.add(at(port, "8.8.8.8"), Source.TRACKER, 0.0) for port in range(6000, 8000)) == MAX_OF_OWNER
    assert peers.add(at(6000, "8.8.4.4"), Source.TRACKER, 0.0)
    assert peers.add(at(9000, "8.8.8.8"), Source.USER, 0.0)
    in_vain = next(each for each in peers.candidates(0.0, 9) if each[0] == "8.8.8.8" and each[1] < 9000)
    peers.dialing(in_vain)
    peers.failed(in_vain, 0.0, "refused")
    before = peers.counts.known
    assert peers.add(at(9001, "8.8.8.8"), Source.TRACKER, 0.0), "in the place of the one that failed"
    assert not peers.add(at(9002, "8.8.8.8"), Source.TRACKER, 0.0)
    assert peers.counts.known == before


def test_of_one_public_ipv6_network_few_addresses_are_listed() -> None:
    peers = make()
    assert sum(peers.add(at(6881, f"2606:4700::{n:x}"), Source.TRACKER, 0.0) for n in range(1, 99)) == MAX_OF_OWNER
    assert peers.add(at(6881, "2606:4700:0:1::1"), Source.TRACKER, 0.0)


def test_of_a_local_host_few_addresses_are_listed_if_the_internet_tells_them() -> None:
    told_publicly, told_locally = make(), make()
    for port in range(6000, 6100):
        told_publicly.add(at(port, "192.168.1.1"), Source.TRACKER, 0.0, teller="8.8.8.8")
        told_locally.add(at(port, "192.168.1.1"), Source.TRACKER, 0.0, teller="10.0.0.1")
    assert (told_publicly.counts.known, told_locally.counts.known) == (MAX_OF_OWNER, 100)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("teller", ["8.8.8.8", "2606:4700::1", "10.9.9.9", ""])
def test_services_of_this_network_are_not_told_by_the_internet(host: str, teller: str) -> None:
    peers = make()
    assert peers.add(at(80, host), Source.TRACKER, 0.0, teller=teller) is (teller in ("10.9.9.9", ""))
    assert peers.add(at(6881, host), Source.TRACKER, 0.0, teller=teller)


def test_ports_of_other_services_are_dialled_last() -> None:
    peers = make(22, 80, 443, 1023, 1024, 6881)
    peers.add(at(25), Source.USER, 0.0)
    for port in (1024, 6881):
        peers.dialing(at(port))
        peers.failed(at(port), 0.0, "refused")
    order = ports(peers, RETRY_PAUSE)
    assert order[0] == 25
    assert set(order[1:3]) == {1024, 6881}
    assert set(order[3:]) == {22, 80, 443, 1023}


def test_full_list_keeps_those_of_the_user() -> None:
    peers = make(1, 2, limit=2, source=Source.USER)
    assert not peers.add(at(3), Source.TRACKER, 0.0)
    assert not peers.add(at(3), Source.USER, 0.0)
    assert sorted(ports(peers, 0.0)) == [1, 2]


# -- dialling ----------------------------------------------------------------------------------------------------------


def test_candidates_stay_until_they_are_dialled() -> None:
    peers = make(1, 2, 3)
    first = ports(peers, 0.0, 2)
    assert ports(peers, 0.0, 2) == first
    peers.dialing(at(first[0]))
    assert len(ports(peers, 0.0)) == 2
    assert first[0] not in ports(peers, 1e6)
    assert ports(peers, 0.0, 0) == []


def test_order_is_user_then_failures() -> None:
    peers = make(*range(1, 21))
    for port in range(1, 11):
        peers.dialing(at(port))
        peers.failed(at(port), 0.0, "refused")
    peers.add(at(30), Source.USER, 0.0)
    order = ports(peers, RETRY_PAUSE)
    assert order[0] == 30
    assert set(order[1:11]) == set(range(11, 21))
    assert set(order[11:]) == set(range(1, 11))


def test_order_is_random_among_equals() -> None:
    orders = {tuple(ports(make(*range(1, 9), seed=seed), 0.0)) for seed in range(20)}
    assert len(orders) > 15
    firsts = [ports(make(*range(1, 9), seed=seed), 0.0, 1)[0] for seed in range(400)]
    assert min(firsts.count(port) for port in range(1, 9)) > 25


def test_failed_dials_back_off_and_end() -> None:
    peers = make(1)
    now, pauses = 0.0, []
    while peers.next_time(now) is not None:
        peers.dialing(at(1))
        assert peers.next_time(now) is None
        peers.failed(at(1), now, "refused")
        due = peers.next_time(now)
        if due is not None:
            pauses.append(due - now)
            assert ports(peers, due - 0.001) == []
            now = due
            assert ports(peers, now) == [1]
    assert pauses == [RETRY_PAUSE * 2**number for number in range(MAX_FAILURES - 1)]
    assert peers.counts.known == 0
    assert peers.last_failure == "refused"
    assert peers.add(at(1), Source.TRACKER, now)


def test_failed_dials_of_the_users_peers_never_end() -> None:
    peers = make(1, source=Source.USER)
    now = 0.0
    for _ in range(50):
        peers.dialing(at(1))
        peers.failed(at(1), now, "refused")
        due = peers.next_time(now)
        assert due is not None
        assert due - now <= LONGEST_PAUSE
        pause, now = due - now, due
    assert pause == LONGEST_PAUSE


def test_the_user_can_ask_for_an_address_again() -> None:
    peers = make(1)
    peers.dialing(at(1))
    assert not peers.add(at(1), Source.USER, 0.0)
    peers.failed(at(1), 0.0, "refused")
    assert not peers.add(at(1), Source.TRACKER, 1.0)
    assert ports(peers, 1.0) == []
    assert not peers.add(at(1), Source.USER, 1.0)
    assert ports(peers, 1.0) == [1]
    peers.dialing(at(1))
    peers.failed(at(1), 1.0, "refused")
    assert peers.next_time(1.0) == 1.0 + RETRY_PAUSE
    for _ in range(2 * MAX_FAILURES):
        peers.dialing(at(1))
        peers.failed(at(1), 1.0, "refused")
    assert peers.counts.known == 1


def test_next_time_is_the_earliest() -> None:
    peers = make(1, 2)
    assert peers.next_time(5.0) == 5.0
    for port, now in ((1, 10.0), (2, 7.0)):
        peers.dialing(at(port))
        peers.failed(at(port), now, "refused")
    assert peers.next_time(10.0) == 7.0 + RETRY_PAUSE
    assert make().next_time(0.0) is None


def test_nobody_is_waited_for_after_a_new_start() -> None:
    peers = make(*range(1, 6))
    for port in range(1, 5):
        peers.dialing(at(port))
    for _ in range(3):
        peers.failed(at(1), 0.0, "the torrent was stopped")
    peers.connected(at(2), incoming=False, now=0.0)
    peers.connected(at(3), incoming=False, now=0.0)
    peers.closed(at(3), 0.0, useful=True)
    peers.forgive(1.0)
    assert sorted(ports(peers, 1.0)) == [1, 3, 5]
    peers.dialing(at(1))
    peers.failed(at(1), 1.0, "refused")
    assert 1 in ports(peers, 1.0 + RETRY_PAUSE)


# -- connections -------------------------------------------------------------------------------------------------------


def test_connected_peers_are_not_dialled_and_come_back_after_a_pause() -> None:
    peers = make(1)
    peers.dialing(at(1))
    peers.connected(at(1), incoming=False, now=0.0)
    assert peers.counts == (1, 1, 0)
    assert ports(peers, 1e6) == []
    peers.closed(at(1), 1000.0, useful=True)
    assert peers.counts == (1, 0, 0)
    assert peers.next_time(1000.0) == 1000.0 + RECONNECT_PAUSE


def test_short_connections_pause_longer_each_time_until_one_lasts() -> None:
    peers, now, pauses = make(1), 0.0, []
    for lasting in (1.0, 1.0, 1.0, SHORT_CONNECTION, 1.0):
        peers.dialing(at(1))
        peers.connected(at(1), incoming=False, now=now)
        peers.closed(at(1), now + lasting, useful=True)
        due = peers.next_time(now + lasting)
        assert due is not None
        pauses.append((due - now - lasting) / RECONNECT_PAUSE)
        now = due
    assert pauses == [1.0, 2.0, 4.0, 1.0, 1.0]


def test_a_connection_on_which_blocks_came_was_not_too_short() -> None:
    peers = make(1)
    for now in range(0, 1000, 100):
        peers.dialing(at(1))
        peers.connected(at(1), incoming=False, now=float(now))
        peers.closed(at(1), now + 0.5, useful=True, productive=True)
        assert peers.next_time(now + 0.5) == now + 0.5 + RECONNECT_PAUSE


def test_where_few_are_known_and_needed_each_is_tried_often_and_none_forgotten() -> None:
    peers = make(1)
    peers.need(0.0, needed=True)
    now = 0.0
    for _ in range(50):
        peers.dialing(at(1))
        peers.failed(at(1), now, "refused")
        due = peers.next_time(now)
        assert due is not None
        assert due - now <= LEAST_LONGEST
        now = due


def test_where_many_are_known_each_is_tried_seldom() -> None:
    peers = make(1, 2, 3, source=Source.USER)
    for port in range(1000, 1097):
        peers.add(at(port), Source.TRACKER, 0.0)
    peers.need(0.0, needed=True)
    now = 0.0
    for _ in range(20):
        peers.dialing(at(1))
        peers.failed(at(1), now, "refused")
        pauses = [due - now for due, _, entry in peers._queue._waiting if entry.address == at(1) and entry.ticket]
        now += 5000.0
    assert max(pauses) == PAUSE_PER_ADDRESS * 100


def test_when_pieces_are_missing_again_nothing_is_put_off() -> None:
    peers = make(1)
    peers.dialing(at(1))
    peers.connected(at(1), incoming=False, now=0.0)
    peers.closed(at(1), 1.0, useful=False)
    peers.need(2.0, needed=False)
    assert ports(peers, 2.0) == []
    peers.need(3.0, needed=True)
    assert ports(peers, 3.0) == [1]


def test_some_of_all_that_failed_are_kept_while_peers_are_needed() -> None:
    peers = make(*range(1, 101))
    peers.need(0.0, needed=True)
    now = 0.0
    for _ in range(2 * MAX_FAILURES):
        now += LONGEST_PAUSE
        for port in ports(peers, now):
            peers.dialing(at(port))
            peers.failed(at(port), now, "no route")
    assert peers.counts.known == LAST_RESORT


def test_of_one_public_host_one_is_kept() -> None:
    peers = make()
    for port in range(6001, 6009):
        peers.add(at(port, "8.8.8.8"), Source.TRACKER, 0.0)
    peers.need(0.0, needed=True)
    now = 0.0
    for _ in range(2 * MAX_FAILURES):
        now += LONGEST_PAUSE
        for address in peers.candidates(now, ALL):
            peers.dialing(address)
            peers.failed(address, now, "no route")
    assert peers.counts.known == 1


def test_a_preference_orders_addresses_of_one_rank() -> None:
    peers = make()
    peers.prefer(lambda address: address[1] / 65536)
    for port in (5003, 5001, 5002, 80):
        peers.add(at(port), Source.TRACKER, 0.0)
    peers.add(at(9000), Source.USER, 0.0)
    assert ports(peers, 0.0) == [9000, 5001, 5002, 5003, 80]


def test_how_many_addresses_each_source_has() -> None:
    peers = make(5001, 5002)
    peers.add(at(5003), Source.PEX, 0.0)
    assert peers.by_source == {Source.TRACKER: 2, Source.PEX: 1}


def test_an_address_is_promising_until_it_was_tried_in_vain() -> None:
    peers = make()
    assert not peers.promising
    peers.add(at(1), Source.TRACKER, 0.0)
    assert peers.promising
    peers.dialing(at(1))
    assert peers.promising
    peers.failed(at(1), 0.0, "refused")
    assert not peers.promising
    peers.add(at(2), Source.TRACKER, 0.0)
    assert peers.promising


def test_an_address_is_not_dialled_twice_when_a_connection_of_its_peer_ends_meanwhile() -> None:
    peers = make(1)
    peers.dialing(at(1))
    peers.connected(at(50000), incoming=True, now=0.0)
    peers.bind(at(50000), at(1))
    peers.closed(at(50000), 0.0, useful=True)
    assert ports(peers, 1e6) == []
    peers.failed(at(1), 0.0, "timed out")
    assert ports(peers, 1e6) == [1]


def test_useless_peers_pause_long() -> None:
    peers = make(1)
    peers.dialing(at(1))
    peers.connected(at(1), incoming=False, now=0.0)
    peers.closed(at(1), 1.0, useful=False)
    assert peers.next_time(1.0) == 1.0 + USELESS_PAUSE


def test_incoming_connections_are_counted_and_never_dialled() -> None:
    peers = make()
    peers.connected(at(50000), incoming=True, now=0.0)
    assert peers.counts == (0, 1, 0)
    peers.closed(at(50000), 100.0, useful=True)
    assert peers.counts == (0, 0, 0)
    assert peers.next_time(100.0) is None


def test_an_incoming_peer_that_tells_its_port_is_dialled_after_it_left() -> None:
    peers = make()
    peers.connected(at(50000), incoming=True, now=0.0)
    assert peers.add(at(1), Source.INCOMING, 0.0)
    peers.bind(at(50000), at(1))
    assert peers.next_time(0.0) is None
    peers.closed(at(50000), 100.0, useful=True)
    assert ports(peers, 100.0 + RECONNECT_PAUSE) == [1]


def test_a_tie_made_before_the_address_is_listed_counts_too() -> None:
    peers = make()
    peers.connected(at(50000), incoming=True, now=0.0)
    peers.bind(at(50000), at(1))
    assert peers.add(at(1), Source.TRACKER, 0.0)
    assert ports(peers, 0.0) == []
    peers.closed(at(50000), 100.0, useful=True)
    assert ports(peers, 100.0 + RECONNECT_PAUSE) == [1]


def test_a_peer_that_dials_from_the_port_at_which_it_listens() -> None:
    peers = make(1)
    peers.connected(at(1), incoming=True, now=0.0)
    assert ports(peers, 1e6) == []
    assert not peers.bind(at(1), at(2))
    peers.closed(at(1), 100.0, useful=True)
    assert ports(peers, 100.0 + RECONNECT_PAUSE) == [1]


@pytest.mark.parametrize("incoming_first", [True, False])
def test_two_connections_with_the_very_same_address(incoming_first: bool) -> None:
    peers = make(1)
    peers.dialing(at(1))
    for incoming in (incoming_first, not incoming_first):
        peers.connected(at(1), incoming=incoming, now=0.0)
    assert peers.counts == (1, 1, 0)
    peers.closed(at(1), 50.0, useful=True)
    assert ports(peers, 1e6) == []
    peers.closed(at(1), 100.0, useful=True)
    assert ports(peers, 1e6) == [1]


def test_both_sides_dialled() -> None:
    peers = make(1)
    peers.dialing(at(1))
    peers.connected(at(50000), incoming=True, now=0.0)
    peers.bind(at(50000), at(1))
    peers.connected(at(1), incoming=False, now=0.0)
    peers.closed(at(1), 0.0, useful=True)
    assert ports(peers, 1e6) == []
    peers.closed(at(50000), 100.0, useful=True)
    assert ports(peers, 1e6) == [1]


def test_a_peer_that_comes_by_itself_is_not_waited_for() -> None:
    peers = make(1)
    peers.dialing(at(1))
    peers.failed(at(1), 0.0, "refused")
    peers.connected(at(50000), incoming=True, now=1.0)
    peers.bind(at(50000), at(1))
    assert peers.next_time(1.0) is None


def test_a_dial_that_outlives_a_connection_of_the_same_peer() -> None:
    peers = make(1, 2, limit=2)
    peers.dialing(at(1))
    peers.connected(at(50000), incoming=True, now=0.0)
    peers.bind(at(50000), at(1))
    peers.closed(at(50000), 0.0, useful=True)
    peers.failed(at(1), 0.0, "no handshake")
    for port in range(3, 9):
        peers.add(at(port), Source.TRACKER, 0.0)
        assert peers.counts.known == 2


def test_a_dial_that_fails_while_the_peer_is_connected_counts_for_nothing() -> None:
    peers = make(1)
    peers.dialing(at(1))
    peers.connected(at(50000), incoming=True, now=0.0)
    peers.bind(at(50000), at(1))
    peers.failed(at(1), 0.0, "connected twice")
    assert ports(peers, 1e6) == []


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        (at(50000), at(1, "127.0.0.2")),  # another host
        (at(50000), at(2)),  # an address we dialled ourselves
        (at(50001), at(1)),  # no peer is there
    ],
)
def test_claims_that_are_not_believed(caller: Address, told: Address) -> None:
    peers = make(1, 2)
    peers.add(at(1, "127.0.0.2"), Source.TRACKER, 0.0)
    peers.dialing(at(2))
    peers.connected(at(2), incoming=False, now=0.0)
    peers.connected(at(50000), incoming=True, now=0.0)
    before = peers.candidates(0.0, ALL)
    peers.bind(caller, told)
    assert peers.candidates(0.0, ALL) == before
    peers.ban(caller)
    assert not peers.banned(told)


def test_only_the_first_claim_counts() -> None:
    peers = make(1, 2)
    peers.connected(at(50000), incoming=True, now=0.0)
    assert peers.bind(at(50000), at(1))
    assert not peers.bind(at(50000), at(2))
    assert ports(peers, 0.0) == [2]


# -- bans --------------------------------------------------------------------------------------------------------------


def test_a_banned_address_is_forgotten_and_refused() -> None:
    peers = make(1, 2)
    peers.ban(at(1))
    assert peers.banned(at(1))
    assert not peers.add(at(1), Source.USER, 0.0)
    assert ports(peers, 1e6) == [2]
    assert peers.counts == (1, 0, 1)
    peers.ban(at(1))
    assert peers.counts.banned == 1


@pytest.mark.parametrize("gone", [False, True])
def test_a_ban_covers_where_the_peer_listens(gone: bool) -> None:
    peers = make(1, 2)
    peers.connected(at(50000), incoming=True, now=0.0)
    peers.bind(at(50000), at(1))
    if gone:
        peers.closed(at(50000), 5.0, useful=True)
    peers.ban(at(50000))
    assert peers.banned(at(1))
    assert peers.banned(at(50000))
    assert peers.counts.banned == 1
    assert ports(peers, 1e6) == [2]


def test_a_ban_of_where_it_listens_covers_its_connection() -> None:
    peers = make(1)
    peers.ban(at(1))
    peers.connected(at(50000), incoming=True, now=0.0)
    assert not peers.banned(at(50000))
    peers.bind(at(50000), at(1))
    assert peers.banned(at(50000))


@pytest.mark.parametrize("gone", [False, True])
def test_a_port_used_again_by_another_peer_is_not_the_one_before(gone: bool) -> None:
    peers = make(1)
    peers.connected(at(50000), incoming=True, now=0.0)
    peers.bind(at(50000), at(1))
    peers.closed(at(50000), 5.0, useful=True)
    peers.connected(at(50000), incoming=True, now=9.0)
    if gone:
        peers.closed(at(50000), 10.0, useful=True)
    peers.ban(at(50000))
    assert not peers.banned(at(1))


def test_loopback_peers_are_banned_one_by_one() -> None:
    peers = make(*range(1, 11))
    for port in range(1, 6):
        peers.ban(at(port))
    assert sorted(ports(peers, 0.0)) == [6, 7, 8, 9, 10]


def test_a_public_host_with_two_liars_is_banned() -> None:
    peers = make()
    for port in range(1, 5):
        peers.add(at(port, "8.8.8.8"), Source.TRACKER, 0.0)
    peers.add(at(1, "8.8.4.4"), Source.TRACKER, 0.0)
    peers.ban(at(1, "8.8.8.8"))
    assert not peers.banned(at(4, "8.8.8.8"))
    peers.ban(at(2, "8.8.8.8"))
    assert peers.banned(at(4, "8.8.8.8"))
    assert peers.candidates(0.0, ALL) == [at(1, "8.8.4.4")]


def test_one_peer_with_two_ports_is_one_liar() -> None:
    peers = make()
    peers.connected(at(50000, "8.8.8.8"), incoming=True, now=0.0)
    peers.bind(at(50000, "8.8.8.8"), at(1, "8.8.8.8"))
    peers.ban(at(50000, "8.8.8.8"))
    peers.ban(at(1, "8.8.8.8"))
    assert not peers.banned(at(2, "8.8.8.8"))


# -- all together ------------------------------------------------------------------------------------------------------


def test_random_walk_agrees_with_a_plain_model() -> None:
    chance = random.Random(8)
    peers = make(limit=40)
    idle: Dict[int, float] = {}
    dialled: Set[int] = set()
    linked: Dict[int, float] = {}
    failures: Dict[int, int] = {}
    now = 0.0
    for _ in range(8000):
        now += chance.choice([0.0, 0.5, 5.0, 40.0])
        port = chance.randrange(1, 31)
        if port not in idle and port not in dialled and port not in linked:
            assert peers.add(at(port), Source.TRACKER, now)
            idle[port], failures[port] = now, 0
        elif port in dialled:
            dialled.discard(port)
            if chance.random() < 0.5:
                peers.connected(at(port), incoming=False, now=now)
                linked[port] = now
            else:
                peers.failed(at(port), now, "refused")
                failures[port] += 1
                if failures[port] < MAX_FAILURES:
                    idle[port] = now + min(LONGEST_PAUSE, RETRY_PAUSE * 2 ** (failures[port] - 1))
        elif port in linked:
            peers.closed(at(port), now, useful=True)
            if now - linked.pop(port) >= SHORT_CONNECTION:
                failures[port] = 0
                idle[port] = now + RECONNECT_PAUSE
            else:
                idle[port] = now + min(LONGEST_PAUSE, RECONNECT_PAUSE * 2 ** failures[port])
                failures[port] += 1
        elif idle[port] <= now and chance.random() < 0.8:
            peers.dialing(at(port))
            del idle[port]
            dialled.add(port)
        found = ports(peers, now)
        assert sorted(found) == sorted(port for port, due in idle.items() if due <= now)
        assert [failures[port] for port in found] == sorted(failures[port] for port in found)
        expected: Optional[float] = min(idle.values(), default=None)
        assert peers.next_time(now) == (expected if expected is None else max(expected, now))
        assert peers.counts == (len(idle) + len(dialled) + len(linked), len(linked), 0)


def test_void_entries_do_not_pile_up() -> None:
    peers = make(1, limit=10)
    peers.add(at(2), Source.USER, 0.0)
    for number in range(2000):
        peers.connected(at(1), incoming=False, now=float(number))
        peers.closed(at(1), float(number), useful=True)
        peers.connected(at(50000 + number % 1000), incoming=True, now=0.0)
        peers.bind(at(50000 + number % 1000), at(100 + number % 50))
        peers.closed(at(50000 + number % 1000), 0.0, useful=True)
    tables = [*vars(peers).values(), *vars(peers._queue).values()]
    sizes = [len(value) for value in tables if isinstance(value, (list, dict))]
    assert max(sizes) < 200


def test_an_address_that_was_removed_meanwhile_is_dialled_without_a_trace() -> None:
    peers = make()
    peers.dialing(at(1))
    assert peers.counts.known == 0
    assert peers.candidates(0.0, 10) == []


def test_only_addresses_of_some_sources_are_kept() -> None:
    peers = make(1, 2)
    for port in (3, 4, 5):
        peers.add(at(port), Source.PEX, 0.0)
    peers.dialing(at(1))
    peers.connected(at(1), incoming=False, now=1.0)
    peers.dialing(at(3))
    peers.connected(at(3), incoming=False, now=1.0)
    assert [peers.source(at(port)) for port in (1, 3, 9)] == [Source.TRACKER, Source.PEX, None]
    peers.remove(lambda address, source: source is not Source.TRACKER)
    assert ports(peers, 1.0) == [2]
    assert peers.source(at(3)) is None
    assert peers.counts.known == 2
    peers.closed(at(1), 100.0, useful=True)
    peers.closed(at(3), 100.0, useful=True)
    assert set(ports(peers, 10_000.0)) == {1, 2}, "an address that is forgotten does not come back when it closes"
    assert peers.add(at(4), Source.TRACKER, 200.0), "it may become known again"
