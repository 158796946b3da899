"""Partial seeds (BEP 21): who wants nothing says so, is not uploaded to, and leaves who wants nothing either."""

from __future__ import annotations

from typing import Any, List

import pytest
from support.bench import COUNT, PIECE_LENGTH, SIZE, Bench, Guest, availability, extension, torrent_of
from support.magnet import Magnet

from bittorrent_threads.engine.upload_only import UploadOnly, encode
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.testing.peer_messages import CHOKE, EXTENDED, INTERESTED, UNCHOKE, message

FILES = (("first", 2 * PIECE_LENGTH), ("second", SIZE - 2 * PIECE_LENGTH))
OURS, THEIRS = 3, 9
"""The id of the message in our extension handshake, and in that of a guest."""
PARTED = "neither end wants anything"


def told(upload_only: bool) -> bytes:
    """The message of a peer."""
    return message(EXTENDED, payload=bytes([OURS, upload_only]))


def heard(guest: Guest) -> List[Any]:
    """What we said of ourselves since the last look: by messages, and in extension handshakes."""
    said: List[Any] = []
    for _, payload in guest.heard(EXTENDED):
        said.append(payload[1:] if payload[0] else bencode.decode(payload[1:])[b"upload_only"])
    return said


def partial() -> Bench:
    """A bench that wants the first file only, and has it but for one piece."""
    bench = Bench(torrent_of(files=FILES), have=[0])
    bench.act(bench.payload.set_priorities, [1, 0])
    return bench


def test_a_peer_that_wants_nothing_is_not_unchoked_until_it_wants_something() -> None:
    bench = Bench(have=range(6))
    guest = bench.guest([], extended=True)
    guest.say(extension(upload_only=1), message(INTERESTED))
    bench.run(60)
    assert guest.heard(CHOKE, UNCHOKE) == []
    assert bench.status.peers[0].upload_only
    guest.say(extension(v="a later handshake does not mention it"))
    bench.run(60)
    assert guest.heard(CHOKE, UNCHOKE) == []
    guest.say(told(False))
    assert guest.heard(CHOKE, UNCHOKE) == [(UNCHOKE,)]
    guest.say(told(True))
    assert guest.heard(CHOKE, UNCHOKE) == [(CHOKE,)]


def test_who_becomes_a_partial_seed_or_wants_more_again_tells_each_peer_in_its_way() -> None:
    bench = partial()
    taking, other, plain = [bench.guest(range(2, COUNT), extended=extended) for extended in (True, True, False)]
    taking.say(extension(m={"upload_only": THEIRS}))
    assert heard(taking) == heard(other) == [0]
    seed = bench.seed()
    seed.serve()
    assert bench.status.complete
    assert not bench.status.seed
    assert (heard(taking), heard(other), plain.heard(EXTENDED)) == ([b"\1"], [1], [])
    bench.act(bench.payload.set_priorities, [1, 1])
    bench.run(1)
    assert (heard(taking), heard(other)) == ([b"\0"], [0])
    assert bench.reasons == []


@pytest.mark.parametrize("first", ["peer", "we"])
def test_two_ends_that_want_nothing_part(first: str) -> None:
    bench = partial()
    guest = bench.guest(range(2, COUNT), extended=True)
    if first == "peer":
        guest.say(extension(upload_only=1))
        assert not guest.closed
    bench.seed().serve()
    if first == "we":
        assert not guest.closed
        guest.say(told(True))
    assert guest.closed
    assert bench.reasons == [PARTED]
    bench.run(60)
    assert bench.status.connected == 1, "the seed says nothing, and stays"


def test_who_wants_nothing_is_welcome_as_long_as_we_want_something() -> None:
    bench = Bench()
    guest = bench.guest([3], extended=True)
    guest.say(extension(upload_only=1), message(UNCHOKE))
    guest.serve()
    bench.run(60)
    assert not guest.closed
    assert bench.payload.have[3]


def test_who_wants_something_again_dials_the_seeds_that_left_at_once() -> None:
    bench = Bench(have=range(COUNT))
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(0.2)
    guests[0].greet(peerid=b"-GU0001-000000000001")
    guests[0].say(availability(range(COUNT)))
    assert bench.reasons == ["both are seeds"]
    bench.run(3)
    bench.act(bench.payload.pieces.lose, [3])
    bench.act(bench.payload.pieces.changed)
    bench.run(0.2)
    assert len(guests) == 2


def test_a_message_of_another_size_ends_the_connection() -> None:
    bench = Bench()
    guest = bench.guest([], extended=True)
    guest.say(message(EXTENDED, payload=bytes([OURS])))
    assert guest.closed
    assert bench.reasons == ["upload_only message of 0 bytes instead of 1"]


def test_before_the_metadata_and_after() -> None:
    bench = Magnet()
    guest = bench.guest([3], extended=True)
    assert heard(guest) == [0]
    guest.say(told(True))
    bench.give_info()
    (peer,) = bench.torrent.peers
    assert peer.upload_only
    guest.say(told(False))
    assert not peer.upload_only


def test_the_payload_is_one_byte() -> None:
    said: List[bool] = []

    class Connection:
        def set_upload_only(self, upload_only: bool) -> None:
            said.append(upload_only)

    handler = UploadOnly(Connection(), lambda payload: True)
    assert [handler.receive(payload, 0.0) for payload in (encode(True), encode(False), b"\7")] == ["", "", ""]
    assert said == [True, False, True]
