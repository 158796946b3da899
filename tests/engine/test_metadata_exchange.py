"""The metadata exchange over connections: fetched from peers that a test scripts, served to them, and attacked."""

from __future__ import annotations

import dataclasses
from typing import List, Tuple

import pytest
from support.bench import COUNT, Bench, Guest, extension, torrent_of
from support.magnet import Magnet, info_of

from bittorrent_threads import events
from bittorrent_threads.engine.metadata import HASHED_AT_ONCE
from bittorrent_threads.engine.phase import Phase
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.protocol import metadata_exchange as mx
from bittorrent_threads.protocol.metadata_exchange import DATA, PIECE_SIZE, REJECT, REQUEST
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm import metadata_download, metadata_upload
from bittorrent_threads.swarm.uploads import MAX_REFUSED
from bittorrent_threads.testing.peer_messages import EXTENDED, UNCHOKE, message
from bittorrent_threads.testing.simulation.torrent import SimTorrent

THEIRS = 7
"""The id under which the guests take the messages."""
OURS = 2
MANY_FILES = [(f"a rather long name of a file, number {number:04}", 1) for number in range(800)]


def large() -> SimTorrent:
    """A torrent whose metadata has four pieces."""
    return torrent_of(files=tuple(MANY_FILES))


def told(payload: bytes) -> bytes:
    """A message of the metadata exchange to the engine."""
    return message(EXTENDED, payload=bytes([OURS]) + payload)


def offer(guest: Guest, size: object) -> None:
    """Say that the guest takes the messages, and has metadata of this size."""
    guest.say(extension(m={b"ut_metadata": THEIRS}, metadata_size=size))


def heard(guest: Guest) -> List[mx.MetadataMessage]:
    """The messages of the metadata exchange that the guest got since the last call."""
    return [mx.parse(each[1][1:]) for each in guest.heard(EXTENDED) if each[1][0] == THEIRS]


def asked(guest: Guest) -> List[int]:
    """The pieces that the guest was asked for since the last call."""
    return [said.piece for said in heard(guest) if said.kind == REQUEST]


def block(info: bytes, piece: int) -> bytes:
    """The message with a piece."""
    return told(mx.data(piece, len(info), info[piece * PIECE_SIZE : (piece + 1) * PIECE_SIZE]))


def serve(guest: Guest, info: bytes) -> List[int]:
    """Answer what the guest is asked for until nothing more is asked; return the pieces."""
    served: List[int] = []
    while not guest.closed:
        pieces = asked(guest)
        if not pieces:
            break
        served += pieces
        guest.say(*[block(info, piece) for piece in pieces])
    return served


def test_the_metadata_comes_from_a_peer_and_the_download_goes_on_over_the_same_connection() -> None:
    torrent = large()
    info = info_of(torrent)
    bench = Magnet(torrent)
    seed = bench.guest([], extended=True)
    offer(seed, len(info))
    assert mx.piece_count(len(info)) == 4
    assert serve(seed, info) == [0, 1, 2, 3]
    bench.run(1)
    assert bench.phase == Phase.ACTIVE.value
    assert bench.status.metadata
    assert bench.status.metadata_received == len(info)
    (received,) = bench.seen(events.MetadataReceived)
    assert (received.size, received.stored) == (len(info), False)
    assert not seed.closed
    assert bench.disk.metadata_files[torrent.metainfo.infohash] == info


def test_metadata_above_half_a_mebibyte_is_hashed_by_a_disk_thread() -> None:
    torrent = torrent_of(files=tuple([(f"{'x' * 240}{number:04}", 1) for number in range(2200)]))
    info = info_of(torrent)
    assert len(info) > HASHED_AT_ONCE
    bench = Magnet(torrent)
    liar, honest = [bench.guest([], extended=True) for _ in range(2)]
    bench.disk.seek_time = 1.0
    for guest, content, reasons in ((liar, bytes(len(info)), [metadata_download.WRONG]), (honest, info, [])):
        offer(guest, len(info))
        seen = len(bench.reasons)
        assert sorted(serve(guest, content)) == list(range(mx.piece_count(len(info))))
        assert not guest.closed, "the thread has not hashed it"
        assert not bench.status.metadata
        bench.run(1)
        assert bench.reasons[seen:] == reasons
    assert not bench.status.metadata, "it is right, and being parsed"
    bench.run(1)
    assert bench.status.metadata
    assert len(bench.seen(events.PeerBanned)) == 1
    assert not honest.closed


def test_a_block_is_asked_for_as_soon_as_the_metadata_is_there() -> None:
    bench = Magnet()
    info = info_of(bench.content)
    seed = bench.guest(range(COUNT), extended=True)
    offer(seed, len(info))
    seed.say(message(UNCHOKE), block(info, 0))
    assert seed.serve()
    assert bench.payload.have.full


def test_a_peer_that_sends_metadata_is_not_idle() -> None:
    torrent = large()
    info = info_of(torrent)
    bench = Magnet(torrent)
    guest = bench.guest([], extended=True)
    offer(guest, len(info))
    bench.run(15)
    (peer,) = bench.torrent.peers
    before = peer.moved_at
    guest.say(block(info, 0))
    assert peer.moved_at > before + 10


def test_several_peers_send_different_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    torrent = large()
    info = info_of(torrent)
    bench = Magnet(torrent)
    guests = [bench.guest([], extended=True) for _ in range(2)]
    monkeypatch.setattr(metadata_download, "DEPTH", 2)
    for guest in guests:
        offer(guest, len(info))
    assert [asked(guest) for guest in guests] == [[0, 1], [2, 3]]
    guests[1].say(block(info, 3), block(info, 2))
    guests[0].say(block(info, 0), block(info, 1))
    assert bench.status.metadata


def test_what_is_known_is_offered_and_sent() -> None:
    torrent = large()
    info = info_of(torrent)
    bench = Bench(torrent)
    guest = bench.guest([], extended=True)
    ours = guest.extension_handshake()
    assert (ours[b"m"][b"ut_metadata"], ours[b"metadata_size"]) == (OURS, len(info))
    guest.say(extension(m={b"ut_metadata": THEIRS}), *[told(mx.request(piece)) for piece in (3, 0, 1, 2, 4)])
    found = heard(guest)
    assert [(said.kind, said.piece) for said in found] == [(DATA, 3), (DATA, 0), (DATA, 1), (DATA, 2), (REJECT, 4)]
    assert b"".join(said.data for said in sorted(found[:4], key=lambda said: said.piece)) == info
    assert {said.total_size for said in found[:4]} == {len(info)}
    guest.say(told(mx.data(0, len(info), b"x")))
    assert guest.closed
    assert bench.reasons == ["sent metadata that was not asked for"]


def test_a_request_before_the_metadata_is_known_is_rejected_and_it_is_offered_when_it_is() -> None:
    bench = Magnet()
    guest = bench.guest([], extended=True)
    assert b"metadata_size" not in guest.extension_handshake()
    guest.say(extension(m={b"ut_metadata": THEIRS}), told(mx.request(0)))
    assert heard(guest) == [mx.MetadataMessage(REJECT, 0)]
    bench.give_info()
    said = guest.extension_handshake()
    assert said[b"metadata_size"] == len(info_of(bench.content))


def test_a_private_torrent_neither_offers_nor_sends_it() -> None:
    bench = Bench(torrent_of(private=True))
    guest = bench.guest([], extended=True)
    ours = guest.extension_handshake()
    assert b"metadata_size" not in ours
    assert b"ut_metadata" not in ours[b"m"]
    guest.say(extension(m={b"ut_metadata": THEIRS}), told(mx.request(0)))
    assert heard(guest) == []
    assert not guest.closed


def test_metadata_that_says_that_the_torrent_is_private_is_taken_and_not_passed_on() -> None:
    bench = Magnet(torrent_of(private=True))
    info = info_of(bench.content)
    guest = bench.guest([], extended=True)
    offer(guest, len(info))
    serve(guest, info)
    assert bench.status.metadata
    assert bench.torrent.private
    guest.say(told(mx.request(0)))
    assert heard(guest) == []


# -- attacks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [-1, 0, 8 * 1024 * 1024 + 1, 2**31, 2**63 - 1, b"100", [1]])
def test_a_size_that_cannot_be_is_not_believed_and_takes_no_memory(size: object) -> None:
    bench = Magnet()
    guest = bench.guest([], extended=True)
    offer(guest, size)
    assert heard(guest) == []
    assert not guest.closed
    assert bench.torrent.metadata._download.held == 0
    assert bench.torrent.metadata._download._assemblies == {}
    assert "the metadata is missing: 1 connected peer, and " in bench.status.stall


def test_the_largest_size_takes_no_memory_before_it_comes() -> None:
    bench = Magnet()
    guest = bench.guest([], extended=True)
    offer(guest, bench.settings.max_metadata_size)
    assert asked(guest) == [0, 1, 2, 3]
    download = bench.torrent.metadata._download
    assert download.held == 0
    (assembly,) = download._assemblies.values()
    assert (len(assembly.pieces), len(assembly.asked), len(assembly._released)) == (0, 4, 0)


def test_a_smaller_limit_of_torrent_files_limits_the_metadata_too() -> None:
    bench = Magnet(settings=Settings(max_metainfo_size=300))
    guest = bench.guest([], extended=True)
    offer(guest, 301)
    assert asked(guest) == []
    assert "more than the 300 bytes" in bench.status.stall


def test_poisoned_metadata_bans_its_sender_and_comes_from_another() -> None:
    bench = Magnet()
    info = info_of(bench.content)
    liar = bench.guest([], extended=True)
    offer(liar, len(info))
    serve(liar, bytes(len(info)))
    assert liar.closed
    assert bench.reasons == [metadata_download.WRONG]
    (banned,) = bench.seen(events.PeerBanned)
    assert banned.reason == metadata_download.WRONG
    honest = bench.guest([], extended=True)
    offer(honest, len(info))
    serve(honest, info)
    assert bench.status.metadata
    assert len(bench.seen(events.PeerBanned)) == 1


def test_poison_among_pieces_of_others_is_found_and_nobody_else_is_banned() -> None:
    torrent = large()
    info = info_of(torrent)
    bench = Magnet(torrent)
    honest, liar = [bench.guest([], extended=True) for _ in range(2)]
    offer(honest, len(info))
    offer(liar, len(info))
    assert asked(honest) == [0, 1, 2, 3]
    bench.run(metadata_download.PATIENCE + 1)
    (piece,) = asked(liar)
    liar.say(block(bytes(len(info)), piece))
    honest.say(*[block(info, other) for other in range(4) if other != piece])
    assert not honest.closed
    assert not liar.closed, "either may have lied"
    # Each is asked for all of it now.
    late = [block(info, piece)]
    for guest, content in ((liar, bytes(len(info))), (honest, info)):
        guest.say(*late)
        late = []
        serve(guest, content)
    assert bench.status.metadata
    assert not honest.closed
    assert [event.address[0] for event in bench.seen(events.PeerBanned)] in ([], ["10.1.0.2"])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (mx.data(0, 309, b"x"), "sent metadata that was not asked for"),
        (mx.reject(0), "rejected metadata that was not asked for"),
        (b"garbage", "ut_metadata message: "),
        (b"d8:msg_typei0e5:piecei-1ee", "ut_metadata message without the index of a piece"),
        (bytes(mx.MAX_MESSAGE + 1), f"ut_metadata message of {mx.MAX_MESSAGE + 1} bytes, more than {mx.MAX_MESSAGE}"),
        (b"d8:msg_typei0e5:piecei0e1:x" + b"l" * 6 + b"e" * 7, "levels deep"),
    ],
)
def test_wrong_and_unasked_messages_end_the_connection(payload: bytes, reason: str) -> None:
    bench = Magnet()
    guest = bench.guest([], extended=True)
    guest.say(told(payload))
    assert guest.closed
    (told_reason,) = bench.reasons
    assert reason in told_reason


def test_a_message_of_an_unknown_type_is_ignored() -> None:
    bench = Magnet()
    guest = bench.guest([], extended=True)
    guest.say(told(b"d8:msg_typei9ee"))
    assert not guest.closed


def test_a_flood_of_requests_is_answered_a_few_times_over_and_then_ends_the_connection() -> None:
    bench = Bench()
    size = bench.content.metainfo.info_size
    guest = bench.guest([], extended=True)
    guest.say(extension(m={b"ut_metadata": THEIRS}))
    guest.heard()
    guest.say(told(mx.request(0)) * (MAX_REFUSED + metadata_upload.TURNS))
    kinds = [said.kind for said in heard(guest)]
    assert (kinds.count(DATA), kinds.count(REJECT)) == (metadata_upload.TURNS, MAX_REFUSED)
    assert metadata_upload.TURNS * size < len(told(mx.request(0))) * len(kinds), "no answer is larger than what asked"
    guest.say(told(mx.request(0)))
    assert guest.closed
    assert bench.reasons == [f"asked {MAX_REFUSED + 1} times for metadata in vain"]


def test_a_peer_that_asks_and_does_not_read_is_sent_a_bounded_amount() -> None:
    torrent = torrent_of(files=tuple([(f"{'x' * 90}{number:06}", 1) for number in range(6000)]))
    bench = Bench(torrent)
    pieces = mx.piece_count(torrent.metainfo.info_size)
    assert pieces > 40
    guest = bench.guest([], extended=True)
    guest.say(extension(m={b"ut_metadata": THEIRS}))
    assert guest.stream is not None
    guest.stream.pause()
    (peer,) = bench.torrent.peers
    for _ in range(4):
        guest.say(*[told(mx.request(piece)) for piece in range(pieces)])
    limit = metadata_upload.MAX_WAITING + mx.MAX_MESSAGE + 100 * 4 * pieces
    assert metadata_upload.MAX_WAITING < peer.stream.backlog <= limit


def test_large_metadata_is_not_taken_for_a_flood_of_messages() -> None:
    """8 MiB of metadata at once cost no more than 512 messages, although they are bytes of an extension."""
    bench = Magnet()
    size = bench.settings.max_metadata_size
    guest = bench.guest([], extended=True)
    offer(guest, size)
    served = 0
    for _ in range(600):
        pieces = asked(guest)
        served += len(pieces)
        guest.say(*[told(mx.data(piece, size, bytes(PIECE_SIZE))) for piece in pieces], seconds=0.05)
        if guest.closed:
            break
    assert served == size // PIECE_SIZE
    assert bench.reasons == [metadata_download.WRONG], "it was wrong, and not too much"


def test_metadata_of_the_right_hash_that_cannot_be_used_stops_the_torrent_for_good() -> None:
    torrent, info = unusable()
    bench = Magnet(torrent)
    guest = bench.guest([], extended=True)
    offer(guest, len(info))
    serve(guest, info)
    assert guest.closed
    (failed,) = bench.seen(events.MetadataFailed)
    assert "info.pieces" in failed.reason
    assert bench.status.state == "stopped"
    assert not bench.status.metadata
    assert failed.reason in bench.status.error
    assert failed.reason in bench.status.stall


def unusable() -> Tuple[SimTorrent, bytes]:
    """A torrent whose info dictionary is bencoded, and names no hashes."""
    info = b"d6:lengthi5e4:name1:n12:piece lengthi16384e6:pieces1:xe"
    known = torrent_of()
    return SimTorrent(dataclasses.replace(known.metainfo, infohashes=InfoHash.of(info)), known.content), info
