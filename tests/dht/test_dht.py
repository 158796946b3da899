"""The machine of a session: what datagrams may cost, attacks on it, both families, the state."""

from __future__ import annotations

import gc
import random
import tracemalloc

import pytest
from support.dht_places import fitting, local, place, public
from support.dht_wire import NOW, Wire

from bittorrent_threads.dht import krpc, node_id
from bittorrent_threads.dht import place as place_module
from bittorrent_threads.dht.bucket import K
from bittorrent_threads.dht.dht import Dht, claims
from bittorrent_threads.dht.flood_guard import BLOCK_TIME, MAX_DATAGRAMS
from bittorrent_threads.dht.krpc import MAX_SENT
from bittorrent_threads.dht.node_id import fits, unpack
from bittorrent_threads.dht.peer_store import LIFE
from bittorrent_threads.swarm.external_address import ExternalAddress

HASH = b"i" * 20


@pytest.mark.parametrize(("datagram", "ours"), [(b"d1:ae", True), (b"de", True), (b"\x41\0", False), (b"d", False)])
def test_which_datagrams_are_ours(datagram: bytes, ours: bool) -> None:
    assert claims(memoryview(datagram)) is ours


def test_what_comes_from_nowhere_is_dropped() -> None:
    wire = Wire()
    ping = krpc.query(krpc.PING, b"tt", 5, {}, read_only=False)
    for address in (("1.2.3.4", 0), ("fe80::1%2", 5), ("2001:4860::1", 5), ("224.0.0.1", 5)):
        wire.dht.receive(memoryview(ping), address, NOW)
    assert wire.sent() == []
    assert wire.other == []
    assert wire.dht.statistics().malformed == 4
    wire.dht.add_node(("2001:4860::1", 5), NOW)
    wire.dht.add_node(("nonsense", 5), NOW)
    assert wire.sent() == []


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_a_flood_is_answered_fifty_times_and_then_ignored() -> None:
    wire = Wire()
    for number in range(1000):
        wire.now = NOW + number / 200
        wire.ask(krpc.PING, public(1), read_only=True)
    wire.sent()
    found = wire.dht.statistics()
    assert (found.answers_sent, found.blocked_hosts) == (MAX_DATAGRAMS, 1)
    assert found.floods == 1000 - MAX_DATAGRAMS - 1
    wire.ask(krpc.PING, public(2), read_only=True)
    assert wire.dht.statistics().answers_sent == MAX_DATAGRAMS + 1, "others are answered"
    wire.now += BLOCK_TIME
    wire.ask(krpc.PING, public(1), read_only=True)
    assert wire.dht.statistics().answers_sent == MAX_DATAGRAMS + 2


@pytest.mark.parametrize("datagram", [b"nonsense", b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"])
def test_a_flood_of_nonsense_is_ignored(datagram: bytes) -> None:
    wire = Wire()
    for _ in range(1000):
        wire.give(datagram, public(1))
    found = wire.dht.statistics()
    assert found.malformed + found.unexpected == MAX_DATAGRAMS + 1
    assert found.floods == 1000 - MAX_DATAGRAMS - 1


def test_answers_to_our_own_queries_are_no_flood() -> None:
    wire = Wire()
    for number in range(200):
        wire.now = NOW + number / 3.5
        wire.dht.add_node(public(1, port=1000 + number).address, wire.now)
        wire.dht.advance(wire.now)
        wire.answer_all()
    assert wire.dht.statistics().floods == 0


def test_forged_senders_get_no_more_than_the_budget() -> None:
    wire = Wire(families=(4,))
    wire.meet(*(public(number) for number in range(1, 30)))
    before = wire.dht.statistics()
    begin, asked = wire.now, 0
    for number in range(6000):
        wire.now = begin + number / 200
        wire.ask(krpc.GET_PEERS, public(1000 + number), info_hash=HASH, read_only=True)
        asked += 1
    wire.sent()
    found = wire.dht.statistics()
    seconds = wire.now - begin
    assert found.bytes_sent - before.bytes_sent <= 8000 * (seconds + 2)
    assert found.refused > 0.5 * asked
    wire.dht.get_peers(HASH, wire.now)
    assert len(wire.sent()) == 5, "our own lookups go on"


def test_no_answer_is_long() -> None:
    wire = Wire()
    wire.meet(*(public(number) for number in range(1, 30)))
    for number in range(300):
        store = wire.dht._stores[4]
        store.announce(HASH, public(number), 7, wire.now)
    wire.sizes.clear()
    wire.ask(krpc.GET_PEERS, public(1), info_hash=HASH)
    wire.sent()
    assert 600 < max(wire.sizes) <= MAX_SENT


def test_an_eclipse_by_one_network_fails() -> None:
    wire = Wire()
    honest = [public(number) for number in range(1, 30)]
    wire.meet(*honest)
    before = set(wire.dht.closest(wire.dht.node_id(4), 4, 100))
    chance = random.Random(1)
    for number in range(2000):
        wire.now += 0.05
        sybil = place(f"66.6.{number % 4}.{1 + number // 8}", 1000 + number)
        wire.ask(krpc.PING, sybil, unpack(wire.dht.node_id(4)) ^ chance.getrandbits(30))
        wire.dht.advance(wire.now)
        for received in wire.sent():
            number_of = unpack(wire.dht.node_id(4)) ^ chance.getrandbits(30)
            received.reply(number_of if received.place.address[0].startswith("66.6.") else None)
    told = wire.dht.closest(wire.dht.node_id(4), 4, 100)
    sybils = [address for address in told if address[0].startswith("66.6.")]
    assert before <= set(told), "good nodes keep their places"
    assert len(sybils) <= 4 * len(wire.dht._nodes[4].table.buckets)


def test_datagrams_take_no_memory() -> None:
    wire = Wire()
    chance = random.Random(1)

    def attack(count: int) -> None:
        for number in range(count):
            wire.now += 0.01
            wire.ask(krpc.GET_PEERS, public(chance.randrange(10**6)), chance.getrandbits(160), info_hash=HASH)
            wire.give(chance.getrandbits(800).to_bytes(100, "big"), public(chance.randrange(10**6)))
            if not number % 10:
                wire.dht.advance(wire.now)
            wire.dht.outgoing()
            wire.dht.events()
        gc.collect()

    for cache in (node_id._prefix, place_module._host, place_module.place_of):
        cache.cache_clear()  # else what other tests left decides when their tables grow
    tracemalloc.start()
    attack(6000)  # fills the tables
    full, _ = tracemalloc.get_traced_memory()
    attack(6000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert full < 4_000_000
    assert grown - full < 300_000, "50 bytes a datagram"


# -- modes -------------------------------------------------------------------------------------------------------------


def test_a_read_only_node_answers_nothing() -> None:
    wire = Wire(read_only=True)
    assert wire.dht.read_only
    wire.ask(krpc.PING, public(1), fitting(public(1)))
    assert wire.run(60.0) == []
    assert wire.other == []
    wire.dht.add_node(public(2).address, wire.now)
    (ping,) = wire.sent()
    assert ping.query.read_only
    wire.dht.read_only = False
    wire.ask(krpc.PING, public(3))
    wire.sent()
    assert len(wire.other) == 1


def test_nodes_of_the_other_family_are_learned() -> None:
    wire = Wire(families=(4, 6))
    six = place("2001:4860::1")
    wire.dht.bootstrap([public(1).address], wire.now)
    (query,) = wire.sent()
    assert query.query.wanted(4) == (4, 6)
    query.reply(nodes6=fitting(six).to_bytes(20, "big") + six.compact)
    pings = [each for each in wire.run(1.0) if each.place == six]
    assert pings
    pings[0].reply()
    assert wire.dht.node_count(6) == 1


def test_many_nodes_of_one_local_host() -> None:
    wire = Wire()
    wire.meet(*(local(number) for number in range(1, 30)))
    assert wire.dht.node_count(4) >= K


# -- ids and state -----------------------------------------------------------------------------------------------------


def test_an_id_fits_the_address_that_is_known() -> None:
    own_host = ExternalAddress()
    for number in range(3):
        own_host.report("124.31.75.21", public(number).address[0])
    dht = Dht(random.Random(1), own_host, now=NOW, families=(4,))
    assert fits(unpack(dht.node_id(4)), place("124.31.75.21"))
    kept = Dht(random.Random(2), own_host, now=NOW, families=(4,), state=dht.state())
    assert kept.node_id(4) == dht.node_id(4)
    moved = ExternalAddress()
    for number in range(3):
        moved.report("8.8.8.8", public(number).address[0])
    other = Dht(random.Random(2), moved, now=NOW, families=(4,), state=dht.state())
    assert other.node_id(4) != dht.node_id(4)
    assert fits(unpack(other.node_id(4)), place("8.8.8.8"))


def test_stored_peers_go_in_time() -> None:
    wire = Wire()
    for number in range(5):
        wire.ask(krpc.GET_PEERS, public(number), info_hash=HASH, read_only=True)
        wire.sent()
        answer = wire.other[-1]
        assert isinstance(answer, krpc.Reply)
        wire.ask(krpc.ANNOUNCE_PEER, public(number), info_hash=HASH, port=7, token=answer.token, read_only=True)
    assert (wire.dht.statistics().stored_torrents, wire.dht.statistics().stored_peers) == (1, 5)
    wire.run(LIFE + 301)
    assert (wire.dht.statistics().stored_torrents, wire.dht.statistics().stored_peers) == (0, 0)


def test_offline_it_sleeps() -> None:
    wire = Wire(families=(4, 6))
    wire.dht.get_peers(HASH, wire.now)
    steps = 0
    while wire.dht.next_timeout < NOW + 600:
        assert wire.dht.next_timeout > wire.now or not steps
        wire.now = max(wire.now, wire.dht.next_timeout)
        wire.dht.advance(wire.now)
        steps += 1
    assert steps < 40
    assert wire.sent() == []


def test_a_search_that_has_to_wait_goes_on() -> None:
    wire = Wire()
    wire.meet(*(public(number) for number in range(1, 4)))
    searches = [wire.dht.get_peers(number.to_bytes(20, "big"), wire.now) for number in range(16)]
    sent = 0
    begin = wire.now
    while not all(search.ended for search in searches):
        received = wire.run(0.05)
        sent += len(received)
        for each in received:
            each.reply()
        assert wire.now < begin + 30
    assert sent == 16 * 3
    assert sent <= 3 * (10 + 4 * (wire.now - begin) + 1), "no host is asked more than four times a second"


def test_a_cancel_among_searches_that_wait() -> None:
    wire = Wire()
    wire.meet(public(1))
    searches = [wire.dht.get_peers(number.to_bytes(20, "big"), wire.now) for number in range(14)]
    wire.sent()
    for search in searches:
        wire.dht.cancel(search, wire.now)
    assert wire.run(5.0) == []


def test_refused_hosts_are_forgotten() -> None:
    wire = Wire()
    wire.meet(public(1), public(2))
    wire.dht.forget(lambda host: host == public(1).address[0])
    assert wire.dht.node_count(4) == 1
    assert wire.dht.closest(bytes(20), 4) == [public(2).address]
