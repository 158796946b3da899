"""The IP filter in the engine: both directions, connections that are there already, lists of addresses."""

from __future__ import annotations

from typing import List

from support.bench import COUNT, MOMENT, Bench, Guest, torrent_of

from bittorrent_threads.engine.address_filter import REFUSED
from bittorrent_threads.swarm.ip_ranges import IpRanges, parse_range
from bittorrent_threads.swarm.peer_list import Source


def block(bench: Bench, *texts: str) -> None:
    """Refuse these addresses, and no others, from now on."""
    before, after = bench.engine.address_filter.ranges, IpRanges(map(parse_range, texts))
    changed: List[bool] = []
    bench.act(lambda: changed.append(bench.engine.change_filter(before, after)))
    assert changed == [True]
    bench.run(MOMENT)


def test_an_incoming_connection_is_closed_before_it_says_anything() -> None:
    bench = Bench()
    block(bench, "10.1.0.1")
    stranger = bench.stranger()
    assert stranger.closed
    assert bench.engine.connection_limit.connections == 0
    assert bench.reasons == [], "a flood of connections makes no events"
    assert bench.status.refused == 1
    assert not bench.guest().closed, "another host"


def test_addresses_are_not_listed_whoever_names_them() -> None:
    bench = Bench()
    address, guests = bench.open_house()
    block(bench, "10.1.0.0/16")
    bench.act(bench.torrent.add_peer, *address)
    for source in Source:
        bench.act(bench.torrent.learn, [address, ("::ffff:10.1.0.9", 1)], source)
    bench.run(5)
    assert guests == []
    assert bench.status.known == 0
    assert bench.status.refused == 1 + 2 * len(Source)
    assert "the IP filter refused addresses or connections" in bench.status.stall


def test_connections_of_both_directions_end_when_the_filter_changes() -> None:
    bench = Bench()
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    guests[0].greet(peerid=b"-GU0001-000000000001")
    incoming, other = bench.guest([3]), bench.guest([3])
    silent = bench.stranger(bench.host("10.2.0.1"))
    assert bench.status.connected == 3
    block(bench, address[0], "10.1.0.2", "10.2.0.0/16")
    assert [bool(guest.closed) for guest in (guests[0], incoming, silent, other)] == [True, True, True, False]
    assert bench.reasons == [REFUSED] * 2
    bench.run(600)
    assert len(guests) == 1, "it is not dialled again"
    assert bench.status.known == 0
    block(bench)
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    assert len(guests) == 2, "the filter allows it again"


def test_lists_of_addresses_are_swept_one_in_a_pass() -> None:
    bench = Bench()
    torrents = [bench.torrent]
    for seed in (2, 3):
        bench.disk.hold(torrent_of(seed=seed), ())
        torrents.append(bench.add(torrent_of(seed=seed)))
    for torrent in torrents:
        addresses = [(f"10.{50 + number % 2}.0.{number}", 6881) for number in range(1, 101)]
        bench.act(torrent.learn, addresses, Source.TRACKER)

    def known() -> int:
        return sum(torrent.peerlist.counts.known for torrent in torrents)

    block(bench, "1.2.3.4")
    before = bench.engine.address_filter.ranges
    bench.act(bench.engine.change_filter, before, IpRanges([parse_range("10.50.0.0/16")]))
    counts = [known()]
    while counts[-1] > 150:
        bench.until(lambda: known() < counts[-1])
        counts.append(known())
    assert counts == [300, 250, 200, 150]


def test_an_address_that_was_not_swept_yet_is_not_dialled() -> None:
    bench = Bench(state="stopped")
    guests: List[Guest] = []
    addresses = [bench.open_house(guests)[0] for _ in range(40)]
    bench.act(bench.torrent.learn, addresses, Source.TRACKER)
    before = bench.engine.address_filter.ranges

    def start() -> None:
        bench.engine.change_filter(before, IpRanges([parse_range("10.1.0.0/16")]))
        vars(bench.engine.address_filter)["_unswept"].clear()
        bench.torrent.set_state("active")

    bench.act(start)
    bench.run(10)
    assert guests == []
    assert bench.status.known == 0


def test_a_set_that_is_not_the_current_one_is_not_replaced() -> None:
    bench = Bench(have=range(COUNT))
    block(bench, "10.1.0.1")
    assert not bench.engine.change_filter(IpRanges(), IpRanges())
    assert bench.engine.address_filter.blocks("10.1.0.1")


def test_a_second_change_during_a_sweep_sweeps_again() -> None:
    bench = Bench()
    bench.act(bench.torrent.learn, [("10.50.0.1", 1), ("10.51.0.1", 1)], Source.TRACKER)

    def twice() -> None:
        for text in ("10.50.0.0/16", "10.51.0.0/16"):
            before = bench.engine.address_filter.ranges
            assert bench.engine.change_filter(before, before | IpRanges([parse_range(text)]))

    bench.act(twice)
    bench.run(MOMENT)
    assert bench.status.known == 0
