"""Torrents in the DHT: they are found there and find others; private ones send nothing, which a listener counts."""

from __future__ import annotations

from typing import Any, Set, Tuple

import pytest
from support.bench import COUNT, MOMENT, PIECE_LENGTH, SIZE, Guest, torrent_of
from support.dht import PORT, DhtBench, Finder, Listener
from support.lying_peer import handshake
from support.magnet import info_of
from support.recorder import Recorder
from support.simulation.torrent import SimTorrent, make_torrent

from bittorrent_threads import events
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.protocol import messages
from bittorrent_threads.protocol.handshake import DHT_BIT, DHT_BYTE
from bittorrent_threads.status import DhtSearchStatus
from bittorrent_threads.swarm.dht_schedule import EAGER_PAUSE, INTERVAL, MAX_UNDER_WAY

HOURS = 3600.0


def dht_bit(guest: Guest) -> bool:
    """Whether the engine set the bit of the DHT in its handshake."""
    return bool(guest.handshaker[20 + DHT_BYTE] & DHT_BIT)


def node_handshake(torrent: SimTorrent) -> bytes:
    """The handshake of a peer with the fast extension and the bit of the DHT."""
    plain = handshake(torrent.metainfo.infohash, peerid=b"-GU0001-000000000001", fast=True)
    byte = 20 + DHT_BYTE
    return plain[:byte] + bytes([plain[byte] | DHT_BIT]) + plain[byte + 1 :]


def node_guest(bench: DhtBench, port: int = PORT) -> Guest:
    """A peer that has a node of the DHT, and says so."""
    guest = bench.stranger()
    guest.say(node_handshake(guest.torrent), messages.HAVE_NONE_MESSAGE, messages.port(port))
    return guest


def heard(bench: DhtBench, query: str) -> Set[bytes]:
    """The infohashes in queries of this name that any node received."""
    return {infohash for other in bench.others for infohash in other.heard[query]}


def test_a_torrent_is_looked_up_and_announced_as_soon_as_it_is_started() -> None:
    bench = DhtBench()
    infohash = bench.content.metainfo.infohash
    bench.others[3].announce(infohash, 7000)
    bench.run(10)
    bench.set_state("active")
    assert bench.status.dht.state == "searching"
    bench.run(60)
    (searched,) = bench.seen(events.DhtSearched)
    assert searched.replies >= 8
    status = bench.status.dht
    assert (status.state, status.peers, status.replies) == ("working", searched.peers, searched.replies)
    assert 0 < status.next_search <= INTERVAL * 1.1
    assert bench.torrent.peerlist.counts.known == searched.peers == 1
    stored = [node for node in bench.others if node.dht.statistics().stored_peers == 2]
    assert len(stored) >= len(bench.others) - 1, "we are announced beside the other"


def test_what_is_announced_is_the_port_of_the_settings() -> None:
    bench = DhtBench(state="active", announce_port=7777)
    bench.run(30)
    finder = Finder()
    bench.act(lambda: bench.node.search(bench.content.metainfo.infohash, finder))
    bench.run(30)
    assert finder.peers == [("10.0.0.1", 7777)]


def test_while_nobody_is_found_it_is_looked_up_again_after_a_minute() -> None:
    bench = DhtBench(state="active")
    bench.run(60)
    assert len(bench.seen(events.DhtSearched)) == 1
    bench.run(EAGER_PAUSE * 1.2)
    assert len(bench.seen(events.DhtSearched)) == 2
    bench.run(0.5 * HOURS)
    assert len(bench.seen(events.DhtSearched)) <= 7


def test_reannounce_looks_it_up_at_once() -> None:
    bench = DhtBench(have=range(COUNT), state="active")
    bench.run(60)
    bench.act(bench.torrent.reannounce)
    bench.run(30)
    assert len(bench.seen(events.DhtSearched)) == 2


def test_a_stop_ends_the_search() -> None:
    bench = DhtBench(state="active")
    bench.set_state("stopped")
    bench.run(120)
    assert bench.seen(events.DhtSearched) == []
    assert bench.status.dht == DhtSearchStatus()
    bench.act(bench.torrent.reannounce)
    bench.run(60)
    assert bench.seen(events.DhtSearched) == []


def test_both_forms_of_a_hybrid_torrent_are_looked_up() -> None:
    bench = DhtBench(state="active")
    infohash = InfoHash(v1=b"1" * 20, v2=b"2" * 32)
    torrent = bench.engine.add_infohash(infohash, "downloads", event_dispatcher=Recorder(lambda event: None))
    bench.act(torrent.set_state, "active")
    bench.run(60)
    assert {b"1" * 20, b"2" * 20} <= heard(bench, "announce_peer")


def test_many_torrents_are_looked_up_a_few_at_a_time() -> None:
    bench = DhtBench()
    torrents = [make_torrent(seed=number, size=PIECE_LENGTH, piece_length=PIECE_LENGTH) for number in range(2, 42)]
    started = []
    for torrent in torrents:
        bench.disk.hold(torrent, [0])
        started.append(bench.add(torrent))
    for each in started:
        bench.act(each.set_state, "active")
    most = 0
    for _ in range(600):
        bench.run(0.5)
        most = max(most, bench.node.status.searches)
    assert most <= MAX_UNDER_WAY
    assert len({each.infohash for each in bench.seen(events.DhtSearched)}) == len(torrents)


def test_nodes_that_a_torrent_names_are_asked() -> None:
    torrent = make_torrent(size=SIZE, piece_length=PIECE_LENGTH, nodes=[("10.6.0.1", PORT)])
    bench = DhtBench(0, torrent=torrent)
    node = Listener(bench.internet.add("10.6.0.1"))
    bench.set_state("active")
    bench.run(60)
    assert node.queries


# -- the PORT message ------------------------------------------------------------------------------------------------


def test_a_peer_with_a_node_is_told_our_port_and_its_node_is_asked() -> None:
    bench = DhtBench(0, state="active")
    guest = node_guest(bench)
    assert dht_bit(guest)
    assert guest.heard(messages.PORT) == [(messages.PORT, PORT.to_bytes(2, "big"))]


def test_the_node_of_a_peer_is_asked_once() -> None:
    bench = DhtBench(0, state="active")
    host = bench.host("10.6.0.1")
    node = Listener(host, 7000)
    guest = bench.stranger(host)
    guest.greet(peerid=b"-GU0001-000000000001")
    guest.say(messages.HAVE_NONE_MESSAGE, messages.port(0), *[messages.port(7000)] * 50, messages.port(7001))
    bench.run(1)
    assert node.queries[0] == "ping"
    assert len(node.datagrams) == 1
    assert guest.heard(messages.PORT) == [], "it did not say that it has a node"


def test_before_the_metadata_is_known_the_ports_are_exchanged_too() -> None:
    bench = DhtBench(0, state="active")
    torrent = torrent_of(seed=2)
    magnet = bench.engine.add_infohash(
        InfoHash(v1=torrent.metainfo.infohash), "downloads", event_dispatcher=Recorder(bench.events.append)
    )
    bench.disk.hold(torrent)
    bench.act(magnet.set_state, "active")
    host = bench.host("10.6.0.1")
    node = Listener(host, 7000)
    guest = bench.stranger(host, torrent)
    guest.say(node_handshake(torrent), messages.port(7000))
    bench.run(MOMENT)
    assert guest.heard(messages.PORT) == [(messages.PORT, PORT.to_bytes(2, "big"))]
    assert node.queries
    bench.act(magnet.receive_info, info_of(torrent))
    bench.run(1)
    assert [peer.dht_port for peer in magnet.peers] == [7000]


# -- private torrents ------------------------------------------------------------------------------------------------


def watched(torrent: SimTorrent, **settings: Any) -> Tuple[DhtBench, Listener]:
    """A bench whose only router listens and counts."""
    bench = DhtBench(0, torrent=torrent, **settings)
    return bench, Listener(bench.internet.add("10.3.0.1"))


def test_a_private_torrent_sends_nothing_to_the_dht() -> None:
    nodes = [("10.6.0.2", PORT)]
    bench, router = watched(make_torrent(size=SIZE, piece_length=PIECE_LENGTH, private=True, nodes=nodes))
    named = Listener(bench.internet.add("10.6.0.2"))
    host = bench.host("10.6.0.1")
    node = Listener(host, 7000)
    bench.set_state("active")
    guest = bench.stranger(host)
    guest.say(node_handshake(bench.content), messages.HAVE_NONE_MESSAGE, messages.port(7000))
    bench.act(bench.torrent.reannounce)
    bench.run(2 * HOURS)
    assert router.datagrams == node.datagrams == named.datagrams == []
    assert guest.greeted
    assert not dht_bit(guest)
    assert guest.heard(messages.PORT) == []
    assert bench.status.dht == DhtSearchStatus(state="private")
    public = torrent_of(seed=2)
    bench.disk.hold(public)
    bench.act(bench.add(public).set_state, "active")
    bench.run(60)
    assert router.datagrams, "the listener works"


def test_with_a_public_torrent_beside_it_a_private_one_is_not_announced() -> None:
    bench = DhtBench(torrent=torrent_of(private=True), state="active")
    public = torrent_of(seed=2)
    bench.disk.hold(public)
    bench.act(bench.add(public).set_state, "active")
    bench.run(0.5 * HOURS)
    assert heard(bench, "announce_peer") == heard(bench, "get_peers") == {public.metainfo.infohash}


def test_a_magnet_that_turns_out_private_leaves_the_dht() -> None:
    bench = DhtBench(8)
    torrent = make_torrent(seed=3, size=SIZE, piece_length=PIECE_LENGTH, private=True)
    bench.disk.hold(torrent)
    magnet = bench.engine.add_infohash(
        InfoHash(v1=torrent.metainfo.infohash), "downloads", event_dispatcher=Recorder(bench.events.append)
    )
    bench.act(magnet.set_state, "active")
    bench.run(60)
    assert bench.node.running
    assert heard(bench, "announce_peer") == {torrent.metainfo.infohash}
    bench.act(magnet.receive_info, info_of(torrent))
    assert not bench.node.running
    sent = bench.network.datagram_sockets[4].sent
    bench.run(2 * HOURS)
    assert bench.network.datagram_sockets[4].sent == sent


def test_without_the_dht_nothing_is_sent() -> None:
    bench, router = watched(torrent_of())
    bench.settings = bench.settings.replace(dht=False)
    bench.boot()
    bench.torrent = bench.add(bench.content)
    bench.set_state("active")
    guest = node_guest(bench)
    bench.run(2 * HOURS)
    assert router.datagrams == []
    assert not dht_bit(guest)
    assert guest.heard(messages.PORT) == []
    assert bench.status.dht == DhtSearchStatus()


# -- what the user is told -------------------------------------------------------------------------------------------


def test_while_it_is_asked() -> None:
    bench = DhtBench(8, state="active")
    bench.run(0.01)
    assert "the DHT is being asked (" in bench.engine.dht_announces.report(bench.torrent)


def test_what_it_answered() -> None:
    bench = DhtBench(8, state="active")
    bench.run(60)
    answer = f"the DHT named none ({bench.status.dht.replies} nodes answered)"
    assert bench.status.stall == f"no peer is known, and the torrent names no tracker; {answer}"
    bench.others[0].announce(bench.content.metainfo.infohash, 7000)
    bench.act(bench.torrent.reannounce)
    bench.run(60)
    report = bench.engine.dht_announces.report(bench.torrent)
    assert report == f"the DHT named 1 peer ({bench.status.dht.replies} nodes answered)"


@pytest.mark.parametrize("named", [True, False])
def test_that_no_node_answered(named: bool) -> None:
    bench = DhtBench(0)
    if named:
        bench.settings = bench.settings.replace(dht_routers=(("router.sim", PORT),))
        bench.boot()
        bench.torrent = bench.add(bench.content)
    bench.set_state("active")
    bench.run(120)
    why = " (router.sim: name or service not known)" if named else ""
    assert bench.engine.dht_announces.report(bench.torrent) == f"no node of the DHT answered{why}"
    assert bench.status.dht.state == "failing"


def test_of_a_stopped_torrent_nothing() -> None:
    assert DhtBench(0).engine.dht_announces.report(DhtBench(0).torrent) == ""
