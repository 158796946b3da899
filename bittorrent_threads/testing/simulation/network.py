"""The internet between simulated hosts; ``SimNetwork`` is that of one host, and is given to its engine."""

from __future__ import annotations

import errno
import functools
from typing import Any, Callable, Dict, List, Optional, Set

from ...errors import ListenError
from ...net.interfaces import Address, StreamHandler
from ...net.throttle import Throttle
from ...net.transport import Transport
from .datagram import HEADERS, SimUdpSocket
from .host import SimHost
from .multicast import SimMulticastSocket
from .pipe import RESET_BY_PEER, Pipe
from .stream import SimStream
from .world import World

FIRST_EPHEMERAL_PORT = 49152
MBIT = 125_000.0
"""Bytes a second."""

REFUSED = "connection refused"


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


class SimNetwork(SimHost):
    """The network of one host."""

    def __init__(self, internet: Internet, host: str, *, up: float, down: float, latency: float) -> None:
        super().__init__(internet.world, host, up=up, down=down, latency=latency)
        self.rests_skipped = 0
        """How often ``skip_rest`` was called."""
        self.datagram_sockets: Dict[int, SimUdpSocket] = {}
        """By address family."""
        self.busy_udp_ports: Set[int] = set()
        """UDP ports that another program has; 0 if it has all of them."""
        self.multicast_sockets: List[SimMulticastSocket] = []
        self.multicast_refusals = 0
        """How many multicast sockets the system will refuse."""
        self.listeners: Dict[int, SimListener] = {}
        self.capacity = 10_000
        self._internet = internet
        self._next_port = FIRST_EPHEMERAL_PORT

    # -- engine.interfaces.Network -------------------------------------------------------------------------------------

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
            sock = self.datagram_sockets[family] = SimUdpSocket(self, family, address, self.carry)
        return sock

    def multicast(
        self, group: Address, receive: Callable[[bytes, Address], None], host: str = ""
    ) -> SimMulticastSocket:
        if self.multicast_refusals:
            self.multicast_refusals -= 1
            raise ListenError("no such device", group[0], errno.ENODEV)
        sock = SimMulticastSocket(self, group, receive, self.spread)
        self.multicast_sockets.append(sock)
        return sock

    def throttle(self, rate: int, name: str) -> Throttle:
        return Throttle(rate, name)

    # -- the simulation's side -----------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Kill the process, as ``SimHost.restart``; the system closes its other sockets, too."""
        self.listeners.clear()
        super().restart()
        for sock in self.datagram_sockets.values():
            sock.close()
        for joined in self.multicast_sockets:
            joined.close()

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

    def spread(self, data: bytes, group: Address, host: str) -> None:
        """Transport a datagram that this host sent to a group as ``host``, to the hosts of its local network."""
        for other in dict.fromkeys(self._internet.hosts.values()):
            if other.lan == self.lan:
                self.world.after(self.latency + other.latency, functools.partial(other.hear, data, group, host))

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
        self.keep(stream)
        return stream

    def _ephemeral_port(self) -> int:
        self._next_port += 1
        return self._next_port
