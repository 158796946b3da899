"""Running lookups: the queries they send, what they take from answers, and their announces."""

from __future__ import annotations

import math
from typing import List, Set, Tuple

from hypothesis import given
from hypothesis import strategies as st
from support.dht_places import local, place, public
from support.dht_recorder import NOW, OWN, Asked, Line

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.contact import Contact
from bittorrent_threads.dht.krpc import want_argument
from bittorrent_threads.dht.lookup import Lookup
from bittorrent_threads.dht.node_id import pack
from bittorrent_threads.dht.place import Place
from bittorrent_threads.dht.walk import PeerWalk, Walk
from bittorrent_threads.protocol.addresses import Address

TARGET = 0x1234


class World:
    """A line, and what walks tell."""

    def __init__(self, *numbers: int, rate: int = 1_000_000) -> None:
        self.line = Line(rate)
        self.ended: List[Walk] = []
        self.heard: List[Tuple[int, Tuple[int, ...]]] = []
        self.peers: List[Address] = []
        self.lookup = Lookup(TARGET, OWN)
        self.lookup.add((number, local(number)) for number in numbers)

    def on_end(self, walk: Walk, now: float) -> None:
        self.ended.append(walk)

    def on_nodes(self, family: int, nodes: List[Tuple[int, Place]], now: float) -> None:
        self.heard.append((family, tuple(number for number, _ in nodes)))

    def walk(self, want: Tuple[int, ...] = ()) -> Walk:
        found = Walk(self.lookup, self.line.queries, 4, self.on_end, self.on_nodes, want=want)
        found.advance(NOW)
        return found

    def peer_walk(self, port: int = 0, *, implied_port: bool = False) -> PeerWalk:
        found = PeerWalk(
            self.lookup,
            self.line.queries,
            4,
            self.on_end,
            self.on_nodes,
            on_peers=self.peers.extend,
            port=port,
            implied_port=implied_port,
        )
        found.advance(NOW)
        return found


def told(*places: Tuple[int, Place]) -> bytes:
    return b"".join(Contact(number, where).compact for number, where in places)


def answer_all(asked: List[Asked], values: bytes = b"") -> None:
    for each in asked:
        each.answer({b"token": values} if values else {})


# -- nodes -------------------------------------------------------------------------------------------------------------


def test_a_lookup_of_nodes() -> None:
    world = World(1, 2)
    walk = world.walk()
    asked = world.line.asked()
    assert [(each.query.method, each.query.target) for each in asked] == [(krpc.FIND_NODE, TARGET)] * 2
    assert [each.transaction.number for each in asked] == [1, 2]
    asked[0].answer({b"nodes": told((3, local(3)))})
    (third,) = world.line.asked()
    assert third.place == local(3)
    assert world.heard == [(4, (3,))]
    answer_all([asked[1], third])
    assert (walk.ended, world.ended) == (True, [walk])
    third.answer({})
    third.slow()
    third.fail()
    assert world.ended == [walk], "what comes later changes nothing"


def test_dead_and_late_nodes() -> None:
    world = World(*range(1, 8))
    walk = world.walk()
    asked = world.line.asked()
    assert len(asked) == 5
    asked[0].slow()
    asked[1].fail()
    assert len(world.line.asked()) == 2
    assert not walk.ended


def test_nodes_of_both_families() -> None:
    world = World(1)
    world.walk(want=(4, 6))
    (asked,) = world.line.asked()
    assert asked.query.arguments[b"want"] == want_argument((4, 6))[b"want"]
    six = (9, place("fd00::1"))
    asked.answer({b"nodes": told((3, local(3))), b"nodes6": told(six)})
    assert world.heard == [(4, (3,)), (6, (9,))]


def test_a_public_node_cannot_send_us_into_the_local_network() -> None:
    world = World()
    world.lookup.add([(None, public(1))])
    world.walk()
    (asked,) = world.line.asked()
    assert not asked.transaction.listed, "a router is no node of the table"
    asked.answer({b"nodes": told((3, place("127.0.0.1", 53)), (4, place("10.0.0.1")), (5, public(5)))})
    (next_asked,) = world.line.asked()
    assert next_asked.place == public(5)
    assert next_asked.transaction.listed
    assert world.heard == [(4, (5,))]


def test_what_the_budget_does_not_allow_waits() -> None:
    world = World(*range(1, 6), rate=1000)
    while world.line.queries.ready_at(local(99), NOW) <= NOW:
        world.line.outbox.query(bytes(100), local(99).address)
    walk = world.walk()
    assert not walk.ended
    at = walk.resume_at
    assert NOW < at < NOW + 5
    walk.advance(at)
    assert walk.resume_at > at, "a few were sent"
    walk.cancel()
    assert walk.resume_at == math.inf


class Forgetful(Set[bytes]):
    """A set in which nothing is found."""

    def __contains__(self, entry: object) -> bool:
        return False


@given(st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(1, 40), max_size=8), st.booleans()), max_size=40))
def test_what_was_told_before_is_skipped_without_a_difference(script: List[Tuple[int, Set[int], bool]]) -> None:
    quick, thorough = World(*range(30, 36)), World(*range(30, 36))
    quick.lookup.entries.update(told((number, local(number))) for number in range(30, 36))
    thorough.lookup.entries = Forgetful()
    waiting: List[Tuple[Asked, Asked]] = []
    walks = (quick.peer_walk(), thorough.peer_walk())
    for at, numbers, answers in script:
        asked = quick.line.asked(), thorough.line.asked()
        assert [each.place for each in asked[0]] == [each.place for each in asked[1]]
        waiting += zip(*asked)
        if not waiting:
            break
        for each in waiting.pop(at % len(waiting)):
            if answers:
                each.answer({b"nodes": told(*((number, local(number)) for number in sorted(numbers)))})
            else:
                each.fail()
    assert walks[0].ended is walks[1].ended
    closest = [[candidate.number for candidate in world.lookup.closest()] for world in (quick, thorough)]
    assert closest[0] == closest[1]


# -- peers -------------------------------------------------------------------------------------------------------------


def test_a_search_for_peers() -> None:
    world = World(1)
    walk = world.peer_walk()
    (asked,) = world.line.asked()
    assert (asked.query.method, asked.query.infohash) == (krpc.GET_PEERS, pack(TARGET))
    asked.answer({b"token": b"t", b"values": [public(1).compact, local(3).compact, bytes(6)]})
    assert world.peers == [public(1).address, local(3).address], "a local node may name local peers"
    assert world.line.asked() == [], "nothing is to be announced"
    assert world.ended == [walk]
    assert walk.announced == 0


def test_a_public_node_names_no_local_peers() -> None:
    world = World()
    world.lookup.add([(5, public(1))])
    world.peer_walk()
    (asked,) = world.line.asked()
    asked.answer({b"values": [local(3).compact, place("127.0.0.1").compact, public(1).compact]})
    assert world.peers == [public(1).address]


def test_an_announce_goes_to_the_closest_with_their_tokens() -> None:
    world = World(*range(1, 13))
    walk = world.peer_walk(7000)
    searched: List[Asked] = []
    while True:
        asked = world.line.asked()
        if asked and asked[0].query.method == krpc.ANNOUNCE_PEER:
            break
        searched += asked
        for each in asked:
            each.answer({} if each.transaction.number == 4 else {b"token": b"of %d" % (each.transaction.number or 0)})
    assert len(asked) == 7, "eight without the one that gave no token"
    assert all(each.query.token == b"of %d" % (each.transaction.number or 0) for each in asked)
    assert {each.query.port(("9.9.9.9", 5)) for each in asked} == {7000}
    assert {each.query.infohash for each in asked} == {pack(TARGET)}
    asked[0].fail()
    for each in asked[1:]:
        each.slow()
        assert not walk.ended
        each.answer({})
    assert (walk.ended, walk.announced, world.ended) == (True, 6, [walk])


def test_an_implied_port() -> None:
    world = World(1)
    world.peer_walk(implied_port=True)
    answer_all(world.line.asked(), b"t")
    (asked,) = world.line.asked()
    assert asked.query.port(("9.9.9.9", 5)) == 5


def test_an_announce_waits_for_the_budget() -> None:
    world = World(*range(1, 6), rate=1000)
    walk = world.peer_walk(7000)
    asked = world.line.asked()
    while world.line.queries.ready_at(local(99), NOW) <= NOW:
        world.line.outbox.query(bytes(100), local(99).address)
    world.line.outbox.drain()
    answer_all(asked, b"t")
    assert world.line.asked() == []
    at = walk.resume_at
    assert at > NOW
    walk.advance(at + 5)
    announced = world.line.asked()
    assert [each.query.method for each in announced] == [krpc.ANNOUNCE_PEER] * 5
    walk.cancel()
    walk.advance(at + 5)
    for each in announced:
        each.answer({})
    assert world.ended == []


def test_a_search_without_nodes_ends_at_once() -> None:
    world = World()
    walk = world.peer_walk(7000)
    assert world.ended == [walk]
