"""Searches for peers: their order, their end, and the families."""

from __future__ import annotations

from typing import List

from support.dht_places import place, public
from support.dht_wire import Wire

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.events import PeersFound, SearchEnded
from bittorrent_threads.dht.joining import FIRST_PAUSE
from bittorrent_threads.dht.limits import Limits
from bittorrent_threads.dht.searches import TIME_LIMIT

HASH = b"i" * 20


def known(**options: object) -> Wire:
    """A node that knows three others."""
    wire = Wire(**options)
    wire.meet(*(public(number) for number in range(1, 4)))
    return wire


def test_peers_come_as_they_are_found() -> None:
    wire = known()
    search = wire.dht.get_peers(HASH, wire.now)
    one, two, three = wire.sent()
    one.reply(values=[public(50).compact, public(51).compact])
    two.reply(values=[public(51).compact])
    assert wire.told(PeersFound) == [PeersFound(search, (public(50).address, public(51).address))]
    assert not search.ended
    three.reply(values=[public(52).compact])
    assert wire.told(SearchEnded) == [SearchEnded(search)]
    assert (search.ended, search.peers, search.queries, search.replies) == (True, 3, 3, 3)
    assert (search.steps, search.announced) == (1, 0)


def test_an_announce() -> None:
    wire = known()
    search = wire.dht.get_peers(HASH, wire.now, announce_port=7000)
    wire.answer_all(token=b"t")
    announced = wire.sent()
    assert {each.query.port(("1.1.1.1", 1)) for each in announced} == {7000}
    assert not search.ended
    for each in announced:
        each.reply()
    assert wire.told(SearchEnded) == [SearchEnded(search)]
    assert search.announced == 3


def test_an_announce_with_the_port_that_others_see() -> None:
    wire = known()
    wire.dht.get_peers(HASH, wire.now, announce_port=7000, implied_port=True)
    wire.answer_all(token=b"t")
    assert {each.query.port(("1.1.1.1", 5)) for each in wire.sent()} == {5}


def test_few_run_at_once() -> None:
    wire = known(limits=Limits(searches=2))
    searches = [wire.dht.get_peers(bytes([number]) * 20, wire.now) for number in range(5)]
    asked = {each.query.infohash for each in wire.sent()}
    assert asked == {b"\0" * 20, b"\1" * 20}
    assert (wire.dht.statistics().searches, wire.dht.statistics().waiting) == (2, 3)
    wire.dht.cancel(searches[0], wire.now)
    wire.dht.cancel(searches[3], wire.now)
    assert {each.query.infohash for each in wire.sent()} == {b"\2" * 20}
    wire.dht.cancel(searches[0], wire.now)
    for _ in range(30):
        for each in wire.run(0.5):
            each.reply()
    ended = [event.search for event in wire.told(SearchEnded)]
    assert ended == [searches[1], searches[2], searches[4]], "no event of those that were cancelled"
    assert all(search.ended for search in searches)


def test_what_comes_after_a_cancel_is_not_told() -> None:
    wire = known()
    search = wire.dht.get_peers(HASH, wire.now)
    received = wire.sent()
    wire.dht.cancel(search, wire.now)
    for each in received:
        each.reply(values=[public(50).compact])
    assert (wire.told(PeersFound), wire.told(SearchEnded)) == ([], [])


def test_a_search_waits_for_the_first_node() -> None:
    wire = Wire()
    search = wire.dht.get_peers(HASH, wire.now)
    wire.run(5.0)
    assert not search.ended
    wire.dht.add_node(public(1).address, wire.now)
    (ping,) = [each for each in wire.sent() if each.query.method == krpc.PING]
    ping.reply()
    (query,) = [each for each in wire.sent() if each.query.method == krpc.GET_PEERS]
    query.reply(values=[public(50).compact])
    assert search.peers == 1
    assert search.ended


def test_a_search_ends_after_a_minute_without_nodes() -> None:
    wire = Wire()
    search = wire.dht.get_peers(HASH, wire.now)
    wire.run(TIME_LIMIT - 1)
    assert wire.told(SearchEnded) == []
    wire.run(2)
    assert wire.told(SearchEnded) == [SearchEnded(search)]
    assert search.queries == 0


def test_dead_nodes_end_a_search_in_seconds() -> None:
    wire = known()
    search = wire.dht.get_peers(HASH, wire.now)
    wire.run(6.0)
    assert search.ended
    assert (search.queries, search.replies) == (3, 0)


def test_our_own_store_is_searched_first() -> None:
    wire = Wire(families=(4, 6))
    hosts = [public(1), place("2001:4860::1")]
    for host in hosts:
        wire.ask(krpc.GET_PEERS, host, info_hash=HASH)
        wire.sent()
        answer = wire.other[-1]
        assert isinstance(answer, krpc.Reply)
        wire.ask(krpc.ANNOUNCE_PEER, host, info_hash=HASH, port=7, token=answer.token)
    search = wire.dht.get_peers(HASH, wire.now)
    assert wire.told(PeersFound) == [PeersFound(search, tuple((host.address[0], 7) for host in hosts))]


# -- two families ------------------------------------------------------------------------------------------------------


def asked(wire: Wire) -> List[int]:
    """The families in which the infohash was asked for."""
    found = []
    for each in wire.sent():
        if each.query.method == krpc.GET_PEERS:
            found.append(each.place.family)
        each.reply()
    return found


def test_both_families_are_searched() -> None:
    wire = Wire(families=(4, 6))
    wire.meet(public(1), place("2001:4860::1"))
    search = wire.dht.get_peers(HASH, wire.now)
    assert sorted(asked(wire)) == [4, 6]
    assert search.ended
    assert search.replies == 2


def test_at_the_start_a_family_without_nodes_is_waited_for() -> None:
    wire = Wire(families=(4, 6))
    wire.meet(public(1))
    first, second = (wire.dht.get_peers(bytes([number]) * 20, wire.now) for number in (1, 2))
    assert asked(wire) == [4, 4]
    assert not first.ended
    wire.dht.add_node(("2001:4860::1", 5), wire.now)
    for each in wire.run(1.0):
        each.reply()
    assert sorted(asked(wire)) == [6, 6]
    assert first.ended
    assert second.ended


def test_but_not_for_long() -> None:
    wire = Wire(families=(4, 6))
    wire.meet(public(1))
    search = wire.dht.get_peers(HASH, wire.now)
    other = wire.dht.get_peers(b"j" * 20, wire.now)
    assert asked(wire) == [4, 4]
    assert not search.ended
    wire.run(FIRST_PAUSE)
    assert search.ended
    assert other.ended
    late = wire.dht.get_peers(HASH, wire.now)
    for each in wire.sent():
        each.reply()
    assert late.ended
