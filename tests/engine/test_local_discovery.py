"""Local discovery of a session in a simulated local network: who is announced, who is dialled, what a flood costs."""

from __future__ import annotations

from typing import List, Optional

from support.bench import PORT, TRACKER, Bench, torrent_of
from support.magnet import Magnet

from bittorrent_threads.engine.local_discovery import MAX_RATE
from bittorrent_threads.protocol.local_discovery import GROUPS, encode, parse
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.testing.simulation.network import SimNetwork
from bittorrent_threads.testing.simulation.torrent import SimTorrent

ON = Settings(local_discovery=True)
LAN = "home"


def bench_in_lan(torrent: Optional[SimTorrent] = None, kind: type = Bench, **options: object) -> Bench:
    """Return a bench in a local network, stopped."""
    bench: Bench = kind(torrent, settings=ON, state="stopped", **options)
    bench.network.lan = LAN
    return bench


def started(bench: Bench) -> Bench:
    bench.set_state("active")
    bench.run(10)
    return bench


def neighbour(bench: Bench, host: str = "10.1.0.77") -> SimNetwork:
    """Return another host of the local network."""
    network = bench.host(host)
    network.lan = LAN
    return network


def announce(network: SimNetwork, *infohashes: bytes, port: int = PORT, cookie: str = "theirs") -> None:
    sock = network.multicast(GROUPS[4], lambda data, sender: None)
    network.run_pass(lambda: sock.send(encode(GROUPS[4], port, infohashes, cookie)))
    sock.close()


def announced(bench: Bench) -> List[bytes]:
    """Return the infohashes announced so far."""
    said = [parse(data) for _, _, data in bench.network.multicasts]
    return [infohash for each in said if each is not None for infohash in each.infohashes]


def open_sockets(bench: Bench) -> int:
    return sum(not sock.closed for sock in bench.network.multicast_sockets)


def known(bench: Bench) -> int:
    return bench.torrent.peerlist.by_source.get(Source.LSD, 0)


# -- announcing --------------------------------------------------------------------------------------------------------


def test_a_torrent_is_announced_soon_and_then_every_five_minutes() -> None:
    bench = started(bench_in_lan())
    bench.run(700)
    times = [time for time, _, _ in bench.network.multicasts]
    assert len(times) == 3
    assert times[0] < 8
    assert [300 <= later - earlier <= 306 for earlier, later in zip(times, times[1:])] == [True, True]
    (said, *_) = [parse(data) for _, _, data in bench.network.multicasts]
    assert said is not None
    assert (said.port, said.infohashes) == (PORT, (bench.content.metainfo.infohash,))


def test_torrents_are_announced_together_and_once_a_minute() -> None:
    bench = started(bench_in_lan())
    for seed in (2, 3):
        torrent = torrent_of(seed=seed)
        bench.disk.hold(torrent, ())
        bench.act(bench.add(torrent).set_state, "active")
    bench.run(70)
    first, second = bench.network.multicasts
    assert 60 <= second[0] - first[0] <= 66
    assert len(announced(bench)) == len({*announced(bench)}) == 3


def test_both_families_are_announced_to() -> None:
    bench = bench_in_lan()
    bench.internet.alias(bench.network, "fd00::1")
    started(bench)
    assert {group for _, group, _ in bench.network.multicasts} == {*GROUPS.values()}
    assert all(group[0].encode() in data for _, group, data in bench.network.multicasts)


def test_a_torrent_without_metadata_is_announced() -> None:
    bench = started(bench_in_lan(kind=Magnet))
    assert announced(bench) == [bench.content.metainfo.infohash]


def test_the_sockets_are_closed_with_the_last_torrent() -> None:
    bench = started(bench_in_lan())
    assert open_sockets(bench) == 1
    bench.set_state("stopped")
    assert open_sockets(bench) == 0
    bench.run(100)
    bench.set_state("active")
    bench.run(10)
    assert open_sockets(bench) == 1
    assert len(announced(bench)) == 2
    bench.act(bench.engine.close, lambda: None)
    assert open_sockets(bench) == 0


def test_off_means_off() -> None:
    bench = Bench(settings=Settings(local_discovery=False))
    bench.network.lan = LAN
    bench.run(400)
    assert bench.engine.peer_sources == []
    assert bench.network.multicast_sockets == []


# -- hearing -----------------------------------------------------------------------------------------------------------


def test_a_neighbour_is_dialled_and_its_source_is_shown() -> None:
    bench = started(bench_in_lan())
    host = neighbour(bench)
    address, accepted = bench.open_house(host=host)
    announce(host, bytes(20), bench.content.metainfo.infohash)
    bench.run(1)
    accepted[0].greet(peerid=b"-GU0001-abcdefghijkl")
    bench.run(2)
    assert [(peer.address, peer.source) for peer in bench.status.peers] == [(address, "lsd")]


def test_a_neighbour_that_cannot_be_reached_is_told_of() -> None:
    bench = started(bench_in_lan())
    announce(neighbour(bench), bench.content.metainfo.infohash)
    bench.run(2)
    assert bench.status.stall.startswith("1 known peer (1 lsd), none connected")
    assert bench.status.stall.endswith("; local discovery found 1")


def test_our_own_announce_is_not_taken_for_a_peer() -> None:
    bench = started(bench_in_lan())
    assert bench.network.multicasts
    assert bench.network.multicast_sockets[0].heard == len(bench.network.multicasts)
    assert known(bench) == 0
    assert bench.status.connecting == 0


def test_a_stopped_torrent_and_one_that_is_not_ours_learn_nothing() -> None:
    bench = started(bench_in_lan())
    bench.set_state("stopped")
    bench.set_state("active")
    bench.run(70)
    announce(neighbour(bench), b"?" * 20)
    bench.run(1)
    assert known(bench) == 0


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_a_flood_is_decoded_ten_times_a_second_and_answered_never() -> None:
    bench = started(bench_in_lan())
    host = neighbour(bench)
    sent = len(bench.network.multicasts)
    bench.world.run(float(int(bench.world.now) + 1))
    for port in range(1000, 1500):
        announce(host, bench.content.metainfo.infohash, port=port)
    bench.run(0.5)
    assert known(bench) == MAX_RATE
    assert len(bench.network.multicasts) == sent
    bench.run(1)
    announce(host, bench.content.metainfo.infohash, port=2000)
    bench.run(0.5)
    assert known(bench) == MAX_RATE + 1, "the next second is another"


def test_garbage_is_ignored() -> None:
    bench = started(bench_in_lan())
    sock = neighbour(bench).multicast(GROUPS[4], lambda data, sender: None)
    for data in (b"", b"\xff" * 2000, b"BT-SEARCH * HTTP/1.1\r\n\r\n"):
        sock.send(data)
    bench.run(1)
    assert known(bench) == 0


# -- private torrents --------------------------------------------------------------------------------------------------


def test_a_private_torrent_opens_no_socket_and_sends_nothing() -> None:
    bench = started(bench_in_lan(torrent_of(private=True)))
    bench.run(700)
    assert bench.network.multicast_sockets == []
    assert bench.network.multicasts == []


def test_beside_a_public_torrent_a_private_one_is_neither_announced_nor_heard_of() -> None:
    bench = bench_in_lan()
    private = torrent_of(private=True, seed=2)
    bench.disk.hold(private, ())
    other = bench.add(private)
    bench.act(other.set_state, "active")
    started(bench)
    announce(neighbour(bench), private.metainfo.infohash, bench.content.metainfo.infohash)
    bench.run(700)
    assert {*announced(bench)} == {bench.content.metainfo.infohash}
    assert private.metainfo.infohash.hex().encode() not in b"".join(data for _, _, data in bench.network.multicasts)
    assert (known(bench), other.peerlist.counts.known) == (1, 0)


# -- no network --------------------------------------------------------------------------------------------------------


def test_without_multicast_it_is_tried_again_in_a_minute_and_the_stall_says_so() -> None:
    bench = bench_in_lan(torrent_of(TRACKER))
    bench.network.lan = ""
    bench.set_state("active")
    assert bench.status.stall.endswith("; local discovery has not begun")
    bench.run(10)
    reason = f"no peer is known ({TRACKER}: named none); local discovery failed (network unreachable)"
    assert bench.status.stall == reason
    assert len(bench.network.multicast_sockets) == 1
    bench.network.lan = LAN
    bench.run(65)
    assert len(bench.network.multicasts) == 1
    assert bench.status.stall == f"no peer is known ({TRACKER}: named none); local discovery found none"


def test_a_socket_that_cannot_be_had_is_asked_for_once_a_minute() -> None:
    bench = bench_in_lan()
    bench.network.multicast_refusals = 2
    started(bench)
    assert bench.status.stall.endswith("local discovery failed (no such device)")
    began = bench.world.now
    bench.until(lambda: not bench.network.multicast_refusals)
    assert 45 < bench.world.now - began < 66
    bench.run(70)
    assert len(announced(bench)) == 1


def test_a_socket_that_failed_is_made_again() -> None:
    bench = started(bench_in_lan())
    bench.network.multicast_sockets[0].close()
    bench.run(305)
    assert open_sockets(bench) == 1
    assert len(announced(bench)) == 2


def test_a_private_torrent_says_nothing_of_it() -> None:
    assert started(bench_in_lan(torrent_of(private=True))).status.stall == (
        "no peer is known, and the torrent names no tracker"
    )


def test_without_a_listening_port_nothing_is_announced() -> None:
    bench = bench_in_lan()
    bench.set_state("active")
    bench.engine.port = 0
    bench.run(100)
    assert bench.network.multicasts == []
