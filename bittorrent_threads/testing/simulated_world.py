"""``SimulatedWorld``: a whole swarm in virtual time, for questions that would take hours or hundreds of machines.

The clients are the library's own engine, with every rule and timer that it has; network, disk, tracker and clock are
simulated (``simulation``).  The rule: nothing reads the clock of the machine, so the same seed gives the same run.
"""

from __future__ import annotations

from typing import Callable, Iterable, List, Optional, Tuple

from ..events import Event
from ..settings import Settings
from ..status import Status
from .simulation import tracker as moods
from .simulation.lookups import Web
from .simulation.network import MBIT, Internet
from .simulation.swarm import PORT, TRACKER, Node
from .simulation.torrent import make_torrent
from .simulation.tracker import SimTracker
from .simulation.world import World

MAX_CLIENTS = 10_000


class SimulatedClient:
    """A client in a simulated world, made by :meth:`SimulatedWorld.client`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __repr__(self) -> str:
        return f"<SimulatedClient {self.address[0]}: {self.pieces} pieces>"

    @property
    def address(self) -> Tuple[str, int]:
        """Host and port."""
        return self._node.address

    @property
    def pieces(self) -> int:
        """Number of pieces that it has; 0 until it has started and read its files."""
        return self._node.torrent.content.have.count

    @property
    def complete(self) -> bool:
        """Whether it has every piece."""
        return self._node.complete

    @property
    def completed_at(self) -> Optional[float]:
        """Virtual second at which the download was complete; None if it is not, or was from the start."""
        return self._node.completed_at

    @property
    def status(self) -> Status:
        """The snapshot that ``Client.status`` returns."""
        return self._node.status

    @property
    def events(self) -> List[Event]:
        """Every event so far."""
        return list(self._node.events)

    @property
    def online(self) -> bool:
        """Whether its cable is plugged in; while it is out, nothing arrives or leaves, and no end is told."""
        return self._node.network.online

    @online.setter
    def online(self, online: bool) -> None:
        self._node.network.online = online

    def start(self) -> None:
        """Start the torrent."""
        self._node.start()

    def stop(self) -> None:
        """Stop the torrent, which tells the tracker and closes every connection."""
        self._node.leave()

    def restart(self) -> None:
        """Kill the process at once, and start another with the same files."""
        self._node.restart()
        self._node.start()


class SimulatedWorld:
    """A torrent, a tracker, and clients at simulated lines, in virtual time from 0 on.

    ::

        world = SimulatedWorld(size=4_000_000)
        world.client(seed=True, up=100_000)
        peers = [world.client(up=50_000, down=500_000, latency=0.05) for _ in range(5)]
        world.run_until(lambda: all(peer.complete for peer in peers))
        print(f"all have it after {world.now:.0f} virtual seconds")

    Time passes only in :meth:`run` and :meth:`run_until`.  What this class and :class:`SimulatedClient` have is stable;
    the classes of ``testing.simulation`` behind them follow the engine and may change in any release.

    Args:
        size: Bytes of the torrent, which take no memory.
        piece_length: Bytes of a piece.
        seed: Start of the random numbers; the same seed gives the same run.
        settings: Settings of every client that is given none.
    """

    def __init__(
        self,
        *,
        size: int = 4 * 1024 * 1024,
        piece_length: int = 64 * 1024,
        seed: int = 0,
        settings: Optional[Settings] = None,
    ) -> None:
        self._world = World(seed)
        self._internet = Internet(self._world)
        self._web = Web()
        self._tracker = self._web.trackers["tracker.sim"] = SimTracker(self._world)
        self._torrent = make_torrent(size=size, piece_length=piece_length, trackers=[TRACKER])
        self._settings = settings or Settings()
        self._clients: List[SimulatedClient] = []

    @property
    def now(self) -> float:
        """Virtual seconds so far."""
        return self._world.now

    @property
    def clients(self) -> Tuple[SimulatedClient, ...]:
        """Every client, in the order in which they were made."""
        return tuple(self._clients)

    @property
    def piece_count(self) -> int:
        """Number of pieces of the torrent."""
        return self._torrent.metainfo.piece_count

    @property
    def tracker_works(self) -> bool:
        """Whether the tracker answers; while it does not, connections to it are refused."""
        return self._tracker.mood == moods.UP

    @tracker_works.setter
    def tracker_works(self, works: bool) -> None:
        self._tracker.mood = moods.UP if works else moods.DOWN

    def client(
        self,
        *,
        seed: bool = False,
        pieces: Iterable[int] = (),
        up: float = 50 * MBIT,
        down: float = 100 * MBIT,
        latency: float = 0.01,
        settings: Optional[Settings] = None,
        started: bool = True,
    ) -> SimulatedClient:
        """Add a client on a host of its own.

        Args:
            seed: Whether it has every piece.
            pieces: Indexes of the pieces that it has, if it is no seed.
            up: Bytes a second that its line can send.
            down: Bytes a second that its line can receive.
            latency: Seconds; a path takes the sum of the latencies of its two hosts.
            settings: Its settings; those of the world if None.
            started: Whether it starts now.

        Returns:
            The client.

        Raises:
            ValueError: If a piece is not one of the torrent, or the world has 10,000 clients.
        """
        number = len(self._clients)
        if number >= MAX_CLIENTS:
            raise ValueError(f"a world has at most {MAX_CLIENTS} clients")
        held = range(self.piece_count) if seed else sorted(set(pieces))
        if held and not 0 <= held[0] <= held[-1] < self.piece_count:
            raise ValueError(f"pieces are numbered from 0 to {self.piece_count - 1}")
        node = Node(
            self._internet,
            self._web,
            f"10.0.{number // 250}.{number % 250 + 1}",
            self._torrent,
            pieces=held,
            settings=(settings or self._settings).replace(port=PORT),
            line={"up": up, "down": down, "latency": latency},
        )
        client = SimulatedClient(node)
        self._clients.append(client)
        if started:
            client.start()
        return client

    def run(self, seconds: float) -> None:
        """Let virtual time pass.

        Args:
            seconds: How much.
        """
        self._world.run(self._world.now + seconds)

    def run_until(self, condition: Callable[[], bool], *, limit: float = 3600.0) -> float:
        """Let virtual time pass until a condition holds.

        Args:
            condition: Evaluated after every event; it should be cheap.
            limit: Most virtual seconds.

        Returns:
            The virtual time.

        Raises:
            Stuck: If it does not hold within ``limit``.
        """
        self._world.run(condition, limit=limit)
        return self._world.now
