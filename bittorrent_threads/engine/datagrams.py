"""The UDP sockets of a session, one of each address family in which it listens; UDP trackers and the DHT share them.

They are open while the session listens.  Their port is that of the TCP socket if it is free, because routers forward,
and peers expect, one number; otherwise another, and ``events.Listening`` tells it.

The rule: a protocol registers once and sends to an address.  Which sockets are open, and of which family an address is,
only this module knows.  No rate limit of the session applies to datagrams, as those limits are for what peers exchange;
each protocol bounds what it sends.
"""

from __future__ import annotations

from typing import Dict, Iterable, Optional, Sequence, Tuple

from ..errors import ListenError
from ..net.interfaces import Address, Buffer, Claim, DatagramHandler, DatagramSocket
from .interfaces.network import Network
from .wait_group import WaitGroup


class Datagrams:
    """The UDP sockets of a session.

    Args:
        network: Opens them.
        hosts: Numeric addresses to bind, of different families, while the session does not listen.
    """

    def __init__(self, network: Network, hosts: Sequence[str]) -> None:
        self._hosts = hosts
        self._exchanges = WaitGroup()
        """Answers that protocols wait for, such as those to ``stopped``: ``close`` leaves the sockets open for them."""
        self.failure = ""
        """Why there is no socket of a family that was asked for; of the last one that failed, empty if none did."""
        self._network = network
        self._claims: Dict[DatagramHandler, Claim] = {}
        self._sockets: Dict[int, DatagramSocket] = {}
        """By address family, 4 and 6."""
        self._wanted = False

    def open(self, hosts: Iterable[str], port: int) -> None:
        """Open a socket of the family of each host, unless it is open; one that cannot be opened is done without.

        Args:
            hosts: Numeric addresses to bind, of different families.
            port: The port to use if it is free; 0 for any.
        """
        self._wanted = True
        self._open(hosts, port)

    def _open(self, hosts: Iterable[str], port: int) -> None:
        self.failure = ""
        for host in hosts:
            family = family_of(host)
            if family not in self._sockets:
                sock = self._bound(family, host, port)
                if sock is not None:
                    self._sockets[family] = sock
                    for handler, claim in self._claims.items():
                        sock.add(handler, claim)

    def open_any(self, port: int) -> None:
        """Open the sockets of a session that cannot listen, as ``open`` does."""
        self.open(self._hosts, port)

    def close(self) -> None:
        """Close the sockets as soon as no answer is waited for, unless they are opened again before."""
        if self._wanted:
            self._wanted = False
            self._exchanges.when_over(self._close_unwanted)

    def begin_exchange(self) -> None:
        """An answer is waited for until ``end_exchange``; the sockets are open meanwhile, also if nobody listens."""
        self._exchanges.expect()
        if not self._sockets:
            self._open(self._hosts, 0)
            self._exchanges.when_over(self._close_unwanted)

    def end_exchange(self) -> None:
        """The answer came, or is not waited for any more."""
        self._exchanges.answered()

    @property
    def families(self) -> Tuple[int, ...]:
        """The address families of the open sockets, 4 and 6."""
        return tuple(self._sockets)

    @property
    def port(self) -> int:
        """The port of the first open socket; 0 if none is open."""
        return next((sock.address[1] for sock in self._sockets.values()), 0)

    def port_of(self, family: int) -> int:
        """Return the port of the socket of an address family, 4 or 6; 0 if it is not open."""
        sock = self._sockets.get(family)
        return 0 if sock is None else sock.address[1]

    def add(self, handler: DatagramHandler, claim: Claim) -> None:
        """Give ``handler`` the datagrams, of both families, that ``claim`` is true for and no earlier handler claims.

        Args:
            handler: Receives them, also from sockets that are opened later.
            claim: Tells whether a datagram is of the protocol; looks at its first bytes only.
        """
        self._claims[handler] = claim
        for sock in self._sockets.values():
            sock.add(handler, claim)

    def remove(self, handler: DatagramHandler) -> None:
        """Give ``handler`` no more datagrams; harmless if it was removed already."""
        self._claims.pop(handler, None)
        for sock in self._sockets.values():
            sock.remove(handler)

    def send(self, data: Buffer, address: Address, handler: Optional[DatagramHandler] = None) -> bool:
        """Send a datagram from the socket of the address's family, now or at the end of this pass of the loop.

        Args:
            data: The payload, which must not change until it is sent.
            address: Numeric host, and port.
            handler: Told with ``on_unsent`` if the system refuses the datagram.

        Returns:
            False if the datagram is dropped: no socket of the family is open, or its queue is full.
        """
        sock = self._sockets.get(family_of(address[0]))
        return sock is not None and sock.send(data, address, handler)

    def _bound(self, family: int, host: str, port: int) -> Optional[DatagramSocket]:
        """Return a socket at this port, or else at any; None if the system gives none."""
        for candidate in (port, 0) if port else (0,):
            try:
                return self._network.datagram(family, host, candidate)
            except ListenError as error:
                self.failure = f"no UDP socket at {error.address}: {error.reason}"
        return None

    def _close_unwanted(self) -> None:
        if not self._wanted:
            for sock in self._sockets.values():
                sock.close()
            self._sockets.clear()


def family_of(host: str) -> int:
    """Return the address family, 4 or 6, of a numeric host."""
    return 6 if ":" in host else 4
