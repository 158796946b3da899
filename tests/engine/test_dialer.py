"""Which addresses the engine dials, how many at once, and how fast."""

from __future__ import annotations

from typing import List

import pytest
from support.bench import MOMENT, Bench, Guest, torrent_of

from bittorrent_threads.engine.dialer import BURST, HOST_PAUSE
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.backoff import MAX_FAILURES, RECONNECT_PAUSE, RETRY_PAUSE
from bittorrent_threads.swarm.peer_list import MAX_OF_OWNER, Source
from bittorrent_threads.testing.peer_messages import message
from bittorrent_threads.testing.simulation.network import Internet


def crowd(bench: Bench, count: int) -> List[Guest]:
    """Tell the torrent ``count`` addresses that accept connections and send nothing; return the accepted peers."""
    guests: List[Guest] = []
    addresses = [bench.open_house(guests)[0] for _ in range(count)]
    bench.act(bench.torrent.learn, addresses, Source.TRACKER)
    return guests


def silence(bench: Bench, count: int) -> None:
    """Tell the torrent ``count`` addresses where no host is."""
    addresses = [("10.99.0.1", 1000 + number) for number in range(count)]
    bench.act(bench.torrent.learn, addresses, Source.TRACKER)


def test_a_burst_and_then_so_many_a_second() -> None:
    bench = Bench(settings=Settings(connect_rate=5.0, max_half_open=100))
    guests = crowd(bench, BURST + 12)
    bench.run(0.1)
    assert len(guests) == BURST
    bench.run(1)
    assert BURST + 4 <= len(guests) <= BURST + 6
    bench.run(2)
    assert len(guests) == BURST + 12


def test_few_dials_are_under_way_at_once() -> None:
    bench = Bench(settings=Settings(max_half_open=4, connect_timeout=5.0))
    silence(bench, 10)
    bench.run(1)
    assert bench.engine.handshakes.half_open == bench.status.connecting == 4
    bench.run(5)
    assert bench.engine.handshakes.half_open == 4
    assert len(bench.reasons) == 4
    bench.run(10)
    assert len(bench.reasons) == 10


def test_a_session_makes_no_more_connections_than_its_limit() -> None:
    bench = Bench(settings=Settings(max_connections=5))
    bench.guest([])
    bench.guest([])
    guests = crowd(bench, 6)
    bench.run(2)
    assert len(guests) == 3
    assert bench.engine.connection_limit.connections == 5


def test_a_torrent_makes_no_more_connections_than_its_limit() -> None:
    bench = Bench(settings=Settings(max_connections_per_torrent=4))
    bench.guest([])
    guests = crowd(bench, 6)
    bench.run(2)
    assert len(guests) == 3


def test_a_place_that_becomes_free_is_filled() -> None:
    bench = Bench(settings=Settings(max_connections_per_torrent=2))
    guests = crowd(bench, 3)
    bench.run(1)
    for number, guest in enumerate(guests):
        guest.greet(peerid=b"-GU0001-%012d" % number)
    assert len(guests) == 2
    guests[0].hang_up()
    assert len(guests) == 3


def test_torrents_take_turns() -> None:
    bench = Bench(settings=Settings(max_half_open=6))
    other = torrent_of(seed=2)
    bench.disk.hold(other)
    second = bench.add(other)
    bench.act(second.set_state, "active")
    bench.run(1)

    def learn() -> None:
        for torrent, port in ((bench.torrent, 1000), (second, 2000)):
            torrent.learn([("10.99.0.1", port + number) for number in range(20)], Source.TRACKER)

    bench.act(learn)
    bench.run(MOMENT)
    assert (bench.engine.connecting(bench.torrent), bench.engine.connecting(second)) == (3, 3)


def test_a_dial_that_failed_is_made_again_after_a_pause() -> None:
    bench = Bench()
    host = bench.host()
    bench.act(bench.torrent.add_peer, host.name, 6881)
    bench.run(1)
    assert bench.reasons == ["connection refused"]
    _, guests = bench.open_house(host=host)
    bench.run(RETRY_PAUSE - 2)
    assert not guests
    bench.run(2)
    assert len(guests) == 1


def test_a_peer_that_left_is_dialled_again_after_a_pause() -> None:
    bench = Bench()
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    guests[0].greet(peerid=b"-GU0001-000000000000")
    guests[0].say(message(0), seconds=70)
    guests[0].hang_up()
    bench.run(RECONNECT_PAUSE - 2)
    assert len(guests) == 1
    bench.run(3)
    assert len(guests) == 2


def test_nobody_is_dialled_while_the_torrent_is_stopped() -> None:
    bench = Bench(state="stopped")
    guests = crowd(bench, 3)
    bench.run(100)
    assert not guests
    bench.set_state("active")
    bench.run(MOMENT)
    assert len(guests) == 3


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1"])
def test_thousands_of_addresses_of_one_victim_are_few_dials(host: str) -> None:
    bench = Bench()
    victim = bench.host(host)
    at: List[float] = []
    victim.knock = lambda *_: at.append(bench.world.now)  # type: ignore[method-assign]
    addresses = [(host, 6000 + number) for number in range(2000)]
    bench.act(bench.torrent.learn, addresses, Source.TRACKER)
    bench.run(600)
    assert MAX_OF_OWNER <= len(at) <= MAX_OF_OWNER * MAX_FAILURES + 10
    assert all(later - earlier >= HOST_PAUSE - 0.001 for earlier, later in zip(at, at[1:]))


def test_many_torrents_dial_one_host_no_faster_than_one() -> None:
    bench = Bench()
    victim = bench.host("8.8.8.8")
    at: List[float] = []
    victim.knock = lambda *_: at.append(bench.world.now)  # type: ignore[method-assign]
    bystander, guests = bench.open_house(host=bench.host("8.8.4.4"))
    for number in range(2, 12):
        content = torrent_of(seed=number)
        bench.disk.hold(content)
        torrent = bench.add(content)
        bench.act(torrent.set_state, "active")
        bench.run(1)
        bench.act(torrent.learn, [("8.8.8.8", 6881), ("8.8.8.8", 6882)], Source.TRACKER)
    bench.act(bench.torrent.learn, [bystander], Source.TRACKER)
    bench.run(1)
    assert len(guests) == 1, "others do not wait for it"
    bench.run(30)
    assert len(at) >= 20
    assert all(later - earlier >= HOST_PAUSE - 0.001 for earlier, later in zip(at, at[1:]))


@pytest.mark.parametrize("host", ["10.5.0.1", "fd00::1"])
def test_addresses_of_both_families_are_dialled(host: str) -> None:
    bench = Bench()
    internet: Internet = bench.internet
    address, guests = bench.open_house(host=internet.add(host))
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    assert len(guests) == 1
