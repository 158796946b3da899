"""``SimHost``: one simulated host: the passes of its process, its line, and its rate limits.

A pass is one event: a chunk received, a timer, an accepted stream, an answer of the disk.  What was deferred runs at
the end of it, then what was given to ``send`` leaves.  Rate limits are the library's own, in virtual time.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Dict, List, Protocol, Tuple

from ...net.interfaces import Address
from ...net.throttle import Throttle, ThrottleQueue
from .link import Downlink, Uplink
from .spoiled_pool import SpoiledPool
from .world import Event, World


@dataclasses.dataclass
class Faults:
    """What happens to datagrams that leave a host.

    Attributes:
        loss: Share of datagrams that are lost, 0 to 1.
        duplication: Share of datagrams that come twice.
        jitter: Seconds; each datagram takes up to so much longer, and so may be overtaken by a later one.
    """

    loss: float = 0.0
    duplication: float = 0.0
    jitter: float = 0.0


class HostedStream(Protocol):
    """A stream of the host."""

    def flush(self) -> None:
        """Send what waits, at the end of a pass."""

    def close(self) -> None:
        """Close now."""


class SimHost:
    """A host in the simulated world."""

    def __init__(self, world: World, host: str, *, up: float, down: float, latency: float) -> None:
        self.name = host
        self.addresses: Dict[int, str] = {6 if ":" in host else 4: host}
        """Numeric addresses by family; ``Internet.alias`` adds one."""
        self.world = world
        self.up = Uplink(world, up)
        self.down = Downlink(world, down)
        self.latency = latency
        self.online = True
        """False if the cable is out: nothing arrives or leaves, and no end is told."""
        self.receive_pool = SpoiledPool()
        """The memory that all streams of this host receive into."""
        self.faults = Faults()
        """What happens to datagrams that leave this host."""
        self.unsendable: Dict[int, str] = {}
        """Why the system takes no datagram of an address family."""
        self.lan = ""
        """The local network that the host is in; no multicast reaches a host that is in none."""
        self.multicasts: List[Tuple[float, Address, bytes]] = []
        """When this host sent what to which group."""
        self.download = Throttle()
        """The rate limit of all streams together."""
        self.upload = Throttle()
        self.read_queue = ThrottleQueue(self)
        self.write_queue = ThrottleQueue(self)
        self._passing = False
        self._deferred: List[Callable[[], None]] = []
        self._flushes: Dict[HostedStream, None] = {}
        self._streams: Dict[HostedStream, None] = {}
        self._starts = 0

    def now(self) -> float:
        """Return virtual seconds."""
        return self.world.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Event:
        """Call in a pass of its own, ``delay`` seconds from now, unless the process is killed before."""
        start = self._starts
        return self.world.after(delay, lambda: self._due(start, callback))

    def defer(self, callback: Callable[[], None]) -> None:
        """Call at the end of this pass."""
        self._deferred.append(callback)
        self._pass_soon()

    def run_pass(self, callback: Callable[[], object]) -> None:
        """Make a call on the network thread of this host, then end the pass."""
        if self._passing:
            callback()
            return
        self._passing = True
        callback()
        deferred, self._deferred = self._deferred, []
        for later in deferred:
            later()
        self._passing = False
        flushes, self._flushes = self._flushes, {}
        for stream in flushes:
            stream.flush()
        if self._deferred:
            self._pass_soon()

    def flush_later(self, stream: HostedStream) -> None:
        """Call ``stream.flush`` at the end of this pass."""
        self._flushes[stream] = None
        self._pass_soon()

    def keep(self, stream: HostedStream) -> None:
        """Close this stream when the process is killed."""
        self._streams[stream] = None

    def forget(self, stream: HostedStream) -> None:
        """Forget a stream that was closed."""
        self._streams.pop(stream, None)

    def restart(self) -> None:
        """Kill the process: timers and answers under way are dropped, and the system closes all streams."""
        self._starts += 1
        self.receive_pool = SpoiledPool()
        self._deferred.clear()
        for stream in list(self._streams):
            stream.close()

    def _due(self, start: int, callback: Callable[[], None]) -> None:
        if start == self._starts:
            self.run_pass(callback)

    def _pass_soon(self) -> None:
        if not self._passing:
            self.world.after(0, lambda: self.run_pass(lambda: None))
