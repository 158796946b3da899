"""Swarms with faults: no innocent peer is banned, and what recovers is used again."""

from __future__ import annotations

import errno

import pytest

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.simulation import tracker
from bittorrent_threads.testing.simulation.network import MBIT
from bittorrent_threads.testing.simulation.swarm import TRACKER, make_swarm
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.world import World

PIECE = 65536
BLOCK = 16384
COUNT = 33


@pytest.mark.parametrize("piece_length", [PIECE, BLOCK])
def test_a_corrupt_seed_is_banned_by_everyone_it_served_and_nobody_else_is(piece_length: int) -> None:
    torrent = make_torrent(size=32 * PIECE + 777, piece_length=piece_length, trackers=[TRACKER])
    swarm = make_swarm(World(9), torrent, seeds=2)
    liar, honest = swarm.nodes[1], [swarm.nodes[0], *swarm.nodes[2:]]
    liar.disk.wrong_reads = 1.0
    swarm.start()
    swarm.run(honest)
    swarm.check()
    deceived = [node for node in honest if node.seen(events.PieceFailed)]
    assert deceived
    for node in honest:
        names = {ban.address[0] for ban in node.seen(events.PeerBanned)}
        assert names == ({liar.network.name} if node in deceived else set())
        assert not names & {peer.address[0] for peer in node.torrent.peers}


def test_a_peer_that_lies_now_and_then_harms_nobody(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(10), torrent, nodes=12)
    liar, others = swarm.nodes[5], [*swarm.nodes[:5], *swarm.nodes[6:]]
    liar.disk.wrong_reads = 0.2
    swarm.start()
    swarm.run(others)
    swarm.check()
    names = {ban.address[0] for node in swarm.nodes for ban in node.seen(events.PeerBanned)}
    assert names <= {liar.network.name}


def test_a_slow_disk_slows_its_own_node_alone(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(11), torrent)
    slow, others = swarm.nodes[3], [*swarm.nodes[:3], *swarm.nodes[4:]]
    slow.disk.seek_time, slow.disk.write_rate = 0.05, 300_000
    swarm.start()
    swarm.run(others, limit=60)
    assert not slow.complete
    swarm.run([slow], limit=120)
    swarm.check()


def test_a_disk_slower_than_the_line_makes_the_node_stop_reading_and_not_grow(torrent: SimTorrent) -> None:
    budget = 1024 * 1024
    swarm = make_swarm(World(12), torrent, nodes=2, settings=Settings(piece_memory=budget))
    leech = swarm.nodes[1]
    leech.disk.seek_time, leech.disk.write_rate = 0.01, 200_000
    most = 0

    def complete() -> bool:
        nonlocal most
        most = max(most, leech.engine.memory.reserved)
        return leech.complete

    swarm.start()
    swarm.world.run(complete, limit=300)
    assert most <= budget + torrent.metainfo.piece_length
    swarm.check()


@pytest.mark.parametrize("piece_length", [PIECE, BLOCK])
def test_a_full_disk_stops_its_node_until_there_is_room(piece_length: int) -> None:
    torrent = make_torrent(size=32 * PIECE + 777, piece_length=piece_length, trackers=[TRACKER])
    swarm = make_swarm(World(13), torrent)
    full, others = swarm.nodes[7], [*swarm.nodes[:7], *swarm.nodes[8:]]
    full.disk.room = 20 * piece_length
    swarm.start()
    swarm.run(others, limit=120)
    swarm.world.run(swarm.world.now + 60)
    assert full.torrent.content.have.count == 20
    assert not full.complete
    failures = full.seen(events.StorageFailed)
    assert {failure.errno for failure in failures} == {errno.ENOSPC}
    assert len(failures) < 10
    # Each try may fetch what there is memory for before the first write fails.
    assert full.status.downloaded < 5 * torrent.metainfo.total_size
    assert "No space left" in full.status.stall
    assert not any(node.seen(events.StorageFailed) for node in others)
    full.disk.room = None
    swarm.run([full], limit=700)
    assert full.seen(events.StorageRecovered)
    assert full.disk.saved == torrent.metainfo.total_size
    swarm.check()


def test_a_node_whose_disk_cannot_be_read_rejects_and_goes_on(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(14), torrent, nodes=12, seeds=2)
    broken, others = swarm.nodes[1], [swarm.nodes[0], *swarm.nodes[2:]]
    swarm.start()
    swarm.world.run(3)
    broken.disk.read_errno = errno.EIO
    swarm.run(others, limit=300)
    assert not any(node.seen(events.PeerBanned) for node in others)
    swarm.check()


@pytest.mark.parametrize("piece_length", [PIECE, BLOCK])
@pytest.mark.parametrize("place", [0, 1], ids=["seed", "leecher"])
def test_whichever_operation_of_the_disk_fails_once_the_download_completes(place: int, piece_length: int) -> None:
    torrent = make_torrent(size=5 * PIECE + 777, piece_length=piece_length, trackers=[TRACKER])
    number = failed = 0
    while failed == number:
        number += 1
        swarm = make_swarm(World(24), torrent, nodes=2)
        disk = swarm.nodes[place].disk
        disk.failing_operation = number
        swarm.start()
        swarm.run(limit=900)
        swarm.world.run(swarm.world.now + 60)
        swarm.check()
        failed = number if disk.operations >= number else 0
    assert number > 6


@pytest.mark.parametrize("manner", ["says goodbye", "falls silent"])
def test_peers_that_leave_are_done_without(torrent: SimTorrent, manner: str) -> None:
    swarm = make_swarm(World(15), torrent, up=8 * MBIT)
    leaving, staying = swarm.nodes[10:14], [*swarm.nodes[:10], *swarm.nodes[14:]]
    swarm.start()
    swarm.until(lambda: sum(swarm.availability()) > 20 * COUNT // 3)
    assert not any(node.complete for node in leaving)
    for node in leaving:
        if manner == "says goodbye":
            node.leave()
        else:
            node.network.online = False
    swarm.run(staying, limit=300)
    swarm.world.run(swarm.world.now + 150)
    gone = {node.network.name for node in leaving}
    assert not any(peer.address[0] in gone for node in staying for peer in node.torrent.peers)
    swarm.check()


@pytest.mark.parametrize("power", [True, False], ids=["killed", "power cut"])
def test_what_was_synced_is_not_fetched_again_and_nothing_else_is_believed(torrent: SimTorrent, power: bool) -> None:
    swarm = make_swarm(World(22), torrent, nodes=4, up=2 * MBIT, settings=Settings(sync_interval=5.0, min_requests=4))
    node = swarm.nodes[2]
    swarm.start()
    swarm.world.run(lambda: len(node.files.durable) > 5 and len(node.files.pieces) > len(node.files.durable) + 2)
    if not power:
        node.files.crash()
    missing = sum(node.files.size(index) for index in range(COUNT) if index not in node.files.pieces)
    saved = node.disk.saved
    assert missing
    node.restart()
    swarm.world.run(swarm.world.now + 1)
    node.start()
    swarm.run(limit=120)
    assert node.disk.saved - saved == missing
    swarm.check()


def test_files_that_changed_while_nobody_watched_are_hashed_and_mended(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(26), torrent, nodes=3)
    node = swarm.nodes[1]
    swarm.start()
    swarm.run()
    node.leave()
    swarm.world.run(swarm.world.now + 5)
    node.files.damage([3, 4, 30])
    saved = node.disk.saved
    node.restart()
    node.start()
    swarm.world.run(swarm.world.now + 1)
    swarm.run()
    assert node.disk.saved - saved == 3 * PIECE
    swarm.check()


@pytest.mark.parametrize("mood", [tracker.DOWN, tracker.SLOW, tracker.GARBAGE, tracker.REFUSING, tracker.BROKEN])
def test_a_tracker_that_fails_is_asked_again_and_less_and_less_often(torrent: SimTorrent, mood: str) -> None:
    swarm = make_swarm(World(20), torrent, nodes=3)
    swarm.tracker.mood = mood
    swarm.start()
    swarm.world.run(1800)
    for node in swarm.nodes:
        assert 3 <= len(node.lookups.urls) <= 60
        assert node.seen(events.TrackerFailed)
    assert "tracker" in swarm.nodes[1].status.stall
    swarm.tracker.mood = tracker.UP
    swarm.run(limit=7300)
    swarm.check()
