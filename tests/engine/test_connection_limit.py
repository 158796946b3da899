"""The limit on all connections of a session: who gives way, and a system without descriptors."""

from __future__ import annotations

from typing import List

from support.bench import MOMENT, Bench, Guest, torrent_of

from bittorrent_threads import events
from bittorrent_threads.engine.connection_limit import EXHAUSTED_INTERVAL, LEAST_CONNECTIONS
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.peer_list import Source


def test_a_connection_too_many_is_sent_away_at_once() -> None:
    bench = Bench(settings=Settings(max_connections=3))
    guests = [bench.guest([]) for _ in range(3)]
    assert bench.stranger().closed
    assert not any(guest.closed for guest in guests)
    assert bench.engine.connection_limit.connections == 3
    guests[0].hang_up()
    assert not bench.stranger().closed


def test_out_of_descriptors_a_stranger_goes_before_a_peer() -> None:
    bench = Bench()
    guest, stranger = bench.guest([]), bench.stranger()
    bench.act(bench.engine.connection_limit.exhausted, "too many open files")
    bench.run(MOMENT)
    assert stranger.closed
    assert not guest.closed
    bench.act(bench.engine.connection_limit.exhausted, "too many open files")
    bench.run(MOMENT)
    assert guest.closed


def test_a_full_session_has_the_crowd_of_one_host_give_way_to_another() -> None:
    bench = Bench(settings=Settings(max_connections=8, max_connections_per_host=2))
    other = bench.second()
    crowd = bench.host("8.8.8.8")
    guests = [bench.guest([], host=crowd) for _ in range(6)]
    alone = [bench.guest([], torrent=torrent_of(seed=2)) for _ in range(2)]
    newcomer = bench.guest([], torrent=torrent_of(seed=2))
    assert not newcomer.closed
    assert len(other.peers) == 3
    assert [bool(guest.closed) for guest in guests] == [False] * 5 + [True]
    assert not any(guest.closed for guest in alone)
    for _ in range(3):
        bench.guest([], torrent=torrent_of(seed=2))
    assert bench.guest([], torrent=torrent_of(seed=2)).closed, "two of the crowd have their share"
    assert sum(not guest.closed for guest in guests) == 2
    assert bench.engine.connection_limit.connections == 8


def test_a_session_that_a_crowd_fills_dials_others() -> None:
    bench = Bench(settings=Settings(max_connections=6, max_connections_per_host=2))
    crowd = bench.host("8.8.8.8")
    guests = [bench.guest([], host=crowd) for _ in range(6)]
    found: List[Guest] = []
    addresses = [bench.open_house(found)[0] for _ in range(6)]
    bench.act(bench.torrent.learn, addresses, Source.TRACKER)
    bench.run(3)
    assert len(found) == 4
    assert sum(not guest.closed for guest in guests) == 2
    assert bench.engine.connection_limit.connections == 6


def test_a_lack_of_descriptors_lowers_the_limit_and_is_told_once_a_minute() -> None:
    bench = Bench()
    guests = [bench.guest([]) for _ in range(12)]
    for _ in range(2):
        bench.act(bench.engine.connection_limit.exhausted, "too many open files")
        bench.run(MOMENT)
    assert [(told.limit, told.reason) for told in bench.seen(events.ConnectionsLimited)] == [
        (11, "too many open files")
    ]
    assert sum(not guest.closed for guest in guests) == bench.engine.connection_limit.connections == 10
    assert bench.stranger().closed, "the limit is 10"
    bench.run(EXHAUSTED_INTERVAL)
    bench.act(bench.engine.connection_limit.exhausted, "too many open files")
    assert bench.seen(events.ConnectionsLimited)[-1].limit == LEAST_CONNECTIONS
