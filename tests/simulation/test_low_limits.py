"""Rate limits so low that a block takes seconds: nearly all of the limit is of use, and our own delay closes no peer.

The bounds are multiples of what the limit needs at least.
"""

from __future__ import annotations

from typing import List, Optional, Sequence

import pytest

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import PIECE, message
from bittorrent_threads.testing.simulation.actor import Actor, Block
from bittorrent_threads.testing.simulation.network import MBIT
from bittorrent_threads.testing.simulation.stream import SimStream
from bittorrent_threads.testing.simulation.swarm import TRACKER, Node, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import make_torrent
from bittorrent_threads.testing.simulation.world import World

BLOCK = 16384


def swarm_of(
    *,
    seeds: int,
    leeches: int,
    pieces: int,
    piece_length: int = BLOCK,
    seed: int = 1,
    up: float = MBIT,
    settings: Optional[Settings] = None,
) -> Swarm:
    torrent = make_torrent(size=pieces * piece_length, piece_length=piece_length, trackers=[TRACKER])
    return make_swarm(World(seed), torrent, nodes=seeds + leeches, seeds=seeds, up=up, settings=settings or Settings())


def limit(node: Node, whose: str, *, download: int = 0, upload: int = 0) -> None:
    """Set the limits of the session or of the torrent."""
    read, write = (node.network.download, node.network.upload)
    if whose == "torrent":
        read, write = node.torrent.limits.read_throttle, node.torrent.limits.write_throttle
    read.rate, write.rate = download, upload


def late(nodes: Sequence[Node]) -> List[str]:
    """Why connections ended that should not have."""
    reasons = [closed.reason for node in nodes for closed in node.seen(events.PeerClosed)]
    return [reason for reason in reasons if "took more" in reason or "silent" in reason or "handshake" in reason]


# -- a limit on what comes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["session", "torrent"])
@pytest.mark.parametrize(
    ("rate", "seeds", "pieces", "piece_length"),
    [(5000, 20, 32, BLOCK), (5000, 20, 8, 4 * BLOCK), (1000, 20, 6, BLOCK), (5000, 50, 16, BLOCK), (300, 3, 2, BLOCK)],
)
def test_a_download_from_many_seeds_takes_as_long_as_its_limit_and_wastes_nothing(
    rate: int, seeds: int, pieces: int, piece_length: int, whose: str
) -> None:
    swarm = swarm_of(seeds=seeds, leeches=1, pieces=pieces, piece_length=piece_length)
    leech = swarm.nodes[-1]
    limit(leech, whose, download=rate)
    swarm.start()
    swarm.run([leech], limit=10 + 1.15 * pieces * piece_length / rate)
    swarm.check()
    assert leech.status.wasted == 0
    assert late(swarm.nodes) == []


def test_where_the_peers_are_slower_than_the_limit_more_are_asked() -> None:
    swarm = swarm_of(seeds=20, leeches=1, pieces=24, up=1000.0)
    leech = swarm.nodes[-1]
    limit(leech, "session", download=8000)
    swarm.start()
    swarm.run([leech], limit=10 + 1.6 * 24 * BLOCK / 8000)
    assert late(swarm.nodes) == []
    assert leech.status.wasted <= 8 * BLOCK


def test_peers_that_send_nothing_do_not_hold_the_whole_of_a_low_limit() -> None:
    swarm = swarm_of(seeds=12, leeches=1, pieces=16)
    leech, silent = swarm.nodes[-1], swarm.nodes[:10]
    limit(leech, "session", download=5000)
    for node in silent:
        node.disk.read_rate = 1.0
    swarm.start()
    swarm.run([leech], limit=10 + 1.6 * 16 * BLOCK / 5000)


def test_a_limit_that_is_lowered_takes_back_what_was_asked_for() -> None:
    swarm = swarm_of(seeds=20, leeches=1, pieces=512)
    leech = swarm.nodes[-1]
    swarm.start()
    swarm.world.run(5.0)
    assert not leech.complete
    leech.network.download.rate = 5000
    before, began = leech.status.downloaded, swarm.world.now
    swarm.world.run(began + 200)
    came = leech.status.downloaded - before
    # What was on its way comes in any case, and with many peers that is much.
    assert late(swarm.nodes) == []
    assert came >= 0.9 * 5000 * 200 - 20 * BLOCK
    assert leech.status.wasted <= 40 * BLOCK
    assert sum(len(peer.pipeline.outstanding) for peer in leech.torrent.content.exchange) <= 4
    leech.network.download.rate = 0
    swarm.run([leech], limit=30)
    swarm.check()


class Trickling(Actor):
    """A seed that sends 500 bytes each two seconds, and each block once: it takes no notice of cancels."""

    free_at = 0.0

    def _keep_alive(self, stream: Optional[SimStream]) -> None:
        """Never silent, and never between two parts of a block."""

    def asked(self, block: Block) -> None:
        if block in self.requests[:-1]:
            return
        index, begin, length = block
        data = self.torrent.content.read(index * self.torrent.metainfo.piece_length + begin, length)
        answer = message(PIECE, index, begin, payload=data)
        self.free_at = max(self.free_at, self.world.now)
        for at in range(0, len(answer), 500):
            self.free_at += 2.0
            self.say(answer[at : at + 500], after=self.free_at - self.world.now)


def test_a_seed_with_a_low_limit_of_its_own_is_waited_for_as_long_as_something_comes() -> None:
    swarm = swarm_of(seeds=0, leeches=1, pieces=3)
    seed = Trickling(swarm, "10.1.1.1")
    swarm.start()
    swarm.world.run(3.0)
    seed.dial()
    swarm.run(limit=10 + 1.1 * 3 * BLOCK / 250)
    assert late(swarm.nodes) == []
    assert seed.requests.count((0, 0, BLOCK)) == 1, "what it is sending it is not asked for again"
    assert swarm.nodes[0].status.wasted == 0


# -- a limit on what goes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["session", "torrent"])
@pytest.mark.parametrize(
    ("rate", "leeches", "pieces", "piece_length", "most"),
    [(1800, 8, 32, BLOCK, 1.15), (1800, 3, 16, BLOCK, 1.2), (600, 20, 6, BLOCK, 1.6), (5000, 8, 8, 4 * BLOCK, 1.9)],
)
def test_a_seed_with_a_low_limit_sends_each_piece_about_once(
    rate: int, leeches: int, pieces: int, piece_length: int, most: float, whose: str
) -> None:
    # A block keeps 600 bytes a second busy for 27 s, and handshakes, which have 10 s, come meanwhile by peer exchange.
    swarm = swarm_of(seeds=1, leeches=leeches, pieces=pieces, piece_length=piece_length, up=50 * MBIT)
    limit(swarm.nodes[0], whose, upload=rate)
    swarm.start()
    swarm.run(limit=10 + most * pieces * piece_length / rate)
    swarm.check()
    assert late(swarm.nodes) == []


def test_leeches_with_low_limits_in_both_directions_complete() -> None:
    swarm = swarm_of(seeds=2, leeches=6, pieces=16, up=50 * MBIT)
    for node in swarm.nodes:
        limit(node, "session", upload=4000, download=0 if node.seed else 6000)
    swarm.start()
    # Six copies over eight lines of 4,000 bytes a second take this long at least.
    swarm.run(limit=10 + 2.5 * 6 * 16 * BLOCK / (8 * 4000))
    assert late(swarm.nodes) == []
