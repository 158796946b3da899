"""How much of one peer's exchange messages (BEP 11) is taken, so that it cannot flood the list of known addresses.

BEP 11 allows a message a minute.  A message that comes earlier is not even decoded, and a peer that sends several of
them in a row is closed.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from .. import address_scope
from ..protocol.addresses import Address
from ..protocol.pex import MAX_CONTACTS, SEED, PexMessage

LEAST_INTERVAL = 45.0
"""Seconds between two messages that are taken; a quarter less than a minute, for clients with a coarse clock."""
MAX_EARLY = 5
"""Earlier messages in a row after which the peer is closed."""
MAX_FIRST = 200
"""Contacts of each family taken of the first message, which tells of all connections; of others ``MAX_CONTACTS``."""


class PexLimit:
    """The limit of one peer.

    Args:
        host: The numeric host of the peer.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._taken_at: Optional[float] = None
        self._early = 0

    def take(self, payload: bytes, now: float, *, seeds: bool = True) -> Tuple[List[Address], str]:
        """Decode a message if it may be taken.

        Args:
            payload: The message.
            now: Monotonic seconds.
            seeds: False if contacts that are seeds are of no use, because we are one.

        Returns:
            The addresses to list, and the reason to close the peer, empty if there is none.
        """
        first = self._taken_at is None
        if self._taken_at is not None and now - self._taken_at < LEAST_INTERVAL:
            self._early += 1
            excess = self._early >= MAX_EARLY
            return [], f"sent {self._early} peer exchange messages too early" if excess else ""
        self._taken_at, self._early = now, 0
        message = PexMessage.parse(payload, limit=MAX_FIRST if first else MAX_CONTACTS)
        return ([], message.failed) if message.failed else (self._acceptable(message, seeds), "")

    def _acceptable(self, message: PexMessage, seeds: bool) -> List[Address]:
        """The contacts that this peer may know: no local ones from the internet, and one for each public owner."""
        found: Dict[object, Address] = {}
        for address, flags in message.added.items():
            host = address[0]
            if (seeds or not flags & SEED) and address_scope.reachable_from(host, self._host):
                owner = address_scope.owner(host) if address_scope.is_public(host) else address
                found.setdefault(owner, address)
        return list(found.values())
