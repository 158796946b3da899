"""The one gate through which every peer address of a torrent enters its list of known addresses.

A private torrent takes addresses from its trackers, its user and the peers that dial it only (BEP 27).  No torrent
takes an address that the IP filter of the session refuses.
"""

from __future__ import annotations

from typing import Callable, Protocol, Sequence

from .. import events
from ..address_scope import is_link_local
from ..net.interfaces import Address, Resolved
from ..protocol.addresses import numeric_host
from ..swarm.peer_list import PeerList, Source
from ..swarm.source_shares import PRIVATE_SOURCES
from .address_filter import AddressFilter
from .event_publisher import Publisher
from .interfaces.lookups import Lookups


class Torrent(Protocol):
    """The torrent of the addresses."""

    address_filter: AddressFilter

    @property
    def private(self) -> bool:
        """Whether it is known to be private (BEP 27)."""

    def wake_dialer(self) -> None:
        """There may be an address to dial."""


class AddressGate:
    """The gate of one torrent.

    Args:
        torrent: The torrent.
        peerlist: Takes the addresses.
        lookups: Resolve the names of hosts.
        publisher: Gets ``PeerUnknown``.
        timeout: Seconds for a name.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        torrent: Torrent,
        peerlist: PeerList,
        lookups: Lookups,
        publisher: Publisher,
        *,
        timeout: float,
        now: Callable[[], float],
    ) -> None:
        self._torrent = torrent
        self._peerlist = peerlist
        self._lookups = lookups
        self._publisher = publisher
        self._timeout = timeout
        self._now = now

    def add_peer(self, host: str, port: int) -> None:
        """The user knows a peer, by address or by name."""
        if is_link_local(numeric_host(host)):
            reason = f"{host}: a link-local address needs its zone, as in {host}%eth0"
            self._publisher.publish(events.PeerUnknown, reason=reason)
        elif numeric_host(host):
            self._resolved(Resolved(((host, port),), None))
        else:  # a name, or an address with the name of its zone
            self._lookups.resolve(host, port, self._timeout, self._resolved)

    def _resolved(self, resolved: Resolved) -> None:
        if resolved.error is not None:
            self._publisher.publish(events.PeerUnknown, reason=str(resolved.error))
        self.learn(resolved.addresses, Source.USER)

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        """List addresses of peers to dial.

        Args:
            addresses: Numeric hosts with ports.
            source: How they became known; a private torrent ignores all but ``PRIVATE_SOURCES``.
            teller: Numeric address of the host that named them; empty if there is none.
        """
        if self._torrent.private and source not in PRIVATE_SOURCES:
            return
        now = self._now()
        refuses = self._torrent.address_filter.refuses
        for address in addresses:
            if not refuses(address[0]):
                self._peerlist.add(address, source, now, teller=teller)
        self._torrent.wake_dialer()
