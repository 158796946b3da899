"""The node of one family: which answers count, and what comes into the table."""

from __future__ import annotations

from support.dht_places import fitting, place, public
from support.dht_wire import Wire

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.events import Joined, NodeIdChanged, NodesNeeded
from bittorrent_threads.dht.node_id import fits, unpack


def test_a_node_that_answers_a_ping_comes_into_the_table() -> None:
    wire = Wire()
    wire.dht.add_node(public(1).address, wire.now)
    (ping,) = wire.sent()
    assert ping.query.method == krpc.PING
    assert wire.dht.node_count(4) == 0
    ping.reply()
    assert wire.dht.node_count(4) == 1
    (self_lookup,) = wire.sent()
    assert self_lookup.query.target == unpack(wire.dht.node_id(4)), "BEP 5: after the first node"
    self_lookup.reply()
    assert wire.told(Joined) == [Joined(4, 1)]


def test_a_spoofed_answer_is_ignored() -> None:
    wire = Wire()
    wire.dht.add_node(public(1).address, wire.now)
    (ping,) = wire.sent()
    answer = krpc.reply(ping.query.transaction, 5, bytes(6), {})
    wire.give(answer, public(2))
    wire.give(answer, public(1, port=7))
    wire.give(krpc.reply(b"\0\0\0\0", 5, bytes(6), {}), public(1))
    wire.give(krpc.refusal(b"\0\0\0\0", bytes(6), 203, b""), public(1))
    assert wire.dht.node_count(4) == 0
    assert wire.dht.statistics().unexpected == 4
    ping.reply()
    ping.reply()
    assert wire.dht.node_count(4) == 1
    assert wire.dht.statistics().unexpected == 5, "the second of two equal answers"


def test_a_node_that_has_another_id_than_was_told() -> None:
    wire = Wire()
    wire.meet(public(1))
    search = wire.dht.get_peers(b"i" * 20, wire.now)
    (query,) = wire.sent()
    query.reply(number=77, values=[public(9).compact])
    assert search.peers == 0, "what a liar says does not count"
    assert wire.dht.node_count(4) == 0


def test_a_node_that_refuses() -> None:
    wire = Wire()
    wire.meet(public(1))
    search = wire.dht.get_peers(b"i" * 20, wire.now)
    (query,) = wire.sent()
    query.refuse()
    assert search.ended
    assert wire.dht.node_count(4) == 1, "it is there"


def test_a_router_stays_out_of_the_table() -> None:
    wire = Wire()
    wire.dht.advance(wire.now)
    assert wire.told(NodesNeeded) == [NodesNeeded(4)]
    wire.dht.bootstrap([public(1).address, place("2001:4860::1").address, ("router.example", 6881)], wire.now)
    (query,) = wire.sent()
    assert (query.query.method, query.place) == (krpc.FIND_NODE, public(1))
    query.reply(nodes=fitting(public(2)).to_bytes(20, "big") + public(2).compact)
    assert wire.dht.node_count(4) == 0
    (other,) = wire.sent()
    other.reply()
    assert wire.dht.closest(b"i" * 20, 4) == [public(2).address]
    assert wire.told(Joined) == [Joined(4, 1)]


def test_a_bootstrap_node_that_knows_nobody_is_a_node() -> None:
    wire = Wire()
    wire.dht.bootstrap([public(1).address], wire.now)
    (query,) = wire.sent()
    query.reply()
    assert wire.dht.node_count(4) == 1


def test_a_router_that_is_dead() -> None:
    wire = Wire()
    wire.dht.bootstrap([public(1).address], wire.now)
    wire.run(6.0)
    assert wire.dht.statistics().timeouts == 1
    assert wire.told(NodesNeeded)


def test_a_node_that_does_not_tell_our_address() -> None:
    wire = Wire()
    wire.dht.add_node(public(1).address, wire.now)
    (ping,) = wire.sent()
    ping.reply(external=b"")
    assert wire.dht.node_count(4) == 1


def test_who_asks_us_is_asked_and_comes_in() -> None:
    wire = Wire()
    wire.ask(krpc.PING, public(1), fitting(public(1)))
    (ping,) = wire.run(1.0)
    assert ping.place == public(1)
    ping.reply()
    assert wire.dht.node_count(4) == 1


def test_a_read_only_node_is_answered_and_not_asked() -> None:
    wire = Wire()
    wire.ask(krpc.PING, public(1), fitting(public(1)), read_only=True)
    assert wire.run(60.0) == []
    assert len(wire.other) == 1
    assert wire.dht.node_count(4) == 0


def test_a_dead_node_is_asked_twice_and_is_then_bad() -> None:
    wire = Wire()
    wire.meet(*(public(number) for number in range(1, 4)))
    answered, silent = 0, 0
    for _ in range(3000):
        for received in wire.run(0.5):
            if received.place == public(1):
                silent += 1
            else:
                answered += 1
                received.reply()
    assert wire.dht.node_count(4) == 2
    assert wire.dht.statistics().timeouts == silent >= 2
    assert public(1).address not in wire.dht.closest(b"i" * 20, 4)


def test_when_all_are_dead_they_are_still_tried() -> None:
    wire = Wire()
    wire.meet(public(1))
    for _ in range(100):
        wire.run(10.0)
        if not wire.dht.node_count(4):
            break
    wire.dht.get_peers(b"i" * 20, wire.now)
    assert [each.place for each in wire.sent()] == [public(1)], "a bad one is better than none"


def test_what_the_system_could_not_send() -> None:
    wire = Wire()
    wire.meet(public(1))
    search = wire.dht.get_peers(b"i" * 20, wire.now)
    wire.sent()
    wire.dht.unsent(public(1).address, wire.now)
    assert search.ended
    assert wire.dht.node_count(4) == 1, "that is no fault of the node"
    wire.dht.unsent(("2001:4860::1", 5), wire.now)
    wire.dht.unsent(("nonsense", 5), wire.now)


def test_our_id_follows_our_address() -> None:
    wire = Wire()
    before = wire.dht.node_id(4)
    wire.meet(*(public(number) for number in range(1, 6)))
    for _ in range(60):
        for received in wire.run(1.0):
            received.reply()
    (changed,) = wire.told(NodeIdChanged)
    assert (changed.family, changed.host, changed.node_id) == (4, "9.9.9.9", wire.dht.node_id(4))
    assert fits(unpack(wire.dht.node_id(4)), place("9.9.9.9"))
    assert wire.dht.node_id(4) != before
    assert wire.dht.node_count(4) == 5, "the nodes are kept"
    wire.ask(krpc.PING, public(50))
    wire.sent()
    answer = wire.other[-1]
    assert isinstance(answer, krpc.Reply)
    assert answer.sender == unpack(wire.dht.node_id(4))


def test_saved_nodes_are_asked() -> None:
    wire = Wire()
    wire.meet(*(public(number) for number in range(1, 25)))
    again = Wire(state=wire.dht.state())
    assert again.dht.node_id(4) == wire.dht.node_id(4)
    assert again.dht.node_count(4) == 0, "they may be gone"
    for _ in range(20):
        for received in again.run(1.0):
            received.reply()
    assert again.dht.node_count(4) >= wire.dht.node_count(4) - 2
    assert again.told(NodesNeeded) == []


def test_a_refresh_begins_when_the_one_before_has_ended() -> None:
    wire = Wire()
    wire.meet(public(1))
    targets = {each.query.target for each in wire.run(200.0) if each.query.method == krpc.FIND_NODE}
    assert len(targets) > 1
    node = wire.dht._nodes[4]
    node.refresh(1, wire.now)
    walking = node.walking
    node.refresh(2, wire.now)
    assert node.walking == walking
