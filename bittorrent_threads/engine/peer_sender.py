"""The identity of a peer as a source of blocks."""

from __future__ import annotations

from typing import Callable, NamedTuple

from ..net.interfaces import Address


class PeerSender(NamedTuple):
    """Equal for all connections to one peer; kept after they have closed."""

    address: Address
    """The other end of the connection."""
    peerid: bytes
    ban: Callable[[Address, str], None]
    """Refuses the peer from now on; called with its address and the reason."""

    def blame(self, index: int) -> None:
        """Ban the peer: it is proven that it sent a bad block of this piece."""
        self.ban(self.address, f"sent bad data in piece {index}")
