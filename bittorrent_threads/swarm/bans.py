"""Banned peers, by address.

The rule: a host is never banned for one peer.  Behind a loopback or private address there may be many peers, so there
only the address with its port is banned; a public host, or the network of a public IPv6 host, is banned with its second
peer.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable

from .. import address_scope
from ..protocol.addresses import Address

PEERS_OF_HOST = 2
"""Banned peers of one owner on the internet, from which on all addresses of the owner are banned."""


class Bans:
    """The bans of one torrent.

    Args:
        limit: How many addresses, and how many owners, are remembered; the oldest is forgotten first.
    """

    def __init__(self, limit: int) -> None:
        self.count = 0
        """Peers banned so far."""
        self._limit = limit
        self._addresses: Dict[Address, None] = {}
        self._peers_of: Dict[str, int] = {}

    def add(self, host: str, addresses: Iterable[Address]) -> bool:
        """Ban one peer.

        Args:
            host: Its numeric host.
            addresses: All of its addresses.

        Returns:
            Whether its whole host is banned now.
        """
        self.count += 1
        for address in addresses:
            remember(self._addresses, address, None, limit=self._limit)
        if not address_scope.is_public(host):
            return False
        owner = address_scope.owner(host)
        peers = self._peers_of.get(owner, 0) + 1
        remember(self._peers_of, owner, peers, limit=self._limit)
        return peers >= PEERS_OF_HOST

    def covers(self, address: Address) -> bool:
        """Whether the address is banned, or its host."""
        if address in self._addresses:
            return True
        return bool(self._peers_of) and self._peers_of.get(address_scope.owner(address[0]), 0) >= PEERS_OF_HOST


def remember(table: Dict[Any, Any], key: Any, value: Any, *, limit: int) -> None:
    """Put an entry into a table of at most ``limit``; if it is full, the oldest entry is removed."""
    table[key] = value
    if len(table) > limit:
        del table[next(iter(table))]
