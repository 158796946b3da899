"""``Demultiplexer``: finds the protocol that a datagram belongs to by its first bytes.

One UDP socket is shared by UDP trackers (BEP 15), the DHT (BEP 5) and uTP (BEP 29), because peers expect uTP and the
DHT on one port.  The first bytes differ: a bencoded dictionary starts with ``d``, a uTP header with a type below 5
and the version 1, an answer of a tracker with three zero bytes.

The rule: a datagram that no protocol claims is counted and dropped.  It is not answered, so that a forged sender
address cannot make this host send anything to a third party.
"""

from __future__ import annotations

from typing import Dict, Optional

from .interfaces import Claim, DatagramHandler


class Demultiplexer:
    """The protocols that share a socket, asked in the order in which they were added."""

    def __init__(self) -> None:
        self.unclaimed = 0
        """Datagrams that belonged to no protocol."""
        self._claims: Dict[DatagramHandler, Claim] = {}

    def add(self, handler: DatagramHandler, claim: Claim) -> None:
        """Give ``handler`` the datagrams that ``claim`` is true for and no earlier handler has claimed."""
        self._claims[handler] = claim

    def remove(self, handler: DatagramHandler) -> None:
        """Give ``handler`` no more datagrams; does nothing if it was removed already."""
        self._claims.pop(handler, None)

    def find(self, data: memoryview) -> Optional[DatagramHandler]:
        """Return the handler of a datagram; None if no protocol claims it, which is counted."""
        for handler, claim in self._claims.items():
            if claim(data):
                return handler
        self.unclaimed += 1
        return None
