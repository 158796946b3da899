"""Torrents in the DHT: they are found there and find others, at once, at intervals and a few at a time."""

from __future__ import annotations

from typing import Sequence

import pytest
from support.bench import COUNT, PIECE_LENGTH, SIZE
from support.dht import PORT, DhtBench, Finder, Listener

from bittorrent_threads import events
from bittorrent_threads.engine.torrent_params import TorrentParams
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.metainfo.magnet import Magnet
from bittorrent_threads.status import DhtSearchStatus
from bittorrent_threads.swarm.dht_schedule import EAGER_PAUSE, INTERVAL, MAX_UNDER_WAY
from bittorrent_threads.testing.simulation.recorder import Recorder
from bittorrent_threads.testing.simulation.torrent import make_torrent

HOURS = 3600.0


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


@pytest.mark.parametrize(("have", "known"), [((), 1), (range(COUNT), 0)], ids=["wants peers", "is complete"])
def test_a_peer_that_is_announced_to_our_own_node_is_listed(have: Sequence[int], known: int) -> None:
    """In a network of two nodes a lookup of ours asks the other one only, and the other one announces to us only."""
    bench = DhtBench(1, have=have, state="active")
    bench.run(30)
    assert len(bench.seen(events.DhtSearched)) == 1
    bench.others[0].announce(bench.content.metainfo.infohash, 7000)
    bench.others[0].announce(b"x" * 20, 7000)
    bench.run(10)
    assert bench.figures.stored_torrents >= 2
    assert bench.torrent.peerlist.counts.known == known
    assert len(bench.seen(events.DhtSearched)) == 1


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
    torrent = bench.engine.add(Magnet(infohash), TorrentParams("downloads"), Recorder(lambda event: None))
    bench.act(torrent.set_state, "active")
    bench.run(60)
    assert {b"1" * 20, b"2" * 20} <= bench.heard("announce_peer")


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


# -- what the user is told -------------------------------------------------------------------------------------------


def test_while_it_is_asked() -> None:
    bench = DhtBench(8, state="active")
    bench.run(0.01)
    assert "the DHT is being asked (" in bench.status.stall


def test_what_it_answered() -> None:
    bench = DhtBench(8, state="active")
    bench.run(60)
    answer = f"the DHT named none ({bench.status.dht.replies} nodes answered)"
    assert bench.status.stall == f"no peer is known, and the torrent names no tracker; {answer}"
    bench.others[0].announce(bench.content.metainfo.infohash, 7000)
    bench.act(bench.torrent.reannounce)
    bench.run(60)
    assert bench.status.stall.endswith(f"; the DHT named 1 peer ({bench.status.dht.replies} nodes answered)")


@pytest.mark.parametrize("named", [True, False])
def test_that_no_node_answered(named: bool) -> None:
    bench = DhtBench(0)
    if named:
        bench.settings = bench.settings.replace(dht_routers=(("router.sim", PORT),))
        bench.boot()
        bench.torrent = bench.add(bench.content)
    bench.set_state("active")
    bench.run(5)
    why = "; router.sim: name or service not known" if named else ""
    assert bench.status.stall.endswith(f"; the DHT is being asked (0 known nodes{why})")
    bench.run(115)
    why = " (router.sim: name or service not known)" if named else ""
    assert bench.status.stall.endswith(f"; no node of the DHT answered{why}")
    assert bench.status.dht.state == "failing"
