"""Whole swarms in virtual time: the library's own engine, swarm and protocol code, twenty nodes in one process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

import pytest

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.simulation.network import MBIT
from bittorrent_threads.testing.simulation.swarm import TRACKER, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.world import World

PIECE = 65536
COUNT = 33


def digest(torrent: SimTorrent, seed: int) -> str:
    world = World(seed)
    swarm = make_swarm(world, torrent, nodes=8)
    swarm.start()
    swarm.run()
    return world.digest


def test_twenty_nodes_complete(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(1), torrent)
    swarm.start()
    swarm.run(limit=120)
    swarm.world.run(swarm.world.now + 5)
    swarm.check()
    assert swarm.availability() == [20] * COUNT
    size = torrent.metainfo.total_size
    for node in swarm.nodes[1:]:
        assert len(node.seen(events.PiecePassed)) == COUNT
        assert len(node.seen(events.Completed)) == 1
        assert node.status.downloaded >= size
        assert node.disk.saved == size
        assert not node.seen(events.PieceFailed)
        assert not node.seen(events.PeerBanned)
    heard = {(announce.address, announce.event) for announce in swarm.tracker.announces}
    assert {(node.address, "started") for node in swarm.nodes} <= heard
    assert {(node.address, "completed") for node in swarm.nodes[1:]} <= heard
    assert (swarm.nodes[0].address, "completed") not in heard


def test_the_same_seed_gives_the_same_run_and_another_seed_another(torrent: SimTorrent) -> None:
    assert digest(torrent, 1) == digest(torrent, 1) != digest(torrent, 2)


def test_the_run_does_not_hang_on_the_order_of_hashes() -> None:
    script = (
        "from bittorrent_threads.testing.simulation.swarm import *\n"
        "world = World(3)\n"
        "torrent = make_torrent(size=600_000, trackers=[TRACKER])\n"
        "swarm = make_swarm(world, torrent, nodes=6)\n"
        "swarm.start(); swarm.run(); print(world.digest)\n"
    )
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    digests = set()
    for seed in "12":
        path = os.pathsep.join([tests, os.path.dirname(tests)])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, check=True, timeout=60
        )
        digests.add(run.stdout)
    assert len(digests) == 1


def test_pieces_of_one_block_are_saved_from_where_they_came_if_there_is_memory_to_lend() -> None:
    torrent = make_torrent(size=4 * 1024 * 1024 + 100, piece_length=16384, trackers=[TRACKER])
    swarm = make_swarm(World(4), torrent, nodes=6)
    for node in swarm.nodes:
        node.disk.write_rate = 2.0 * 1024 * 1024
    swarm.start()
    swarm.run()
    swarm.world.run(swarm.world.now + 5)
    swarm.check()
    for node in swarm.nodes[1:]:
        receive_pool = node.network.receive_pool
        assert node.disk.saved == torrent.metainfo.total_size
        assert not node.seen(events.PieceFailed)
        assert receive_pool.lent > 10
        assert receive_pool.returned == receive_pool.lent
    refused = [node.network.receive_pool.refused for node in swarm.nodes[1:]]
    assert sum(refused) > 10 * len(refused), "the others were copied"


# -- policies ----------------------------------------------------------------------------------------------------------


PATIENT = Settings(min_requests=4)
"""A pipeline that fits lines so slow and a torrent so small: otherwise all of it is asked of the first peers."""


def sent(swarm: Swarm) -> float:
    """Bytes that left all nodes, as a multiple of the bytes that had to."""
    needed = sum(1 for node in swarm.nodes if not node.seed) * swarm.torrent.metainfo.total_size
    return sum(node.network.up.carried for node in swarm.nodes) / needed


def test_little_is_sent_that_nobody_needs(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(2), torrent, up=4 * MBIT, down=20 * MBIT, settings=PATIENT)
    swarm.start()
    swarm.run()
    assert sent(swarm) < 1.08
    payload = sum(node.status.uploaded for node in swarm.nodes)
    assert sum(node.network.up.carried for node in swarm.nodes) < 1.03 * payload


def test_even_where_everything_is_asked_of_everybody_at_once_not_much_is_sent_twice(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(3), torrent)
    swarm.start()
    swarm.run()
    assert sent(swarm) < 1.35


def test_what_few_have_is_fetched_first(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(4), torrent, nodes=6, up=0.5 * MBIT, settings=PATIENT)
    seed, newcomer, onlookers = swarm.nodes[0], swarm.nodes[5], swarm.nodes[1:5]
    common = range(16)
    for node in onlookers:
        node.files.pieces.update(common)
        node.act(node.torrent.set_state, "paused")
    seed.start()
    swarm.world.run(10)
    newcomer.start()
    swarm.run([newcomer])
    order = [passed.index for passed in newcomer.seen(events.PiecePassed)]
    # The first four are drawn at random (BEP 3), and so is what is asked for until they are here.
    assert set(order[-8:]) <= set(common)
    swarm.check()


def test_a_slow_seed_sends_everything_before_it_has_sent_many_things_often(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(5), torrent, nodes=12, settings=PATIENT)
    swarm.nodes[0].network.up.rate = 1 * MBIT
    swarm.start()
    swarm.until(lambda: min(swarm.availability()) > 1)
    # Eight peers at a time fetch from the seed, and none knows what the seven others are fetching.
    assert swarm.nodes[0].status.uploaded < 3.5 * torrent.metainfo.total_size
    swarm.run()
    swarm.check()


def test_nobody_starves(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(6), torrent, up=4 * MBIT, down=20 * MBIT, settings=PATIENT)
    swarm.start()
    swarm.run()
    times = [node.completed_at or 0 for node in swarm.nodes[1:]]
    # Nineteen copies over twenty lines of 4 Mbit/s cannot take less than this; the rest is ten seconds of the choker.
    least = 19 * torrent.metainfo.total_size / (20 * 4 * MBIT)
    assert least < statistics.median(times) < 5 * least
    assert max(times) < 1.3 * statistics.median(times)


def test_who_gives_nothing_waits_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    torrent = make_torrent(size=96 * PIECE, piece_length=PIECE, trackers=[TRACKER])
    settings = Settings(min_requests=4, upload_slots=4)
    swarm = make_swarm(World(2), torrent, nodes=12, seeds=0, up=0.4 * MBIT, settings=settings)
    givers, riders = swarm.nodes[:-4], swarm.nodes[-4:]
    # Each node has half of the pieces and each piece six owners, so that all nodes have pieces that others want.
    for number, node in enumerate(swarm.nodes):
        node.files.pieces.update(index for index in range(96) if (index + number) % 4 < 2)
    for rider in riders:
        monkeypatch.setattr(rider.torrent.choking, "choose", lambda: None)
    swarm.start()
    swarm.run()
    waited = statistics.mean(rider.completed_at or 0 for rider in riders)
    assert waited > 1.02 * statistics.median(giver.completed_at or 0 for giver in givers)


def test_rate_limits_hold_for_a_whole_session(torrent: SimTorrent) -> None:
    rate = 100_000
    swarm = make_swarm(World(8), torrent, nodes=4, settings=Settings(upload_limit=rate))
    swarm.start()
    swarm.run()
    for node in swarm.nodes:
        assert node.network.up.carried <= rate * (swarm.world.now + 1)
    assert swarm.world.now > 3 * torrent.metainfo.total_size / (4 * rate)


# -- states -----------------------------------------------------------------------------------------------------------


def test_the_seed_may_leave_once_every_piece_is_out(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(16), torrent, up=8 * MBIT)
    swarm.start()
    swarm.until(lambda: min(swarm.availability()) > 1)
    assert not all(node.complete for node in swarm.nodes)
    swarm.nodes[0].leave()
    swarm.run(limit=300)
    swarm.check()


def test_a_node_paused_keeps_its_peers_and_moves_nothing(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(17), torrent, nodes=12, up=8 * MBIT)
    node = swarm.nodes[4]
    swarm.start()
    swarm.world.run(lambda: node.torrent.content.have.count > 10)
    node.act(node.torrent.set_state, "paused")
    swarm.world.run(swarm.world.now + 5)
    before = (node.torrent.content.have.count, node.status.uploaded, len(node.torrent.peers))
    assert before[2] > 5
    swarm.run([other for other in swarm.nodes if other is not node], limit=300)
    assert (node.torrent.content.have.count, node.status.uploaded) == before[:2]
    assert node.torrent.peers
    node.start()
    swarm.run([node], limit=120)
    swarm.check()


def test_a_node_stopped_and_started_again_goes_on_where_it_was(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(18), torrent, nodes=5, up=8 * MBIT)
    node = swarm.nodes[2]
    swarm.start()
    swarm.world.run(lambda: node.torrent.content.have.count > 10)
    node.leave()
    swarm.world.run(swarm.world.now + 5)
    assert not node.torrent.peers
    assert not node.complete
    node.start()
    swarm.run(limit=120)
    assert sorted(passed.index for passed in node.seen(events.PiecePassed)) == list(range(COUNT))
    assert node.status.downloaded < 1.1 * torrent.metainfo.total_size
    swarm.check()


def test_a_clean_stop_spares_the_hash_check(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(23), torrent, nodes=3)
    node = swarm.nodes[1]
    swarm.start()
    swarm.run()
    node.leave()
    swarm.world.run(swarm.world.now + 5)
    node.restart()
    node.events.clear()
    node.start()
    swarm.world.run(swarm.world.now + 5)
    assert node.complete
    assert not node.seen(events.HashcheckProgressed)
    swarm.check()


def test_what_is_on_the_disk_already_is_found_and_not_fetched(torrent: SimTorrent) -> None:
    swarm = make_swarm(World(19), torrent, nodes=3)
    node = swarm.nodes[1]
    node.files.pieces.update(range(20))
    node.files.damage(range(20, 25))
    swarm.start()
    swarm.run(limit=60)
    assert node.disk.saved == torrent.metainfo.total_size - 20 * PIECE
    assert len(node.seen(events.PieceFailed)) == 5
    swarm.check()


def test_a_swarm_without_a_tracker_grows_from_one_known_address() -> None:
    swarm = make_swarm(World(21), make_torrent(size=COUNT * PIECE), nodes=4)
    swarm.start()
    for node in swarm.nodes[1:]:
        node.act(node.torrent.add_peer, *swarm.nodes[0].address)
    swarm.run(limit=60)
    swarm.check()


def test_pieces_larger_than_the_memory_are_written_in_parts() -> None:
    torrent = make_torrent(size=5 * 16 * PIECE + 777, piece_length=16 * PIECE, trackers=[TRACKER])
    swarm = make_swarm(World(25), torrent, nodes=4, settings=Settings(piece_memory=8 * PIECE))
    swarm.start()
    swarm.run(limit=120)
    swarm.check()
    for node in swarm.nodes[1:]:
        assert len(node.seen(events.PiecePassed)) == 6
        assert not node.seen(events.PieceFailed)
