"""The handshake: which peers are accepted, the time limit, and the answer."""

from __future__ import annotations

import pytest
from support.bench import COUNT, MOMENT, Bench, torrent_of

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import HAVE_ALL, handshake, message

GUEST = b"-GU0001-aaaaaaaaaaaa"


def test_a_stranger_is_answered_once_it_named_a_torrent() -> None:
    bench = Bench()
    stranger = bench.stranger()
    said = handshake(bench.content.metainfo.infohash, peerid=GUEST)
    stranger.say(said[:47])
    assert not stranger.greeted
    stranger.say(said[47:48])
    assert stranger.handshaker[:20] == b"\x13BitTorrent protocol"
    assert stranger.handshaker[20:28] == b"\0\0\0\0\0\x10\0\x04"
    assert stranger.handshaker[28:48] == bench.content.metainfo.infohash
    assert stranger.handshaker[48:] == bench.engine.peerid
    assert bench.status.connected == 0
    stranger.say(said[48:])
    assert bench.status.connected == 1
    (connected,) = bench.seen(events.PeerConnected)
    assert connected.incoming
    assert connected.address[0] == "10.1.0.1"


def test_we_greet_first_when_we_dial() -> None:
    bench = Bench()
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    assert guests[0].handshaker[28:48] == bench.content.metainfo.infohash
    assert (bench.status.connecting, bench.status.connected) == (1, 0)
    guests[0].greet(peerid=GUEST)
    assert (bench.status.connecting, bench.status.connected) == (0, 1)
    (connected,) = bench.seen(events.PeerConnected)
    assert (connected.address, connected.incoming) == (address, False)


def test_the_deadline_of_a_stranger_is_absolute() -> None:
    bench = Bench()
    stranger = bench.stranger()
    start = bench.world.now
    for byte in handshake(bench.content.metainfo.infohash)[:40]:
        stranger.say(bytes([byte]))
    assert 7.5 < bench.world.now - start < 9.5
    assert not stranger.closed
    bench.until(lambda: bool(stranger.closed))
    assert bench.world.now - start == pytest.approx(10, abs=0.3)
    assert bench.engine.connection_limit.connections == 0


def test_the_deadline_of_a_dial_starts_with_the_connection() -> None:
    bench = Bench()
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    start = bench.world.now
    bench.until(lambda: bool(guests[0].closed))
    assert bench.world.now - start == pytest.approx(10, abs=0.3)
    assert bench.reasons == ["no handshake within 10 s"]


def test_a_dial_that_nobody_answers_is_given_up() -> None:
    bench = Bench(settings=Settings(connect_timeout=4.0))
    start = bench.world.now
    bench.act(bench.torrent.add_peer, "10.77.0.1", 6881)
    bench.until(lambda: bool(bench.reasons))
    assert bench.reasons == ["timed out after 4 s"]
    assert bench.world.now - start == pytest.approx(4, abs=0.3)


def test_no_answer_for_a_torrent_that_is_not_here() -> None:
    bench = Bench()
    stranger = bench.stranger()
    stranger.say(handshake(b"none of our torrents"))
    assert stranger.closed
    assert not stranger.greeted
    assert bench.engine.connection_limit.connections == 0


def test_no_answer_for_a_torrent_that_is_not_started() -> None:
    bench = Bench()
    other = torrent_of(seed=2)
    bench.disk.hold(other)
    bench.add(other)
    stranger = bench.stranger()
    stranger.say(handshake(other.metainfo.infohash))
    assert stranger.closed
    assert not stranger.greeted


def test_a_stranger_may_ask_for_any_started_torrent() -> None:
    bench = Bench(have=range(COUNT))
    other = torrent_of(seed=2)
    bench.disk.hold(other)
    second = bench.add(other)
    bench.act(second.set_state, "active")
    bench.run(1)
    bench.guest(torrent=other)
    bench.guest()
    assert (len(bench.torrent.peers), len(second.peers)) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (handshake(b"another torrent here"), "wrong infohash"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not a BitTorrent handshake"),
    ],
)
def test_a_dial_that_is_answered_wrongly_ends(answer: bytes, reason: str) -> None:
    bench = Bench()
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    guests[0].say(answer)
    assert bench.reasons == [reason]
    assert guests[0].closed


def test_what_follows_the_handshake_at_once_is_heard() -> None:
    bench = Bench()
    stranger = bench.stranger()
    stranger.say(handshake(bench.content.metainfo.infohash, peerid=GUEST) + message(HAVE_ALL))
    assert bench.status.connected == 1
    assert [peer.bits.full for peer in bench.payload.exchange] == [True]


def test_whoever_takes_our_peer_id_gets_no_further() -> None:
    bench = Bench()
    stranger = bench.stranger()
    stranger.greet(peerid=bench.engine.peerid)
    stranger.say(message(HAVE_ALL), seconds=8)
    assert bench.status.connected == 0
    bench.run(3)
    assert stranger.closed
    assert bench.engine.connection_limit.connections == 0
