"""Peers never to meet again, by address and by peer id.

The rule: a host is never banned for one peer.  Behind a loopback or private address there may be many peers, so there
only the address with its port is banned; a public host is banned with its second peer.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterable, Optional

from ..protocol.addresses import Address

PEERS_OF_HOST = 2
"""Peers banned on one public host that make a ban of the host."""


class Bans:
    """At most ``limit`` banned addresses, hosts and peer ids each; the oldest makes room."""

    def __init__(self, limit: int) -> None:
        self.count = 0
        """Peers banned so far."""
        self._limit = limit
        self._addresses: Dict[Address, None] = {}
        self._peerids: Dict[bytes, None] = {}
        self._peers_of: Dict[str, int] = {}

    def add(self, host: str, addresses: Iterable[Address]) -> bool:
        """Ban one peer, under all of its addresses; returns True if its whole host is banned now."""
        self.count += 1
        for address in addresses:
            remember(self._addresses, address, None, limit=self._limit)
        if not ipaddress.ip_address(host).is_global:
            return False
        peers = self._peers_of.get(host, 0) + 1
        remember(self._peers_of, host, peers, limit=self._limit)
        return peers >= PEERS_OF_HOST

    def add_peerid(self, peerid: bytes) -> None:
        """Ban whoever comes with this peer id."""
        remember(self._peerids, peerid, None, limit=self._limit)

    def covers(self, address: Address) -> bool:
        """Is the address banned, or its host?"""
        return address in self._addresses or self._peers_of.get(address[0], 0) >= PEERS_OF_HOST

    def covers_peerid(self, peerid: Optional[bytes]) -> bool:
        """Is the peer id banned?"""
        return peerid in self._peerids


def remember(table: Dict[Any, Any], key: Any, value: Any, *, limit: int) -> None:
    """Put an entry into a table of at most ``limit``, where the oldest makes room."""
    table[key] = value
    if len(table) > limit:
        del table[next(iter(table))]
