"""Two torrents that have a file of one name in one folder, started, stopped and killed in any order."""

from __future__ import annotations

import errno
import functools
from typing import Any, List

import pytest

from bittorrent_threads import events
from bittorrent_threads.engine.torrent_params import TorrentParams
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.simulation.lookups import Web
from bittorrent_threads.testing.simulation.network import MBIT, Internet
from bittorrent_threads.testing.simulation.recorder import Recorder
from bittorrent_threads.testing.simulation.swarm import PORT, Node
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.tracker import SimTracker
from bittorrent_threads.testing.simulation.world import World

TRACKER = "http://tracker.sim/announce"
LINE = {"up": 5 * MBIT, "down": 5 * MBIT, "latency": 0.01}
PIECES = 24


class Rival:
    """One of the two, as its user sees it."""

    def __init__(self, node: Node, torrent: Any, seen: List[events.Event]) -> None:
        self.node = node
        self.torrent = torrent
        self._seen = seen

    def set_state(self, state: str) -> None:
        self.node.act(self.torrent.set_state, state)

    @property
    def refusals(self) -> List[events.StorageFailed]:
        return [event for event in self._seen if isinstance(event, events.StorageFailed)]


class Rivals:
    """Both in one folder, in one session or in two processes, and a seed of each elsewhere."""

    def __init__(self, seed: int, sessions: int) -> None:
        self.world = World(seed)
        self._internet = Internet(self.world)
        self._web = Web()
        self._web.trackers["tracker.sim"] = SimTracker(self.world)
        torrents = [make_torrent(seed=number, size=PIECES * 65536, trackers=[TRACKER]) for number in (1, 2)]
        self.seeds = [self._node(f"10.0.1.{number}", torrent, seed=True) for number, torrent in enumerate(torrents, 1)]
        homes = [self._node(f"10.0.2.{number}", torrents[0]) for number in range(1, sessions + 1)]
        for home in homes:
            home.disk.claims = homes[0].disk.claims
        self.both = [Rival(homes[0], homes[0].torrent, homes[0].events), self._second(homes[-1], torrents[1])]
        for node in self.seeds:
            node.start()

    def _node(self, host: str, torrent: SimTorrent, *, seed: bool = False) -> Node:
        pieces = range(PIECES) if seed else ()
        settings = Settings(port=PORT)
        return Node(self._internet, self._web, host, torrent, pieces=pieces, settings=settings, line=LINE)

    def _second(self, home: Node, torrent: SimTorrent) -> Rival:
        seen: List[events.Event] = []
        home.disk.hold(torrent)
        return Rival(
            home,
            home.engine.add(torrent.metainfo, TorrentParams("downloads"), Recorder(seen.append)),
            seen,
        )

    def run(self, until: Any, limit: float = 900.0) -> None:
        self.world.run(until, limit=limit)
        assert self.world.violations == [], "nothing is written into files that are not claimed"


@pytest.mark.parametrize("sessions", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_whichever_comes_first_has_the_files_until_it_goes(seed: int, sessions: int) -> None:
    rivals = Rivals(seed, sessions)
    for rival in rivals.both:
        start = functools.partial(rival.set_state, "active")
        rivals.world.after(rivals.world.random.uniform(0, 1.5), start)
    rivals.run(lambda: any(rival.torrent.content.have.full for rival in rivals.both))
    first, second = sorted(rivals.both, key=lambda rival: -rival.torrent.content.have.count)
    rivals.run(lambda: len(second.refusals) > 1)
    assert second.torrent.content.have.count == 0
    assert not first.refusals
    assert {failed.errno for failed in second.refusals} == {errno.EBUSY}
    assert first.torrent.infohash.hex() in str(second.torrent.status.error)
    first.set_state("stopped")
    rivals.run(lambda: second.torrent.content.have.full)
    assert not second.torrent.status.error
    first.set_state("active")
    rivals.run(rivals.world.now + 30)
    assert not first.refusals
    assert first.torrent.content.have.full, "neither writes any more"


@pytest.mark.parametrize("sessions", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_stopped_and_started_in_any_order(seed: int, sessions: int) -> None:
    rivals = Rivals(100 + seed, sessions)
    for _ in range(30):
        rival = rivals.world.random.choice(rivals.both)
        rival.set_state(rivals.world.random.choice(["active", "active", "paused", "stopped"]))
        rivals.run(rivals.world.now + rivals.world.random.choice([0.0, 0.0005, 0.003, 0.1, 2.0]))
    for rival, other in (rivals.both, rivals.both[::-1]):
        other.set_state("stopped")
        rival.set_state("active")
        rivals.run(lambda rival=rival: rival.torrent.content.have.full and not rival.torrent.status.error)
