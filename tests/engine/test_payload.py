"""A torrent started from its infohash alone: connected first, given its metadata, downloading over the same streams.

Payloads of torrents that begin with their metadata are tested with every other part.
"""

from __future__ import annotations

import errno
from typing import List

import pytest
from support.bench import BLOCK, COUNT, MOMENT, TRACKER, availability, extension, packed, torrent_of
from support.magnet import Magnet, info_of, receive_info

from bittorrent_threads import events
from bittorrent_threads.engine.early_peer import EarlyPeer
from bittorrent_threads.engine.peer import Peer
from bittorrent_threads.engine.phase import Phase
from bittorrent_threads.errors import MetainfoError, StateError
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.testing.peer_messages import (
    ALLOWED_FAST,
    BITFIELD,
    CHOKE,
    HAVE,
    HAVE_ALL,
    HAVE_NONE,
    INTERESTED,
    PIECE,
    REJECT,
    REQUEST,
    UNCHOKE,
    message,
)


def test_peers_that_spoke_before_the_metadata_are_downloaded_from_over_the_same_connections() -> None:
    bench = Magnet()
    assert bench.phase == Phase.METADATA.value
    with_bitfield = bench.guest(fast=False)
    with_bitfield.say(message(BITFIELD, payload=packed(range(4))), message(UNCHOKE))
    with_haves = bench.guest(fast=False)
    with_haves.say(*[message(HAVE, index) for index in range(4, 8)], message(UNCHOKE))
    seed = bench.guest(fast=True)
    seed.say(message(HAVE_ALL), message(UNCHOKE))
    assert [type(peer) for peer in bench.torrent.peers] == [EarlyPeer] * 3
    assert bench.status.connected == 3
    assert bench.status.piece_count == 0
    assert not bench.status.complete
    assert bench.status.stall == "the metadata is missing: 3 connected peers, and none of them has the metadata"
    assert seed.heard() == [(HAVE_NONE,)]
    assert with_haves.heard() == []
    streams = [peer.stream for peer in bench.torrent.peers]

    bench.give_info()
    assert bench.phase == Phase.ACTIVE.value
    assert [type(peer) for peer in bench.torrent.peers] == [Peer] * 3
    assert [peer.stream for peer in bench.torrent.peers] == streams
    assert [peer.bits.count for peer in bench.payload.exchange] == [4, 4, COUNT]
    assert bench.status.name == bench.content.metainfo.name
    assert bench.status.piece_count == COUNT

    guests = [with_bitfield, with_haves, seed]
    served: List[List[int]] = [[], [], []]
    for guest, pieces in zip(guests, served):
        pieces += [index for index, _, _ in guest.serve()]
    for guest, pieces in zip(guests, served):
        pieces += [index for index, _, _ in guest.serve()]
    assert bench.payload.have.full
    assert bench.status.seed
    assert all(served)
    assert set(served[0]) <= set(range(4))
    assert set(served[1]) <= set(range(4, 8))
    assert len(bench.seen(events.PeerConnected)) == 3, "no peer came a second time"
    assert bench.reasons == ["both are seeds"]
    assert bench.disk.saved == bench.content.metainfo.total_size


def test_a_peer_that_came_before_is_told_of_pieces_that_were_on_the_disk() -> None:
    bench = Magnet(have=[0, 3])
    guest = bench.guest([], fast=True)
    guest.say(message(INTERESTED), message(REQUEST, 0, 0, BLOCK))
    assert (REJECT, 0, 0, BLOCK) in guest.heard()
    bench.disk.seek_time = 1.0
    bench.act(receive_info, bench.torrent, info_of(bench.content))
    bench.run(MOMENT)
    assert bench.phase == Phase.JOINING.value
    assert not guest.closed, "the disk is being looked at"
    guest.say(message(REQUEST, 0, 0, BLOCK))
    assert (REJECT, 0, 0, BLOCK) in guest.heard()
    bench.run(30)
    heard = guest.heard()
    assert bench.phase == Phase.ACTIVE.value
    assert [each for each in heard if each[0] == HAVE] == [(HAVE, 0), (HAVE, 3)]
    assert (UNCHOKE,) in heard
    guest.say(message(REQUEST, 0, 0, BLOCK), seconds=5)
    ((_, index, begin, data),) = guest.heard(PIECE)
    assert (index, begin) == (0, 0)
    assert data == bench.content.content.read(0, BLOCK)


def test_what_the_peer_said_of_itself_and_of_its_choke_is_kept() -> None:
    bench = Magnet()
    guest = bench.guest(range(COUNT), extended=True)
    guest.say(extension(m={b"ut_metadata": 3, b"ut_pex": 1}, reqq=7, v=b"Guest 1.0", p=7777))
    guest.say(extension(m={b"ut_pex": 0}), message(UNCHOKE), message(CHOKE), message(ALLOWED_FAST, 2))
    assert guest.extension_handshake()[b"reqq"] == bench.settings.reqq
    bench.give_info()
    (peer,) = bench.payload.exchange
    assert peer.extensions.ids == {"ut_metadata": 3}
    assert (peer.client, peer.listening, peer.pipeline.reqq) == ("Guest 1.0", 7777, 7)
    assert peer.pipeline.choked
    assert {index for index, _, _ in guest.requests()} == {2}, "that piece is allowed"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (message(BITFIELD, payload=bytes(9)), "bitfield of 9 bytes instead of 2"),
        (message(HAVE, COUNT), f"bitfield or have of piece {COUNT}, there are {COUNT}"),
    ],
    ids=["bitfield", "have"],
)
def test_a_peer_that_spoke_of_another_torrent_is_closed_when_the_metadata_is_known(said: bytes, reason: str) -> None:
    bench = Magnet()
    guest = bench.guest(fast=False)
    guest.say(said)
    assert not guest.closed
    bench.give_info()
    assert guest.closed
    assert bench.reasons == [reason]
    assert not len(bench.torrent.peers)
    assert not list(bench.payload.exchange)


def test_wrong_metadata_is_refused_and_right_metadata_is_taken_once() -> None:
    bench = Magnet()
    info = info_of(bench.content)
    with pytest.raises(MetainfoError, match="infohash"):
        bench.act(receive_info, bench.torrent, info[:-1] + b"f")
    assert bench.torrent.payload is None
    assert bench.phase == Phase.METADATA.value
    with pytest.raises(StateError, match="not known yet"):
        bench.act(bench.payload.set_priorities, [1])
    bench.give_info()
    with pytest.raises(StateError, match="known already"):
        bench.act(receive_info, bench.torrent, info)


def test_it_announces_and_dials_before_the_metadata_and_tells_trackers_that_something_is_missing() -> None:
    bench = Magnet(torrent_of(), trackers=[[TRACKER]])
    address, guests = bench.open_house()
    bench.act(bench.torrent.learn, [address], Source.TRACKER)
    bench.run(MOMENT)
    assert len(guests) == 1
    assert guests[0].handshaker[28:48] == bench.content.metainfo.infohash
    (announce,) = bench.tracker.announces
    assert announce.event == "started"
    assert announce.fields["left"] == b"1"
    bench.give_info()
    assert len(bench.tracker.announces) == 1, "it goes on"
    bench.set_state("stopped")
    assert [announce.event for announce in bench.tracker.announces] == ["started", "stopped"]


def test_a_pause_and_a_stop_before_the_metadata() -> None:
    bench = Magnet()
    guest = bench.guest(range(COUNT))
    guest.say(message(UNCHOKE))
    bench.set_state("paused")
    assert bench.phase == Phase.METADATA.value
    assert not guest.closed
    bench.give_info()
    assert bench.phase == Phase.PAUSED.value
    assert guest.requests() == []
    bench.set_state("active")
    assert guest.requests()
    bench.set_state("stopped")
    assert guest.closed
    assert bench.phase == Phase.STOPPED.value

    second = Magnet()
    gone = second.guest([])
    second.set_state("stopped")
    assert gone.closed
    assert second.status.stall == "the torrent is stopped"
    second.give_info()
    second.set_state("active")
    assert second.phase == Phase.ACTIVE.value
    over: List[bool] = []
    second.act(lambda: second.engine.remove(second.torrent, done=lambda: over.append(True)))
    second.run(MOMENT)
    assert over == [True]
    assert second.phase == Phase.CLOSED.value


def test_a_torrent_without_metadata_is_closed_like_any_other() -> None:
    bench = Magnet()
    guest = bench.guest([])
    over: List[bool] = []
    bench.act(bench.engine.close, lambda: over.append(True))
    bench.run(MOMENT)
    assert over == [True]
    assert guest.closed
    assert bench.phase == Phase.CLOSED.value
    with pytest.raises(StateError):
        receive_info(bench.torrent, info_of(bench.content))


def test_a_disk_that_fails_when_the_metadata_comes_leaves_the_connections() -> None:
    bench = Magnet()
    guest = bench.seed()
    bench.disk.write_errno = errno.ENOSPC
    bench.give_info()
    bench.run(1)
    guest.serve()
    assert bench.status.error
    assert not guest.closed
    bench.disk.write_errno = 0
    bench.run(bench.settings.disk_retry_interval * 3)
    guest.serve()
    assert bench.payload.have.count
    assert not bench.status.error


def test_a_torrent_that_turns_out_to_be_private_leaves_the_peers_of_forbidden_sources() -> None:
    bench = Magnet(torrent_of(private=True))
    named, told = bench.open_house(), bench.open_house()
    bench.act(bench.torrent.learn, [named[0]], Source.TRACKER)
    bench.act(bench.torrent.learn, [told[0], ("10.9.9.9", 1)], Source.PEX)
    bench.run(MOMENT)
    guests = [found[0] for _, found in (named, told)]
    for number, guest in enumerate(guests):
        guest.greet(peerid=b"-GU0001-%012d" % number)
        guest.say(availability(range(COUNT)), message(UNCHOKE))
    incoming = bench.guest([])
    assert bench.status.connected == 3
    assert bench.status.known == 3
    bench.give_info()
    assert [guest.closed for guest in (*guests, incoming)] == ["", "closed by the other end", ""]
    assert bench.reasons[-1] == "the torrent is private, and its tracker did not name the peer"
    guests[0].serve()
    assert bench.payload.have.full
    bench.run(300)
    assert len(told[1]) == 1
    assert bench.status.known == 1, "it is not dialled again"
