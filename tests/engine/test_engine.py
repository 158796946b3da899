"""The session: one port, several torrents, an order in which it closes."""

from __future__ import annotations

from typing import List

import pytest
from support.bench import COUNT, MOMENT, PORT, TRACKER, Bench, blocks_of, torrent_of

from bittorrent_threads import events
from bittorrent_threads.engine.torrent_params import TorrentParams
from bittorrent_threads.errors import ListenError, StateError
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.metainfo.magnet import Magnet
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.simulation import tracker
from bittorrent_threads.testing.simulation.recorder import Recorder


def test_the_port_is_open_while_a_torrent_is_started() -> None:
    bench = Bench(state="stopped")
    other = bench.second()
    assert PORT in bench.network.listeners
    bench.set_state("paused")
    bench.act(other.set_state, "stopped")
    bench.run(1)
    assert PORT in bench.network.listeners
    bench.set_state("stopped")
    assert not bench.network.listeners


def test_every_torrent_hears_which_port_it_is() -> None:
    bench = Bench()
    (listening,) = bench.seen(events.Listening)
    assert (listening.port, listening.infohash) == (PORT, bench.content.metainfo.infohash)
    assert bench.engine.port == bench.status.port == PORT


def test_the_port_stays_the_same_over_a_stop() -> None:
    bench = Bench(state="stopped")
    bench.settings = bench.settings.replace(port=0)
    bench.reboot()
    port = bench.engine.port
    assert port not in (0, PORT)
    bench.set_state("stopped")
    bench.set_state("active")
    assert bench.engine.port == port
    assert list(bench.network.listeners) == [port]


def test_a_taken_port_is_told_and_dialling_goes_on() -> None:
    bench = Bench(state="stopped")
    bench.network.listen("", PORT, lambda stream: stream.close())
    bench.set_state("active")
    (failed,) = bench.seen(events.ListenFailed)
    assert "address already in use" in failed.reason
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    assert guests


def test_a_taken_port_that_was_demanded_is_raised_and_nothing_starts() -> None:
    bench = Bench(state="stopped", settings=Settings(port_strict=True))
    bench.network.listen("", PORT, lambda stream: stream.close())
    with pytest.raises(ListenError, match="address already in use"):
        bench.torrent.set_state("active")
    assert bench.torrent.state == "stopped"
    assert not bench.seen(events.StateChanged)


def test_no_torrent_twice() -> None:
    bench = Bench()
    with pytest.raises(StateError, match="has the torrent 'simulated' already"):
        bench.add(bench.content)


def test_a_stop_gives_up_the_dials_of_its_torrent_alone() -> None:
    bench = Bench()
    other = bench.second()
    bench.act(bench.torrent.add_peer, "10.99.0.1", 1)
    bench.act(other.add_peer, "10.99.0.1", 2)
    bench.run(MOMENT)
    assert bench.engine.handshakes.half_open == 2
    bench.set_state("stopped")
    assert bench.engine.handshakes.half_open == bench.engine.connecting(other) == 1
    assert bench.reasons == ["the torrent was stopped"]


def test_every_live_torrent_ticks_once_a_second() -> None:
    bench = Bench(state="stopped")
    other = bench.second()
    bench.run(10)
    assert other.status.state == "active"
    assert bench.torrent.status.state == "stopped"
    assert other.status.stall == "no peer is known, and the torrent names no tracker"


@pytest.mark.parametrize("state", ["active", "paused", "stopped"])
def test_memory_kept_for_use_again_is_given_up_in_the_first_second_in_which_nothing_came(state: str) -> None:
    bench = Bench()
    seed = bench.seed()
    memory = bench.engine.memory
    dropped: List[float] = []
    memory.drop_spare = lambda: dropped.append(bench.world.now)  # type: ignore[method-assign]
    for index in range(6):
        seed.give(*blocks_of(index))
        bench.run(0.5)
        if index == 1:
            dropped.clear()
    assert dropped == []
    bench.set_state(state)
    bench.run(2)
    assert dropped


def test_remove_forgets_the_torrent_when_its_trackers_and_files_are_done() -> None:
    bench = Bench(torrent_of(TRACKER), have=range(COUNT))
    over: List[float] = []
    bench.run(1)
    start = bench.world.now
    bench.act(lambda: bench.engine.remove(bench.torrent, done=lambda: over.append(bench.world.now)))
    assert bench.engine.torrents == {}
    assert bench.torrent.lifecycle.closed
    assert not over
    bench.run(1)
    assert [announce.event for announce in bench.tracker.announces] == ["started", "stopped"]
    assert over == [pytest.approx(start + 0.05, abs=0.02)]
    bench.add(bench.content)


def test_close_waits_for_every_torrent_and_not_long_for_a_tracker() -> None:
    bench = Bench(torrent_of(TRACKER), have=range(COUNT))
    bench.second(TRACKER)
    stranger = bench.stranger()
    guest = bench.guest([])
    bench.tracker.mood = tracker.SLOW
    start, over = bench.world.now, []
    bench.act(bench.engine.close, lambda: over.append(bench.world.now))
    bench.run(1)
    assert not over
    assert stranger.closed
    assert guest.closed
    assert not bench.network.listeners
    bench.run(bench.settings.stop_announce_timeout)
    assert over == [pytest.approx(start + bench.settings.stop_announce_timeout, abs=0.1)]
    assert bench.engine.connection_limit.connections == 0
    assert bench.status.closed
    assert bench.status.stall == "the client was closed"


def test_a_closed_session_has_nothing_left_to_do() -> None:
    bench = Bench(have=range(COUNT))
    bench.guest([])
    bench.act(bench.engine.close, lambda: None)
    bench.run(120)
    before = bench.world.events
    bench.run(3600)
    assert bench.world.events == before


def test_close_without_a_torrent() -> None:
    bench = Bench(state="stopped")
    bench.boot()
    over: List[bool] = []
    bench.act(bench.engine.close, lambda: over.append(True))
    assert over == [True]


def test_what_the_session_calls_itself() -> None:
    engine = Bench(state="stopped").engine
    assert engine.peerid[:1] == engine.peerid[7:8] == b"-"
    assert len(engine.peerid) == 20
    assert len(engine.key) == 8
    assert engine.client.startswith("bittorrent_threads ")
    assert Bench(state="stopped", settings=Settings(user_agent="me/1")).engine.client == "me/1"


def test_announces_come_from_the_addresses_that_we_listen_on() -> None:
    bench = Bench()
    assert bench.engine.endpoints == ((4, bench.network.name),)
    assert bench.engine._listener is not None
    for addresses, endpoints in (
        (("0.0.0.0", "::"), ((4, ""), (6, ""))),
        (("127.0.0.1",), ((4, ""),)),
        (("::1",), ((6, ""),)),
        (("2001:db8::1",), ((6, "2001:db8::1"),)),
        (("fe80::1%eth0",), ((6, "fe80::1%eth0"),)),
    ):
        bench.engine._listener.addresses = addresses
        assert bench.engine.endpoints == endpoints


def test_a_torrent_is_found_by_either_form_of_its_infohash() -> None:
    bench = Bench()
    infohash = InfoHash(v1=bytes(20), v2=bytes(range(32)))
    recorder = Recorder(bench.events.append)
    hybrid = bench.engine.add(Magnet(infohash), TorrentParams("downloads"), recorder)
    for form in (bytes(20), bytes(range(20))):
        assert bench.engine.torrents[form] is hybrid
        assert bench.engine.torrent_of(form) is None
    bench.act(hybrid.set_state, "active")
    assert bench.engine.torrent_of(bytes(20)) is bench.engine.torrent_of(bytes(range(20))) is hybrid
    with pytest.raises(StateError, match="already"):
        bench.engine.add(Magnet(InfoHash(v2=bytes(range(32)))), TorrentParams("downloads"), recorder)
    bench.run(1)
    bench.act(lambda: bench.engine.remove(hybrid, done=lambda: None))
    assert list(bench.engine.torrents.values()) == [bench.torrent]
