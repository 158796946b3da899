"""What every connection does past its handshake: extension handshake, keep-alive, time limits."""

from __future__ import annotations

import struct

from support.bench import BLOCK, Bench

from bittorrent_threads import events
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import EXTENDED, KEEPALIVE, PIECE, message


def extension(**said: object) -> bytes:
    """An extension handshake."""
    return message(EXTENDED, payload=b"\0" + bencode.encode({"m": {}, **said}))


def test_what_we_say_of_ourselves() -> None:
    bench = Bench(settings=Settings(reqq=321, user_agent="me 1.0"))
    said = bench.guest(extended=True, host=bench.host("10.2.3.4")).extension_handshake()
    assert said.pop(b"m") == {b"lt_donthave": 7, b"upload_only": 3, b"ut_metadata": 2, b"ut_pex": 1}
    assert said.pop(b"metadata_size") == bench.content.metainfo.info_size
    assert said == {b"p": 6881, b"reqq": 321, b"v": b"me 1.0", b"yourip": b"\x0a\2\3\4", b"upload_only": 0}


def test_who_does_not_know_extensions_hears_none() -> None:
    bench = Bench()
    guest = bench.guest(extended=False)
    assert guest.heard(EXTENDED) == []
    guest.say(extension(v="odd"), seconds=1.2)
    assert not guest.closed
    assert bench.status.peers[0].client != "odd"


def test_what_a_peer_says_of_itself() -> None:
    bench = Bench()
    guest = bench.guest([], extended=True)
    guest.say(extension(v="Guest 3", upload_only=1), seconds=1.2)
    (peer,) = bench.payload.exchange
    assert peer.upload_only
    assert bench.status.peers[0].client == "Guest 3"


def test_the_port_an_incoming_peer_listens_on_is_known() -> None:
    bench = Bench()
    guest = bench.guest([], extended=True)
    assert bench.status.known == 0
    guest.say(extension(p=7000))
    assert bench.status.known == 1
    assert bench.status.connecting == 0


def test_a_peer_tells_one_port_however_many_it_says() -> None:
    bench = Bench()
    guest = bench.guest([], extended=True)
    guest.say(*[extension(p=port) for port in range(1, 3001)])
    assert bench.status.known == 1
    guest.hang_up()
    bench.run(3600)
    dialled = [closed.address[1] for closed in bench.seen(events.PeerClosed) if closed.reason == "connection refused"]
    assert set(dialled) == {1}


def test_silence_ends_a_connection() -> None:
    bench = Bench(settings=Settings(idle_timeout=30.0))
    guest = bench.guest([])
    bench.run(25)
    guest.say(bytes(4))
    bench.run(25)
    assert not guest.closed
    bench.run(10)
    assert guest.closed
    assert bench.reasons == ["silent for 30 s"]


def test_our_own_silence_is_broken_by_keep_alives() -> None:
    bench = Bench(settings=Settings(keepalive_interval=20.0, idle_timeout=1000.0))
    guest = bench.guest([])
    guest.heard()
    bench.run(50)
    assert guest.heard() == [(KEEPALIVE,)] * 2


def test_a_message_that_does_not_end_ends_the_connection() -> None:
    bench = Bench(settings=Settings(progress_timeout=10.0))
    guest = bench.guest([])
    for byte in struct.pack(">IBIIQ", 9 + BLOCK, PIECE, 0, 0, 0):
        guest.say(bytes([byte]), seconds=1)
    assert guest.closed
    assert bench.reasons == ["a message took more than 10 s"]
