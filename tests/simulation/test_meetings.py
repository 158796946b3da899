"""Two peers that lose each other, or meet twice: in every order they are together again soon, by one connection."""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

import pytest

from bittorrent_threads import events
from bittorrent_threads.protocol.extension_table import ExtensionTable
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.backoff import LEAST_LONGEST, RECONNECT_PAUSE, RETRY_PAUSE
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.testing.simulation.swarm import TRACKER, Node, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.world import World

ALONE: SimTorrent = make_torrent(size=40 * 16384, piece_length=16384)
"""Without a tracker."""

LATENCIES = (0.001, 0.01, 0.15)
OFFSETS = (-0.25, -0.02, -0.002, 0.0, 0.002, 0.02, 0.25)
"""Seconds by which the second peer dials later than the first."""


def never_complete(*, lower: bool, latency: float, **settings: Any) -> Tuple[Swarm, Node, Node]:
    """Two started peers, each with what the other misses, which stay together, for one piece neither has.

    ``lower``: the first has the lower peer id.
    """
    swarm = make_swarm(World(1), ALONE, nodes=2, seeds=0, latency=latency, settings=Settings(**settings))
    one, other = swarm.nodes
    ids = sorted((one.engine.peerid, other.engine.peerid), reverse=not lower)
    one.engine.peerid, other.engine.peerid = ids
    one.files.pieces.update(range(0, 38, 2))
    other.files.pieces.update(range(1, 38, 2))
    for node in (one, other):
        node.start()
    swarm.world.run(1.0)
    return swarm, one, other


def tell(node: Node, other: Node) -> None:
    """The first hears where the second is."""
    node.act(node.torrent.learn, [other.address], Source.TRACKER)


def reasons(node: Node) -> List[str]:
    return [closed.reason for closed in node.seen(events.PeerClosed)]


def together(*nodes: Node) -> bool:
    return all(node.status.connected == 1 and not node.status.connecting for node in nodes)


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("lower", [True, False])
def test_both_dial_at_once(latency: float, offset: float, lower: bool) -> None:
    swarm, one, other = never_complete(lower=lower, latency=latency)
    swarm.world.after(max(0.0, -offset), lambda: tell(one, other))
    swarm.world.after(max(0.0, offset), lambda: tell(other, one))
    swarm.until(lambda: one.torrent.content.have.count == other.torrent.content.have.count == 38, limit=20)
    swarm.world.run(swarm.world.now + 5)
    assert together(one, other)
    before = reasons(one), reasons(other)
    assert all(len(closed) <= 1 for closed in before)
    swarm.world.run(swarm.world.now + 300)
    assert together(one, other)
    assert (reasons(one), reasons(other)) == before, "neither dials the other again"
    swarm.check()


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("lower", [True, False])
def test_both_dial_at_once_and_have_one_place_left(latency: float, offset: float, lower: bool) -> None:
    swarm, one, other = never_complete(lower=lower, latency=latency, max_connections_per_torrent=1)
    swarm.world.after(max(0.0, -offset), lambda: tell(one, other))
    swarm.world.after(max(0.0, offset), lambda: tell(other, one))
    swarm.until(lambda: one.torrent.content.have.count == other.torrent.content.have.count == 38, limit=20)
    swarm.world.run(swarm.world.now + 100)
    assert together(one, other)
    swarm.check()


@pytest.mark.parametrize("before", LATENCIES)
@pytest.mark.parametrize("after", LATENCIES)
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("dialled", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_a_peer_that_takes_back_what_it_said_is_met_again_at_once(
    before: float, after: float, lower: bool, dialled: bool, known: bool
) -> None:
    """It closes every connection and dials anew: which of the two is heard first is a matter of chance."""
    swarm, one, other = never_complete(lower=lower, latency=before)
    other.engine.extensions = ExtensionTable([])  # it does not take the message that takes pieces back (BEP 54)
    tell(*((one, other) if dialled else (other, one)))
    # Unless there was time to hear at which port the other listens, the one that was dialled can only wait.
    swarm.world.run(swarm.world.now + (5 if known else 4.5 * before))
    for node in (one, other):
        node.network.latency = after
    one.files.pieces.discard(0)
    one.act(one.torrent.content.pieces.lose, [0])
    one.act(one.torrent.content.pieces.retract)
    swarm.world.run(swarm.world.now + before + 0.001)
    swarm.until(lambda: together(one, other), limit=7)
    swarm.until(lambda: other.torrent.content.have.count >= 37 and one.torrent.content.have.count >= 37, limit=20)
    swarm.world.run(swarm.world.now + 300)
    assert together(one, other)
    swarm.check()


def test_a_peer_that_hears_what_is_taken_back_stays() -> None:
    swarm, one, other = never_complete(lower=True, latency=0.01)
    tell(one, other)
    swarm.world.run(swarm.world.now + 5)
    streams = [peer.stream for node in (one, other) for peer in node.torrent.peers]
    one.files.pieces.discard(0)
    one.act(one.torrent.content.pieces.lose, [0])
    one.act(one.torrent.content.pieces.retract)
    swarm.until(lambda: all(not peer.bits[0] for peer in other.torrent.content.exchange), limit=2)
    one.act(one.torrent.content.pieces.changed)
    swarm.until(lambda: one.torrent.content.have[0], limit=20)
    swarm.until(lambda: all(peer.bits[0] for peer in other.torrent.content.exchange), limit=20)
    assert [peer.stream for node in (one, other) for peer in node.torrent.peers] == streams
    swarm.check()


# -- what an honest peer may do, and how soon the transfer goes on -----------------------------------------------------

SLOW = 50_000.0
"""Bytes a second of a seed, which has something to send for minutes."""

LONG = make_torrent(size=800 * 16384, piece_length=16384, trackers=[TRACKER])
UNTRACKED = make_torrent(size=800 * 16384, piece_length=16384)


class Pair:
    """A seed and a downloader, which is under way when something happens to one of them."""

    def __init__(self, torrent: SimTorrent) -> None:
        self.swarm = make_swarm(World(3), torrent, nodes=2, up=SLOW)
        self.seed, self.leech = self.swarm.nodes
        self.world = self.swarm.world

    def begin(self) -> None:
        """Start both, and wait until the transfer is under way."""
        for node in (self.seed, self.leech):
            node.start()
            self.wait(1)
        if not self.swarm.torrent.metainfo.trackers:
            self.leech.act(self.leech.torrent.add_peer, *self.seed.address)
        self.swarm.until(lambda: self.leech.torrent.content.have.count >= 5, limit=20)

    def hide(self, node: Node) -> None:
        """Make this host unreachable for incoming connections, as behind a NAT."""
        node.network.knock = lambda *_: None  # type: ignore[method-assign]

    def wait(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)

    def goes_on_within(self, seconds: float) -> None:
        """Data comes again before so many seconds are over."""
        before = self.leech.status.downloaded
        self.swarm.until(lambda: self.leech.status.downloaded > before, limit=seconds)


def restart(pair: Pair, node: Node, away: float) -> None:
    node.restart()
    pair.wait(away)
    node.start()
    if node is pair.leech and not pair.swarm.torrent.metainfo.trackers:
        node.act(node.torrent.add_peer, *pair.seed.address)


def stop(pair: Pair, node: Node, away: float) -> None:
    node.leave()
    pair.wait(away)
    node.start()


def lose_the_line(pair: Pair, node: Node, away: float) -> None:
    node.network.online = False
    pair.wait(away)
    node.network.online = True


def move(pair: Pair, node: Node, away: float) -> None:
    """The provider gives it another address."""
    hosts = pair.swarm.internet.hosts
    del hosts[node.network.name]
    node.network.restart()
    node.network.name = "10.9.9.9"
    pair.swarm.internet.alias(node.network, "10.9.9.9")
    restart(pair, node, away)


def drop_all(pair: Pair, node: Node, away: float) -> None:
    """It has a reason of its own, as a client that counts another's errors."""
    for peer in node.torrent.peers:
        node.act(peer.stream.close)
        node.act(peer.on_closed, "for a reason of its own")


AGAIN = RECONNECT_PAUSE + 3
"""Seconds: the first pause, a hash check of what a restarted peer has, a handshake and a first block."""
AT_ONCE = 3.0
"""The same for one that asks again by itself."""
LATER = LEAST_LONGEST + 20
"""The longest pause of a peer that knows no other, and a dial that is under way and in vain."""

SITUATIONS: List[Tuple[Callable[..., None], str, float, bool, float]] = [
    # fault, affected node, duration, whether the downloader is reachable, and seconds until it is over
    (restart, "seed", 0.0, True, AGAIN),
    (restart, "seed", 3.0, True, AGAIN),
    (restart, "seed", 3.0, False, RETRY_PAUSE + AGAIN),
    (restart, "seed", 600.0, True, LATER),
    (restart, "seed", 600.0, False, LATER),
    (restart, "leech", 0.0, True, AGAIN),
    (restart, "leech", 600.0, False, AGAIN),
    (stop, "seed", 0.0, True, AGAIN),
    (stop, "seed", 20.0, True, AT_ONCE),
    (stop, "seed", 20.0, False, 2 * RETRY_PAUSE + AGAIN),
    (stop, "seed", 3600.0, False, LATER),
    (stop, "leech", 0.0, False, AGAIN),
    (stop, "leech", 3600.0, False, AT_ONCE),
    (lose_the_line, "seed", 300.0, True, LATER),
    (lose_the_line, "seed", 300.0, False, LATER),
    (lose_the_line, "leech", 300.0, False, LATER),
    (lose_the_line, "leech", 3600.0, False, LATER),
    (move, "seed", 5.0, True, AGAIN),
    (move, "seed", 5.0, False, LATER),
    (move, "leech", 5.0, False, AGAIN),
    (drop_all, "seed", 0.0, True, AGAIN),
    (drop_all, "seed", 0.0, False, AGAIN),
    (drop_all, "leech", 0.0, True, AGAIN),
    (drop_all, "leech", 0.0, False, AGAIN),
]


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize(("happens", "who", "away", "reachable", "within"), SITUATIONS)
def test_an_honest_peer_is_not_put_away_for_long(
    happens: Callable[..., None], who: str, away: float, reachable: bool, within: float, tracked: bool
) -> None:
    if not tracked and happens is move and who == "seed":
        pytest.skip("nobody tells where the seed is now")
    pair = Pair(LONG if tracked else UNTRACKED)
    if not reachable:
        pair.hide(pair.leech)
    pair.begin()
    happens(pair, getattr(pair, who), away)
    pair.goes_on_within(within)


def test_a_seed_that_is_full_is_tried_once_a_minute_at_least() -> None:
    pair = Pair(UNTRACKED)
    pair.hide(pair.leech)
    pair.begin()
    welcome = pair.seed.torrent.peers.admit
    pair.seed.torrent.peers.admit = lambda *_: "the torrent has 100 connections"  # type: ignore[method-assign]
    drop_all(pair, pair.seed, 0.0)
    pair.wait(7200)
    pair.seed.torrent.peers.admit = welcome  # type: ignore[method-assign]
    pair.goes_on_within(LATER)
