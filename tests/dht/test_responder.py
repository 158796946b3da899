"""Answers: what they tell, and that none is long or can be used against others."""

from __future__ import annotations

import random
from typing import Any, Dict, List

import pytest
from support.dht_places import place, public

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.events import Event, PeerAnnounced
from bittorrent_threads.dht.krpc import MAX_SENT, Query, Refusal, Reply
from bittorrent_threads.dht.peer_store import PeerStore
from bittorrent_threads.dht.place import Place
from bittorrent_threads.dht.responder import Responder
from bittorrent_threads.dht.routing_table import RoutingTable
from bittorrent_threads.dht.tokens import Tokens
from bittorrent_threads.metainfo import bencode

NOW = 1000.0
OWN = 0x77 << 152
HASH = b"i" * 20
ASKER = place("9.9.9.9", 1234)
ASKER6 = place("2001:4860::9", 1234)


class Node:
    def __init__(self) -> None:
        self.table = RoutingTable(OWN, NOW)


class World:
    """A responder with some nodes in both families."""

    def __init__(self) -> None:
        self.nodes = {4: Node(), 6: Node()}
        self.stores = {4: PeerStore(10, 500), 6: PeerStore(10, 500)}
        chance = random.Random(1)
        for number in range(200):
            self.nodes[4].table.replied(chance.getrandbits(160), public(number), NOW)
            self.nodes[6].table.replied(chance.getrandbits(160), place(f"2001:{4860 + number}::1"), NOW)
        self.events: List[Event] = []
        self.answer_with()

    def answer_with(self) -> None:
        """Make a responder for the nodes as they are."""
        tokens = Tokens(random.Random(2), NOW)
        self.responder = Responder(self.nodes, self.stores, tokens, random.Random(3), self.events.append)

    def ask(self, method: bytes, sender: Place = ASKER, now: float = NOW, **arguments: Any) -> Any:
        packed = {key.encode(): value for key, value in arguments.items()}
        query = Query(b"tt", method, 5, False, {b"id": bytes(20), **packed})
        datagram = self.responder.answer(query, sender, now)
        assert len(datagram) <= MAX_SENT
        return krpc.parse(datagram)


@pytest.fixture
def world() -> World:
    return World()


def test_ping(world: World) -> None:
    answer = world.ask(krpc.PING)
    assert (answer.transaction, answer.sender, answer.external) == (b"tt", OWN, "9.9.9.9")
    assert answer.values == {b"id": OWN.to_bytes(20, "big")}
    assert world.ask(krpc.PING, ASKER6).external == "2001:4860::9"


def test_find_node(world: World) -> None:
    answer = world.ask(krpc.FIND_NODE, target=HASH)
    target = int.from_bytes(HASH, "big")
    closest = world.nodes[4].table.closest(target, 8, lambda contact: True)
    assert answer.nodes(4) == [(each.number, each.place) for each in closest]
    assert answer.nodes(6) == []
    assert len(world.ask(krpc.FIND_NODE, ASKER6, target=HASH).nodes(6)) == 8
    assert world.ask(krpc.FIND_NODE) == Refusal(b"tt")


def test_want(world: World) -> None:
    both = world.ask(krpc.FIND_NODE, target=HASH, want=[b"n4", b"n6"])
    assert (len(both.nodes(4)), len(both.nodes(6))) == (8, 8)
    del world.nodes[6]
    one = world.ask(krpc.FIND_NODE, target=HASH, want=[b"n4", b"n6"])
    assert (len(one.nodes(4)), b"nodes6" in one.values) == (8, False)


def test_only_good_nodes_are_told(world: World) -> None:
    assert world.ask(krpc.FIND_NODE, now=NOW + 901, target=HASH).nodes(4) == []


def test_nodes_of_the_local_network_are_told_there_only() -> None:
    world = World()
    world.nodes[4] = Node()
    world.nodes[4].table.replied(5, place("10.0.0.1"), NOW)
    world.answer_with()
    assert world.ask(krpc.FIND_NODE, target=HASH).nodes(4) == []
    assert world.ask(krpc.FIND_NODE, place("10.0.0.2"), target=HASH).nodes(4) == [(5, place("10.0.0.1"))]


@pytest.mark.parametrize(("method", "code"), [(b"vote", 204), (b"", 204), (krpc.GET_PEERS, 203)])
def test_what_is_refused(world: World, method: bytes, code: int) -> None:
    query = Query(b"tt", method, 5, False, {b"id": bytes(20)})
    answer: Dict[bytes, Any] = bencode.decode(world.responder.answer(query, ASKER, NOW))
    assert answer[b"e"][0] == code


# -- peers -------------------------------------------------------------------------------------------------------------


def announce(world: World, sender: Place, **changes: Any) -> Any:
    token = world.ask(krpc.GET_PEERS, sender, info_hash=HASH).token
    return world.ask(krpc.ANNOUNCE_PEER, sender, **{"info_hash": HASH, "port": 7, "token": token, **changes})


def test_an_announce_is_told_to_others(world: World) -> None:
    assert isinstance(announce(world, ASKER), Reply)
    assert world.events == [PeerAnnounced(HASH, ("9.9.9.9", 7))]
    answer = world.ask(krpc.GET_PEERS, public(5), info_hash=HASH)
    assert answer.peers(4) == [("9.9.9.9", 7)]
    assert len(answer.nodes(4)) == 8, "BEP 32: nodes too"
    assert answer.token
    assert isinstance(announce(world, ASKER6), Reply)
    assert world.ask(krpc.GET_PEERS, ASKER6, info_hash=HASH).peers(6) == [("2001:4860::9", 7)]
    assert world.ask(krpc.GET_PEERS, ASKER, info_hash=HASH, want=[b"n6"]).peers(4) == [("9.9.9.9", 7)]


@pytest.mark.parametrize("changes", [{"token": b"x" * 8}, {"token": b""}, {"port": 0}, {"info_hash": b"x"}])
def test_a_bad_announce_stores_nothing(world: World, changes: Dict[str, Any]) -> None:
    assert announce(world, ASKER, **changes) == Refusal(b"tt")
    assert (world.stores[4].peers, world.stores[6].peers) == (0, 0)
    assert world.events == []


def test_of_a_host_with_too_many_peers_nothing_is_told() -> None:
    world = World()
    for port in range(1, 100):
        announce(world, ASKER, port=port)
    assert 0 < len(world.events) == world.stores[4].peers < 99


def test_nobody_announces_another_host(world: World) -> None:
    stolen = world.ask(krpc.GET_PEERS, ASKER, info_hash=HASH).token
    assert announce(world, public(7), token=stolen) == Refusal(b"tt")
    assert world.stores[4].peers == 0


@pytest.mark.parametrize("want", [[], [b"n4"], [b"n6"], [b"n4", b"n6"]])
@pytest.mark.parametrize("sender", [ASKER, ASKER6])
def test_a_full_swarm_fits_into_an_answer(world: World, want: Any, sender: Place) -> None:
    for number in range(500):
        host = public(number) if sender.family == 4 else place(f"2001:{4860 + number}::1")
        world.stores[sender.family].announce(HASH, host, 7, NOW)
    query = Query(b"t" * krpc.MAX_TRANSACTION, krpc.GET_PEERS, 5, False, {b"info_hash": HASH, b"want": want})
    datagram = world.responder.answer(query, sender, NOW)
    answer = krpc.parse(datagram)
    assert isinstance(answer, Reply)
    assert len(datagram) <= MAX_SENT
    assert len(answer.peers(sender.family)) >= (40 if sender.family == 4 else 14)
