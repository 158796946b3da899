"""A simulated multicast socket, and the local networks: a datagram reaches each host of the sender's network."""

from __future__ import annotations

from typing import Callable

from ...net.interfaces import Address
from .datagram import HEADERS
from .host import SimHost

UNREACHABLE = "network unreachable"


class SimMulticastSocket:
    """As ``net.multicast.MulticastSocket``; made by ``SimNetwork.multicast``."""

    def __init__(
        self,
        host: SimHost,
        group: Address,
        receive: Callable[[bytes, Address], None],
        spread: Callable[[bytes, Address, str], None],
    ) -> None:
        self.family = 6 if ":" in group[0] else 4
        self.group = group
        self.closed = False
        self.heard = 0
        """Datagrams that came."""
        self._host = host
        self._receive = receive
        self._spread = spread

    def send(self, data: bytes) -> str:
        host = self._host
        address = host.addresses.get(self.family)
        if not host.lan or not host.online or address is None:
            return UNREACHABLE
        host.multicasts.append((host.world.now, self.group, data))
        self._spread(data, self.group, address)
        return ""

    def arrive(self, data: bytes, sender: Address) -> None:
        """A datagram has reached this host; makes its own pass."""
        self._host.down.enter(len(data) + HEADERS, lambda: self._host.run_pass(lambda: self._hand(data, sender)))

    def close(self) -> None:
        self.closed = True

    def _hand(self, data: bytes, sender: Address) -> None:
        if not self.closed:
            self.heard += 1
            self._receive(data, sender)
