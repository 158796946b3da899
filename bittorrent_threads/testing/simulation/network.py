"""Simulated hosts, and the internet between them.  ``SimNetwork`` is one host; it implements the engine's ``Network``.

A pass is one event: a chunk received, a timer, an accepted stream, an answer of the disk.  What was deferred runs at
the end of it, then what was given to ``send`` leaves.  Rate limits are the library's own, in virtual time.
"""

from __future__ import annotations

import errno
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from ...errors import ListenError
from ...net.interfaces import Address, StreamHandler
from ...net.receive_pool import ReceivePool
from ...net.throttle import Throttle, ThrottleQueue
from ...net.transport import Transport
from .datagram import HEADERS, Faults, SimUdpSocket
from .link import Downlink, Uplink
from .multicast import SimMulticastSocket
from .pipe import RESET_BY_PEER, WINDOW, Pipe
from .stream import SPOIL, SimStream
from .world import Event, World

FIRST_EPHEMERAL_PORT = 49152
MBIT = 125_000.0
"""Bytes a second."""

REFUSED = "connection refused"


MAX_SLABS = 3
"""Few enough that a host with a slow disk has to refuse to lend memory at times."""


class SpoiledPool(ReceivePool):
    """A pool that overwrites what is not borrowed, so that a handler which kept a view of it fails."""

    def __init__(self) -> None:
        super().__init__(WINDOW, MAX_SLABS)
        self.lent = 0
        """How many views of a slab were borrowed."""
        self.refused = 0
        self.returned = 0

    def borrow(self, data: memoryview) -> bool:
        kept = super().borrow(data)
        self.lent += kept and data.obj is self._slab.memory
        self.refused += not kept
        return kept

    def end_read(self, size: int) -> None:
        room = self.room[:size]
        lent = self._lent
        super().end_read(size)
        if not lent:
            room[:] = SPOIL[:size]

    def give_back(self, borrowed: Iterable[memoryview]) -> None:
        borrowed = list(borrowed)
        super().give_back(borrowed)
        slabs = [self._slabs[id(data.obj)] for data in borrowed if id(data.obj) in self._slabs]
        self.returned += len(slabs)
        for slab in slabs:
            if not slab.borrowed:
                slab.view[:] = SPOIL


class SimListener:
    """A port that accepts connections."""

    def __init__(self, network: SimNetwork, port: int, accept: Callable[[SimStream], None]) -> None:
        self.port = port
        self.accept = accept
        self.addresses = tuple(network.addresses.values())
        self._network = network

    def close(self) -> None:
        self._network.listeners.pop(self.port, None)


class Internet:
    """All hosts, by address."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hosts: Dict[str, SimNetwork] = {}

    def add(self, host: str, *, up: float = 100 * MBIT, down: float = 100 * MBIT, latency: float = 0.01) -> SimNetwork:
        """Add a host.

        Args:
            host: Its numeric address.
            up: Bytes a second that it can send.
            down: Bytes a second that it can receive.
            latency: Seconds; a path takes the sum of the latencies of its two hosts.
        """
        network = SimNetwork(self, host, up=up, down=down, latency=latency)
        self.hosts[host] = network
        return network

    def alias(self, network: SimNetwork, host: str) -> None:
        """Give a host an additional address, of the other family."""
        network.addresses[6 if ":" in host else 4] = host
        self.hosts[host] = network


class SimNetwork:
    """The network of one host."""

    def __init__(self, internet: Internet, host: str, *, up: float, down: float, latency: float) -> None:
        self.name = host
        self.addresses: Dict[int, str] = {6 if ":" in host else 4: host}
        """Numeric addresses by family; ``Internet.alias`` adds one."""
        self.world = internet.world
        self.up = Uplink(self.world, up)
        self.down = Downlink(self.world, down)
        self.latency = latency
        self.online = True
        """False if the cable is out: nothing arrives or leaves, and no end is told."""
        self.receive_pool = SpoiledPool()
        """The memory that all streams of this host receive into."""
        self.rests_skipped = 0
        """How often ``skip_rest`` was called."""
        self.faults = Faults()
        """What happens to datagrams that leave this host."""
        self.datagram_sockets: Dict[int, SimUdpSocket] = {}
        """By address family."""
        self.busy_udp_ports: Set[int] = set()
        """UDP ports that another program has; 0 if it has all of them."""
        self.unsendable: Dict[int, str] = {}
        """Why the system takes no datagram of an address family."""
        self.lan = ""
        """The local network that the host is in; no multicast reaches a host that is in none."""
        self.multicast_sockets: List[SimMulticastSocket] = []
        self.multicast_refusals = 0
        """How many multicast sockets the system will refuse."""
        self.multicasts: List[Tuple[float, Address, bytes]] = []
        """When this host sent what to which group."""
        self.listeners: Dict[int, SimListener] = {}
        self.capacity = 10_000
        self.download = Throttle()
        """The rate limit of all streams together."""
        self.upload = Throttle()
        self.read_queue = ThrottleQueue(self)
        self.write_queue = ThrottleQueue(self)
        self._internet = internet
        self._next_port = FIRST_EPHEMERAL_PORT
        self._passing = False
        self._deferred: List[Callable[[], None]] = []
        self._flushes: Dict[SimStream, None] = {}
        self._streams: Dict[SimStream, None] = {}
        self._starts = 0

    # -- engine.interfaces.Network -------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.world.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Event:
        start = self._starts
        return self.world.after(delay, lambda: self._due(start, callback))

    def defer(self, callback: Callable[[], None]) -> None:
        self._deferred.append(callback)
        self._pass_soon()

    def skip_rest(self) -> None:
        self.rests_skipped += 1

    def connect(
        self, address: Address, handler: StreamHandler, timeout: float, transport: Optional[Transport[Any]] = None
    ) -> Any:
        if transport is not None:
            return transport.dial(self, address, handler, timeout)
        stream = self._stream(address, incoming=False)
        stream.handler = handler
        late = f"timed out after {timeout:g} s"
        stream.deadline = self.call_later(timeout, lambda: stream.end(late))
        target = self._internet.hosts.get(address[0])
        if target is not None and self.online:
            # A test may dial over a family of which the host has no address.
            own = self.addresses.get(6 if ":" in address[0] else 4, self.name)
            near = (own, self._ephemeral_port())
            self.world.after(self.latency + target.latency, lambda: target.knock(stream, self, near))
        return stream

    def listen(self, host: str, port: int, accept: Callable[[SimStream], None]) -> SimListener:
        if port in self.listeners:
            raise ListenError("address already in use", f"{host}:{port}", errno.EADDRINUSE)
        listener = SimListener(self, port or self._ephemeral_port(), accept)
        self.listeners[listener.port] = listener
        return listener

    def datagram(self, family: int, host: str = "", port: int = 0) -> SimUdpSocket:
        sock = self.datagram_sockets.get(family)
        if sock is None or sock.closed:
            if family not in self.addresses or port in self.busy_udp_ports:
                raise ListenError("address already in use", f"{host}:{port}", errno.EADDRINUSE)
            address = (host or self.addresses[family], port or self._ephemeral_port())
            sock = self.datagram_sockets[family] = SimUdpSocket(self, family, address)
        return sock

    def multicast(
        self, group: Address, receive: Callable[[bytes, Address], None], host: str = ""
    ) -> SimMulticastSocket:
        if self.multicast_refusals:
            self.multicast_refusals -= 1
            raise ListenError("no such device", group[0], errno.ENODEV)
        sock = SimMulticastSocket(self, group, receive)
        self.multicast_sockets.append(sock)
        return sock

    def throttle(self, rate: int, name: str) -> Throttle:
        return Throttle(rate, name)

    # -- the simulation's side -----------------------------------------------------------------------------------------

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

    def restart(self) -> None:
        """Kill the process: timers and answers under way are dropped, and the system closes all sockets."""
        self._starts += 1
        self.receive_pool = SpoiledPool()
        self.listeners.clear()
        self._deferred.clear()
        for stream in list(self._streams):
            stream.close()
        for sock in self.datagram_sockets.values():
            sock.close()
        for joined in self.multicast_sockets:
            joined.close()

    def forget(self, stream: SimStream) -> None:
        """Forget a stream that was closed."""
        self._streams.pop(stream, None)

    def flush_later(self, stream: SimStream) -> None:
        """Call ``stream.flush`` at the end of this pass."""
        self._flushes[stream] = None
        self._pass_soon()

    def carry(self, data: bytes, sender: SimUdpSocket, address: Address) -> None:
        """Transport a datagram that has left this host to another."""
        target = self._internet.hosts.get(address[0])
        if target is not None:
            near = (self.addresses.get(sender.family, self.name), sender.address[1])
            self.world.after(self.latency + target.latency, lambda: target.take_datagram(data, near, address))

    def take_datagram(self, data: bytes, near: Address, address: Address) -> None:
        """Receive a datagram from ``near`` over the line of this host."""
        sock = self.datagram_sockets.get(6 if ":" in address[0] else 4)
        if sock is not None and sock.address[1] == address[1]:
            self.down.enter(len(data) + HEADERS, lambda: sock.arrive(data, near))

    def neighbours(self) -> List[SimNetwork]:
        """Return the hosts of the same local network, this one included."""
        return [host for host in dict.fromkeys(self._internet.hosts.values()) if host.lan == self.lan]

    def hear(self, data: bytes, group: Address, host: str) -> None:
        """Receive a datagram that ``host`` sent to a group."""
        for sock in self.multicast_sockets:
            if sock.group == group and not sock.closed and self.online:
                sock.arrive(data, (host, group[1]))

    def knock(self, caller: SimStream, origin: SimNetwork, near: Address) -> None:
        """Receive a dial from ``origin``."""
        if not self.online or caller.closed:
            return
        back = self.latency + origin.latency
        listener = self.listeners.get(caller.address[1])
        if listener is None:
            self.world.after(back, lambda: caller.end(REFUSED))
            return
        stream = self._stream(near, incoming=True)
        there = Pipe(origin, self, caller, stream)
        here = Pipe(self, origin, stream, caller)
        stream.establish(here, there)
        self.world.after(back, lambda: origin.answered(caller, stream, there, here))
        self.run_pass(lambda: listener.accept(stream))

    def answered(self, caller: SimStream, stream: SimStream, out: Pipe, into: Pipe) -> None:
        """Connect ``caller``, whose dial was accepted."""
        if not self.online:
            return
        if caller.closed:
            self.world.after(out.latency, lambda: stream.end(RESET_BY_PEER))
            return
        self.run_pass(lambda: caller.establish(out, into))

    def _stream(self, address: Address, *, incoming: bool) -> SimStream:
        stream = SimStream(self, address, incoming=incoming)
        self._streams[stream] = None
        return stream

    def _due(self, start: int, callback: Callable[[], None]) -> None:
        if start == self._starts:
            self.run_pass(callback)

    def _ephemeral_port(self) -> int:
        self._next_port += 1
        return self._next_port

    def _pass_soon(self) -> None:
        if not self._passing:
            self.world.after(0, lambda: self.run_pass(lambda: None))
