"""``Swarm``: many nodes in one world, each with an engine, a host, a disk and look-ups of its own.

A test makes a swarm, changes the nodes, starts it, and checks the result.
"""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

from ...engine.engine import Engine
from ...engine.torrent import Torrent
from ...engine.torrent_params import TorrentParams
from ...events import Event
from ...net.interfaces import Address
from ...settings import Settings
from ...status import Status
from .disk import SimDisk
from .lookups import SimLookups, Web
from .network import MBIT, Internet
from .recorder import Recorder
from .torrent import SimTorrent, make_torrent
from .tracker import SimTracker
from .world import Stuck, World

PORT = 6881
TRACKER = "http://tracker.sim/announce"
EPOCH = 1_700_000_000.0
"""Wall clock at virtual second 0."""
START_SPREAD = 2.0
"""Seconds over which the nodes start."""


class Node:
    """One engine with one torrent."""

    def __init__(
        self,
        internet: Internet,
        web: Web,
        host: str,
        torrent: SimTorrent,
        *,
        pieces: Iterable[int],
        settings: Settings,
        line: Dict[str, float],
    ) -> None:
        world = internet.world
        self.world = world
        self.network = internet.add(host, **line)
        self.network.download.rate = settings.download_limit
        self.network.upload.rate = settings.upload_limit
        self.disk = SimDisk(self.network)
        self.files = self.disk.hold(torrent, pieces)
        self.lookups = SimLookups(self.network, web)
        self.events: List[Event] = []
        self.completed_at: Optional[float] = None
        self.address: Address = (host, settings.port)
        self.seed = len(self.files.pieces) == torrent.metainfo.piece_count
        """Whether it had all pieces from the start."""
        self._settings = settings
        self.engine = self._engine()
        self.torrent = self._torrent()

    def __repr__(self) -> str:
        return f"<{self.network.name} {self.torrent.content.have.count} pieces>"

    @property
    def complete(self) -> bool:
        """Whether it has every piece."""
        return self.torrent.content.have.full

    @property
    def status(self) -> Status:
        """The current snapshot of the torrent."""
        self.torrent.refresh()
        return self.torrent.status

    def act(self, verb: Callable[..., Any], *args: Any) -> None:
        """Call a method of the engine on its network thread, now."""
        self.network.run_pass(lambda: verb(*args))

    def start(self) -> None:
        """Start the torrent."""
        self.act(self.torrent.set_state, "active")

    def leave(self) -> None:
        """Stop the torrent in good order."""
        self.act(self.torrent.set_state, "stopped")

    def restart(self) -> None:
        """Kill the process and start another, whose torrent is stopped."""
        self.network.restart()
        self.disk.restart()
        self.engine = self._engine()
        self.torrent = self._torrent()

    def seen(self, kind: type) -> List[Any]:
        """Return the events of one type so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def _engine(self) -> Engine:
        return Engine(
            network=self.network,
            disk=self.disk,
            lookups=self.lookups,
            settings=self._settings,
            random=random.Random(self.world.random.getrandbits(64)),
            wall=lambda: EPOCH + self.world.now,
        )

    def _torrent(self) -> Torrent:
        return self.engine.add(self.files.torrent.metainfo, TorrentParams("downloads"), Recorder(self._publish))

    def _publish(self, event: Event) -> None:
        self.events.append(event)
        self.world.note(f"{self.network.name} {event!r}")
        if self.completed_at is None and self.complete:
            self.completed_at = self.world.now


class Swarm:
    """All nodes of one torrent; the first ones are the seeds."""

    def __init__(self, internet: Internet, torrent: SimTorrent, tracker: SimTracker, nodes: Sequence[Node]) -> None:
        self.world = internet.world
        self.internet = internet
        self.torrent = torrent
        self.tracker = tracker
        self.nodes = list(nodes)

    def start(self) -> None:
        """Start every node: those with data at once, the others at random times in the first seconds."""
        for node in self.nodes:
            delay = 0.0 if node.files.pieces else self.world.random.uniform(0, START_SPREAD)
            self.world.after(delay, node.start)

    def run(self, nodes: Optional[Sequence[Node]] = None, *, limit: float = 3600.0) -> None:
        """Run until these nodes (all of them) are complete."""
        waiting = list(self.nodes if nodes is None else nodes)

        def done() -> bool:
            while waiting and waiting[-1].complete:
                waiting.pop()
            return not waiting

        self.world.run(done, limit=limit)

    def until(self, condition: Callable[[], bool], *, limit: float = 3600.0) -> None:
        """Run until a costly condition holds, which is evaluated ten times a second."""
        end = self.world.now + limit
        while not condition():
            if self.world.now >= end:
                raise Stuck(f"nothing came of it in {limit:.0f} virtual seconds")
            self.world.run(self.world.now + 0.1)

    def availability(self) -> List[int]:
        """Return the number of nodes that have each piece."""
        counts = [0] * self.torrent.metainfo.piece_count
        for node in self.nodes:
            for index in range(len(counts)):
                counts[index] += node.torrent.content.have[index]
        return counts

    def check(self) -> None:
        """Assert the invariants of a swarm."""
        assert not self.world.violations, "; ".join(self.world.violations[:5])
        for node in self.nodes:
            node.torrent.content.downloads.check()
            receive_pool = node.network.receive_pool
            assert receive_pool.lent == receive_pool.returned or node.torrent.content.downloads.saving, (
                "borrowed and not given back"
            )


def make_swarm(
    world: World,
    torrent: Optional[SimTorrent] = None,
    *,
    nodes: int = 20,
    seeds: int = 1,
    up: float = 50 * MBIT,
    down: float = 100 * MBIT,
    latency: float = 0.01,
    settings: Optional[Settings] = None,
    tracker_url: str = TRACKER,
) -> Swarm:
    """Return a swarm of ``nodes``, of which ``seeds`` have all pieces; they find each other through a tracker.

    ``up`` and ``down`` are bytes a second of each node's line, ``latency`` is its half of a path in seconds.
    """
    torrent = torrent or make_torrent(trackers=[tracker_url])
    settings = (settings or Settings()).replace(port=PORT)
    internet = Internet(world)
    web = Web()
    tracker = web.trackers["tracker.sim"] = SimTracker(world)
    everything = range(torrent.metainfo.piece_count)
    line = {"up": up, "down": down, "latency": latency}
    made = [
        Node(
            internet,
            web,
            f"10.0.{number // 250}.{number % 250 + 1}",
            torrent,
            pieces=everything if number < seeds else (),
            settings=settings,
            line=line,
        )
        for number in range(nodes)
    ]
    return Swarm(internet, torrent, tracker, made)
