"""Connections that came in and say nothing: whose place they take, and which of them goes first."""

from __future__ import annotations

from typing import Callable, List

import pytest
from support.bench import MOMENT, PORT, Bench, Guest

from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.testing.peer_messages import handshake

GUEST = b"-GU0001-aaaaaaaaaaaa"


def flood(bench: Bench, rate: float, host: Callable[[int], str]) -> List[Guest]:
    """From now on so many silent connections a second, each from the host that ``host`` gives for its number."""
    guests: List[Guest] = []

    def knock() -> None:
        name = host(len(guests))
        network = bench.internet.hosts.get(name) or bench.internet.add(name)
        guest = Guest(bench, bench.content)
        guest.stream = network.connect(("10.0.0.1", PORT), guest, 15.0)
        guests.append(guest)
        bench.world.after(1 / rate, knock)

    knock()
    return guests


@pytest.mark.parametrize("hosts", [1, 1_000_000])
def test_a_hundred_and_ten_silent_connections_a_second_keep_nobody_out(hosts: int) -> None:
    bench = Bench()
    flood(bench, 110.0, lambda number: f"8.{number % hosts >> 8}.{number % hosts & 255}.1")
    bench.run(5)
    assert bench.engine.connection_limit.connections == bench.settings.max_connections
    guests = [bench.guest([]) for _ in range(5)]
    assert not any(guest.closed for guest in guests)
    assert bench.status.connected == 5
    assert bench.engine.connection_limit.connections <= bench.settings.max_connections


def test_dials_are_made_in_spite_of_them() -> None:
    bench = Bench(settings=Settings(max_connections=20))
    flood(bench, 110.0, lambda number: "8.8.8.8")
    bench.run(2)
    address, guests = bench.open_house()
    bench.act(bench.torrent.learn, [address], Source.TRACKER)
    bench.run(MOMENT)
    guests[0].greet(peerid=GUEST)
    assert bench.status.connected == 1


def test_the_oldest_of_the_host_that_has_most_gives_way() -> None:
    bench = Bench(settings=Settings(max_connections=5))
    single = bench.stranger()
    host = bench.host("8.8.8.8")
    several = [bench.stranger(host) for _ in range(3)]
    last = bench.stranger()
    newcomers = [bench.stranger() for _ in range(2)]
    assert [bool(guest.closed) for guest in several] == [True, True, False]
    assert not any(guest.closed for guest in (single, last, *newcomers))
    assert bench.engine.connection_limit.connections == 5
    bench.stranger()
    assert single.closed, "where every host has one, the oldest"


def test_addresses_of_one_ipv6_network_are_one_host() -> None:
    bench = Bench(settings=Settings(max_connections=4))
    single = bench.stranger()
    several = [bench.stranger(bench.host(f"2606:4700::{number}")) for number in range(1, 4)]
    bench.stranger()
    assert several[0].closed
    assert not single.closed


def test_half_a_handshake_is_none() -> None:
    bench = Bench(settings=Settings(max_connections=3))
    half = bench.stranger()
    half.say(handshake(bench.content.metainfo.infohash)[:60])
    assert half.greeted
    whole = bench.guest([])
    bench.stranger()
    bench.stranger()
    assert half.closed
    assert not whole.closed
    assert bench.reasons == ["said no handshake, and others find no room"]


def test_a_stranger_takes_no_place_of_a_peer_that_is_of_use() -> None:
    bench = Bench(settings=Settings(max_connections=3))
    guests = [bench.guest([]) for _ in range(3)]
    for _ in range(5):
        assert bench.stranger().closed
    assert not any(guest.closed for guest in guests)


def test_nothing_is_remembered_of_those_that_left() -> None:
    bench = Bench()
    strangers = [bench.stranger() for _ in range(5)]
    bench.guest([])
    strangers[0].hang_up()
    bench.run(11)
    assert all(stranger.closed for stranger in strangers[1:])
    assert not bench.engine.handshakes._incoming.give_way()
    assert bench.engine.connection_limit.connections == 1
    assert vars(bench.engine.handshakes._incoming)["_by_host"] == {}
