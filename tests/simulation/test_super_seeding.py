"""What super-seeding (BEP 16) is for: how much a seed on a slow line sends until its torrent lives without it."""

from __future__ import annotations

from typing import Tuple

import pytest

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import HAVE, INTERESTED, message
from bittorrent_threads.testing.simulation.actor import Actor
from bittorrent_threads.testing.simulation.network import MBIT
from bittorrent_threads.testing.simulation.swarm import TRACKER, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import make_torrent
from bittorrent_threads.testing.simulation.world import World

PIECE = 65536
COUNT = 64
SIZE = COUNT * PIECE


def swarm_of(leeches: int, *, super_seeding: bool, seed: int) -> Swarm:
    """A seed of 1 Mbit/s, and downloaders of 2 Mbit/s up and 20 down."""
    torrent = make_torrent(size=SIZE, piece_length=PIECE, trackers=[TRACKER])
    swarm = make_swarm(
        World(seed), torrent, nodes=1 + leeches, seeds=1, up=2 * MBIT, down=20 * MBIT, settings=Settings()
    )
    swarm.nodes[0].network.up.rate = MBIT
    if super_seeding:
        swarm.nodes[0].act(swarm.nodes[0].torrent.content.seed_mode.ask, True)
    return swarm


def spread(swarm: Swarm) -> Tuple[float, float]:
    """Run until every piece is at a downloader; returns how often the seed has sent the data, and the time."""

    def everywhere() -> bool:
        found = 0
        for node in swarm.nodes[1:]:
            found |= node.torrent.content.have.as_int()
        return found == (1 << COUNT) - 1

    swarm.start()
    swarm.until(everywhere, limit=600)
    return swarm.nodes[0].status.uploaded / SIZE, swarm.world.now


@pytest.mark.parametrize(("leeches", "seed"), [(5, 1), (5, 2), (10, 1)])
def test_the_seed_sends_each_piece_about_once(leeches: int, seed: int) -> None:
    swarm = swarm_of(leeches, super_seeding=True, seed=seed)
    sent, seconds = spread(swarm)
    assert 1.0 <= sent <= 1.1
    swarm.run(limit=60)
    swarm.check()
    plainly, longer = spread(swarm_of(leeches, super_seeding=False, seed=seed))
    assert plainly > 1.25 * sent
    assert longer > 1.25 * seconds


def test_when_the_seed_leaves_as_soon_as_every_piece_is_there_all_complete() -> None:
    swarm = swarm_of(8, super_seeding=True, seed=3)
    spread(swarm)
    swarm.nodes[0].leave()
    swarm.run(swarm.nodes[1:], limit=60)
    swarm.check()


@pytest.mark.parametrize("leeches", [1, 2, 3])
def test_few_downloaders_complete_as_soon_as_from_a_plain_seed(leeches: int) -> None:
    swarm = swarm_of(leeches, super_seeding=True, seed=4)
    swarm.start()
    swarm.run(limit=1.15 * SIZE / MBIT + 4)
    assert swarm.nodes[0].status.uploaded <= 1.1 * SIZE
    swarm.check()


def test_downloaders_that_come_later_complete() -> None:
    swarm = swarm_of(6, super_seeding=True, seed=5)
    for node in swarm.nodes[:3]:
        node.start()
    swarm.world.run(15.0)
    for node in swarm.nodes[3:]:
        node.start()
    swarm.run(limit=120)
    swarm.check()


class Hoarder(Actor):
    """A peer that is interested, and never fetches or says anything; or says at once that it has what it hears of."""

    lies = False

    def _hello(self) -> bytes:
        return message(15) + message(INTERESTED)  # HAVE NONE

    def on_received(self, data: memoryview) -> None:
        heard = bytes(data)
        super().on_received(data)
        if self.lies:
            at = heard.find(b"\0\0\0\5\4")
            while at >= 0 and len(heard) >= at + 9:
                self.say(message(HAVE, int.from_bytes(heard[at + 5 : at + 9], "big")), after=0.5)
                at = heard.find(b"\0\0\0\5\4", at + 9)


@pytest.mark.parametrize("lies", [False, True])
def test_ten_peers_that_hoard_or_lie_stop_nobody(lies: bool) -> None:
    swarm = swarm_of(6, super_seeding=True, seed=6)
    seed = swarm.nodes[0]
    seed.start()
    swarm.world.run(1.0)
    for number in range(10):
        hoarder = Hoarder(swarm, f"10.9.0.{number + 1}", node=seed)
        hoarder.lies = lies
        hoarder.dial()
    swarm.world.run(3.0)
    for node in swarm.nodes[1:]:
        node.start()
    policy = seed.torrent.content.seed_mode._policy
    assert policy is not None
    assert len(policy._pieces) <= 10 * policy.open_offers
    swarm.run(limit=600)
    swarm.check()
    assert len(policy._pieces) <= 16 * policy.open_offers
    assert not seed.seen(events.PeerBanned)
