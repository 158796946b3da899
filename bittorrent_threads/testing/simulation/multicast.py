"""A simulated multicast socket, and the local networks: a datagram reaches each host of the sender's network."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Callable

from ...net.interfaces import Address
from .datagram import HEADERS

if TYPE_CHECKING:
    from .network import SimNetwork

UNREACHABLE = "network unreachable"


class SimMulticastSocket:
    """As ``net.multicast.MulticastSocket``; made by ``SimNetwork.multicast``."""

    def __init__(self, network: SimNetwork, group: Address, receive: Callable[[bytes, Address], None]) -> None:
        self.family = 6 if ":" in group[0] else 4
        self.group = group
        self.closed = False
        self.heard = 0
        """Datagrams that came."""
        self._network = network
        self._receive = receive

    def send(self, data: bytes) -> str:
        network = self._network
        host = network.addresses.get(self.family)
        if not network.lan or not network.online or host is None:
            return UNREACHABLE
        network.multicasts.append((network.world.now, self.group, data))
        for other in network.neighbours():
            network.world.after(network.latency + other.latency, functools.partial(other.hear, data, self.group, host))
        return ""

    def arrive(self, data: bytes, sender: Address) -> None:
        """A datagram has reached this host; makes its own pass."""
        self._network.down.enter(len(data) + HEADERS, lambda: self._network.run_pass(lambda: self._hand(data, sender)))

    def close(self) -> None:
        self.closed = True

    def _hand(self, data: bytes, sender: Address) -> None:
        if not self.closed:
            self.heard += 1
            self._receive(data, sender)
