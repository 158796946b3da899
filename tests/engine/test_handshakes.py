"""The unfinished handshakes of a session, and what becomes of addresses at which we meet ourselves."""

from __future__ import annotations

from support.bench import MOMENT, Bench

from bittorrent_threads.swarm.backoff import RETRY_PAUSE
from bittorrent_threads.swarm.peer_list import Source

GUEST = b"-GU0001-aaaaaaaaaaaa"


def test_ourselves_are_never_dialled_again() -> None:
    bench = Bench()
    bench.act(bench.torrent.add_peer, "10.0.0.1", 6881)
    bench.run(1)
    assert set(bench.reasons) == {"the peer is ourselves"}
    known = bench.status.known
    bench.act(bench.torrent.add_peer, "10.0.0.1", 6881)
    bench.run(3600)
    assert known == bench.status.known == 0
    assert len(bench.reasons) <= 2


def test_ourselves_are_known_in_both_families_and_all_notations() -> None:
    bench = Bench()
    bench.internet.alias(bench.network, "fd00::1")
    for host in ("10.0.0.1", "::ffff:10.0.0.1", "fd00::1", "fd00:0::1"):
        bench.act(bench.torrent.add_peer, host, 6881)
        bench.run(2)
    assert bench.status.known == bench.status.connected == 0
    assert len(bench.reasons) == 4, "one dial of each family, seen by both ends"
    assert set(bench.reasons) == {"the peer is ourselves"}
    bench.run(3600)
    assert len(bench.reasons) == 4


def test_an_address_that_repeats_our_peer_id_is_not_taken_for_ours() -> None:
    bench = Bench()
    address, guests = bench.open_house()
    bench.act(bench.torrent.learn, [address], Source.TRACKER)
    bench.run(MOMENT)
    guests[0].greet(peerid=bench.engine.peerid)
    assert bench.reasons == ["the peer is ourselves"]
    assert bench.status.known == 1
    bench.run(RETRY_PAUSE)
    assert len(guests) == 2
    guests[1].greet(peerid=GUEST)
    assert bench.status.connected == 1, "whoever is there now is welcome"


def test_another_that_has_our_peer_id_proves_nothing_of_an_address() -> None:
    bench = Bench()
    bench.stranger().greet(peerid=bench.engine.peerid)
    address = bench.open_house()[0]
    bench.act(bench.torrent.learn, [address], Source.TRACKER)
    bench.run(MOMENT)
    assert bench.status.known == 1


def test_a_peer_that_hangs_up_while_greeting_is_forgotten() -> None:
    bench = Bench()
    stranger = bench.stranger()
    assert bench.engine.connection_limit.connections == 1
    stranger.hang_up()
    assert bench.engine.connection_limit.connections == 0
    assert bench.reasons == []
