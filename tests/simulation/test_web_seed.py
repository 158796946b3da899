"""A source of blocks that is no peer downloads together with a wire peer, is cancelled, and is blamed.

The library has no web seeds; this shows that one needs nothing of the download policy but its interfaces.
"""

from __future__ import annotations

from typing import Optional, Tuple

from support.sim_web_seed import WebSeed

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.simulation.actor import Actor
from bittorrent_threads.testing.simulation.swarm import Node, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import make_torrent
from bittorrent_threads.testing.simulation.world import World

BLOCK = 16384
PIECE = 8 * BLOCK
COUNT = 24


def world_of(*, count: int = COUNT, settings: Optional[Settings] = None) -> Tuple[Swarm, Node]:
    swarm = make_swarm(
        World(1), make_torrent(size=count * PIECE, piece_length=PIECE), nodes=1, seeds=0, settings=settings
    )
    swarm.start()
    swarm.world.run(3.0)
    return swarm, swarm.nodes[0]


def complete(swarm: Swarm, *, within: float) -> None:
    swarm.run(limit=within)
    swarm.world.run(swarm.world.now + 1)
    swarm.check()


def test_pieces_come_from_a_peer_and_from_a_web_seed() -> None:
    swarm, node = world_of()
    peer, web = Actor(swarm, "10.1.0.1", up=300_000), WebSeed(node, rate=300_000)
    peer.dial()
    node.act(web.join)
    complete(swarm, within=60)
    assert len(web.delivered) >= COUNT
    assert len(peer.given) >= COUNT
    assert max(len(blocks) for blocks in web.fetched) > 1, "neighbours are fetched in one range"
    assert not web.blamed
    assert not node.seen(events.PieceFailed)


def test_a_web_seed_alone_is_enough() -> None:
    swarm, node = world_of()
    web = WebSeed(node, rate=1_000_000)
    node.act(web.join)
    complete(swarm, within=60)
    assert len(web.delivered) == COUNT * 8
    assert set(web.delivered.values()) == {1}


def test_in_the_endgame_a_slow_web_seed_is_cancelled() -> None:
    swarm, node = world_of()
    web = WebSeed(node, rate=20_000)
    node.act(web.join)
    swarm.world.run(swarm.world.now + 2.0)
    peer = Actor(swarm, "10.1.0.1", up=1_000_000)
    peer.dial()
    complete(swarm, within=30)
    assert web.cancelled, "blocks that it would have sent last came from the peer"
    assert not set(web.cancelled) & set(web.delivered)
    assert set(web.cancelled) <= set(peer.given)


def test_in_the_endgame_a_slow_peer_is_cancelled_for_a_web_seed() -> None:
    swarm, node = world_of(count=4)
    peer = Actor(swarm, "10.1.0.1", up=10_000)
    peer.dial()
    swarm.world.run(swarm.world.now + 2.0)
    web = WebSeed(node, rate=1_000_000)
    node.act(web.join)
    complete(swarm, within=20)
    assert peer.cancels
    assert {*peer.cancels} & set(web.delivered)


def test_a_web_seed_that_sends_a_bad_block_is_blamed_and_the_peer_is_not() -> None:
    swarm, node = world_of(settings=Settings(min_requests=2))
    bad = {(index, begin * BLOCK, BLOCK) for index in range(COUNT) for begin in (1, 6)}
    peer, web = Actor(swarm, "10.1.0.1", up=300_000), WebSeed(node, rate=300_000, bad=bad)
    peer.dial()
    node.act(web.join)
    complete(swarm, within=120)
    assert web.blamed
    assert not node.seen(events.PeerBanned)
    failed = node.seen(events.PieceFailed)
    assert failed
    assert all(WebSeed.address in event.peers for event in failed)
