"""A torrent that begins as a magnet link: what the link names, what is stored, and what the user is told."""

from __future__ import annotations

from typing import Any, List

import pytest
from support.bench import COUNT, MOMENT, TRACKER, torrent_of
from support.magnet import Magnet, info_of, receive_info

from bittorrent_threads import events
from bittorrent_threads.engine.metadata import PARSED_AT_ONCE
from bittorrent_threads.engine.phase import Phase
from bittorrent_threads.errors import MetadataUnknown, MetainfoError
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.metainfo.magnet import Magnet as MagnetLink
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.testing.peer_messages import UNCHOKE, message

FILES = (("a", 50_000), ("b", 60_000), ("c", 70_000))


def link(**parts: Any) -> MagnetLink:
    """A link to the torrent of the bench."""
    return MagnetLink(InfoHash(v1=parts.pop("torrent", torrent_of()).metainfo.infohash), **parts)


def test_a_torrent_without_metadata_says_so() -> None:
    bench = Magnet(magnet=link(name="shown"))
    status = bench.status
    assert (status.name, status.metadata, status.metadata_received, status.progress) == ("shown", False, 0, 0.0)
    assert (status.size, status.piece_count, status.bitfield, status.priorities, status.error) == (0, 0, b"", (), "")
    assert status.stall == "the metadata is missing: no peer is known, and the torrent names no tracker"
    with pytest.raises(MetadataUnknown, match="'shown' is not known yet"):
        _ = bench.torrent.content
    assert Magnet(magnet=link()).status.name == torrent_of().metainfo.infohash.hex()


def test_peers_and_trackers_of_the_link_are_used() -> None:
    bench = Magnet(
        magnet=link(peers=(("10.1.0.9", 7000), ("seed.example", 7001)), trackers=(TRACKER,)), state="stopped"
    )
    bench.web.names["seed.example"] = ["10.1.0.8"]
    bench.set_state("active")
    bench.run(1)
    assert bench.torrent.peerlist.source(("10.1.0.9", 7000)) is Source.USER
    assert bench.torrent.peerlist.source(("10.1.0.8", 7001)) is Source.USER
    assert [row.url for row in bench.status.trackers] == [TRACKER]
    assert [event.url for event in bench.seen(events.TrackerAnnounced)] == [TRACKER]
    bench.give_info()
    metainfo = bench.payload.metainfo
    assert metainfo.trackers == ((TRACKER,),)
    assert [row.url for row in bench.status.trackers] == [TRACKER], "once"


def test_the_link_selects_files() -> None:
    torrent = torrent_of(files=FILES)
    bench = Magnet(torrent, magnet=link(torrent=torrent, select_only=(range(1, 2), range(2, 900))))
    bench.give_info()
    assert bench.status.priorities == (0, 1, 1)


def test_priorities_of_the_user_go_before_those_of_the_link() -> None:
    torrent = torrent_of(files=FILES)
    for given, expected in (([0, 7], (0, 7, 1)), ([2, 0, 3, 5, 5], (2, 0, 3)), ([], (1, 1, 1))):
        magnet = link(torrent=torrent, select_only=(range(1, 2),))
        bench = Magnet(torrent, magnet=magnet, priorities=given)
        bench.give_info()
        assert bench.status.priorities == expected


def test_a_link_that_selects_no_file_of_the_torrent_fails_and_says_so() -> None:
    torrent = torrent_of(files=FILES)
    bench = Magnet(torrent, magnet=link(torrent=torrent, select_only=(range(3, 5),)))
    bench.disk.metadata_files[torrent.metainfo.infohash] = info_of(torrent)
    bench.set_state("stopped")
    vars(bench.torrent.metadata)["_recalled"] = False
    bench.set_state("active")
    bench.run(1)
    (failed,) = bench.seen(events.MetadataFailed)
    assert failed.reason == "magnet link: so: selects no file that the torrent has: it has 3"
    assert bench.status.state == "stopped"
    with pytest.raises(MetainfoError, match="selects no file"):
        bench.torrent.set_state("active")
    bench.torrent.set_state("stopped")


def test_a_restart_finds_the_metadata_and_the_pieces_and_asks_nobody() -> None:
    bench = Magnet(have=range(COUNT))
    bench.give_info()
    bench.run(30)
    assert bench.payload.have.full
    dialled: List[Any] = []
    bench.reboot(magnet=link(peers=(("10.1.0.9", 7000),), trackers=(TRACKER,)))
    assert bench.payload.have.full
    assert bench.phase == Phase.ACTIVE.value
    (received,) = bench.seen(events.MetadataReceived)
    assert received.stored
    assert bench.status.metadata_received == 0
    assert not bench.seen(events.HashcheckFinished)
    assert not dialled


def test_connections_that_come_before_what_is_stored_was_read_go_on() -> None:
    bench = Magnet()
    bench.give_info()
    bench.disk.seek_time = 5.0
    bench.reboot()
    assert bench.phase == Phase.METADATA.value
    assert not bench.torrent.announces.running
    guest = bench.guest(range(COUNT))
    guest.say(message(UNCHOKE))
    bench.run(60)
    assert bench.phase == Phase.ACTIVE.value
    assert guest.requests()
    assert not guest.closed


def test_a_torrent_that_is_stopped_while_what_is_stored_is_read_stays_stopped() -> None:
    bench = Magnet()
    bench.give_info()
    bench.disk.seek_time = 5.0
    bench.reboot(trackers=[[TRACKER]])
    bench.set_state("stopped")
    bench.run(20)
    assert bench.phase == Phase.STOPPED.value
    assert bench.status.metadata
    assert not bench.seen(events.TrackerAnnounced)
    bench.set_state("active")
    bench.run(60)
    assert bench.phase == Phase.ACTIVE.value


def test_nothing_is_stored_or_read_without_resume_data() -> None:
    bench = Magnet(resume=False)
    bench.give_info()
    assert bench.disk.metadata_files == {}


def test_stored_metadata_of_another_hash_is_not_used() -> None:
    bench = Magnet(state="stopped")
    bench.disk.metadata_files[bench.torrent.infohash] = info_of(bench.content) + b" "
    bench.set_state("active")
    bench.run(1)
    assert bench.phase == Phase.METADATA.value


def test_metadata_that_cannot_be_stored_is_used_and_the_user_is_told() -> None:
    bench = Magnet()
    bench.disk.write_errno = 28
    bench.act(receive_info, bench.torrent, info_of(bench.content))
    bench.run(MOMENT)
    assert bench.status.metadata
    assert next(event.path for event in bench.seen(events.StorageFailed)) == "info"
    assert bench.torrent.stowing.over


def test_a_torrent_can_stop_when_its_metadata_has_come() -> None:
    bench = Magnet(stop_at_metadata=True)
    guest = bench.guest(range(COUNT))
    bench.give_info()
    assert bench.status.metadata
    assert bench.status.state == "stopped"
    assert guest.closed
    assert bench.disk.operations == 2, "stored metadata was looked for and stored, and nothing else"
    bench.set_state("active")
    bench.run(1)
    assert bench.phase == Phase.ACTIVE.value


def test_the_metadata_is_fetched_while_the_torrent_is_paused() -> None:
    bench = Magnet(state="paused")
    assert bench.status.stall.startswith("the metadata is missing: ")
    bench.give_info()
    assert bench.phase == Phase.PAUSED.value
    assert bench.status.stall == "the torrent is paused"


def test_metadata_that_comes_twice_or_after_the_end_changes_nothing() -> None:
    bench = Magnet()
    bench.give_info()
    bench.disk.seek_time = 2.0
    bench.reboot()
    bench.act(receive_info, bench.torrent, info_of(bench.content))
    bench.run(20)
    assert len(bench.seen(events.MetadataReceived)) == 1, "what was stored came later"
    assert not bench.seen(events.MetadataFailed)
    bench.reboot()
    bench.act(bench.torrent.close)
    bench.run(20)
    assert not bench.seen(events.MetadataReceived)
    assert not bench.seen(events.MetadataFailed)


def test_large_metadata_is_parsed_by_a_disk_thread() -> None:
    torrent = torrent_of(files=tuple([(f"{'x' * 100}{number:04}", 100) for number in range(800)]))
    assert torrent.metainfo.info_size > PARSED_AT_ONCE
    for selected, reason in (((), ""), ((range(900, 901),), "so: selects no file")):
        bench = Magnet(torrent, magnet=link(torrent=torrent, select_only=selected), state="stopped")
        bench.disk.metadata_files[torrent.metainfo.infohash] = info_of(torrent)
        bench.disk.seek_time = 1.0
        bench.set_state("active")
        bench.run(1)
        assert not bench.status.metadata, "it was read, and is being parsed"
        bench.run(1)
        assert bench.status.metadata == (not reason)
        assert [reason in event.reason for event in bench.seen(events.MetadataFailed)] == [True] * bool(reason)
        bench.run(20)


def test_metadata_that_is_parsed_when_the_torrent_is_closed_is_dropped() -> None:
    torrent = torrent_of(files=tuple([(f"{'x' * 100}{number:04}", 100) for number in range(800)]))
    bench = Magnet(torrent, magnet=link(torrent=torrent), state="stopped")
    bench.disk.metadata_files[torrent.metainfo.infohash] = info_of(torrent)
    bench.disk.seek_time = 1.0
    bench.set_state("active")
    bench.run(1)
    bench.act(bench.torrent.close)
    bench.run(5)
    assert not bench.seen(events.MetadataReceived)
