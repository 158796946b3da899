"""``PeerSearch``: what a search for the peers of a torrent has found so far, in all address families."""

from __future__ import annotations

from typing import Iterable, List, Set, Tuple

from ..protocol.addresses import Address

MAX_PEERS = 2000
"""Peers that a search finds; more are ignored, so that lying nodes cannot fill the memory."""


class PeerSearch:
    """One search; ``Dht`` changes it, others read it.

    The figures are those of its last event.

    Attributes:
        infohash: 20 bytes.
        port: TCP port that is announced to the nodes closest to the infohash; 0 for none.
        implied_port: The UDP port that others see is announced (BEP 5).
        ended: It is over: by itself, or cancelled.
        queries: Nodes that were asked.
        replies: Nodes that replied.
        steps: The longest chain of nodes of which each was told by the one before it.
        announced: Nodes that took the announce.
    """

    __slots__ = (
        *("_seen", "announced", "ended", "implied_port", "infohash", "port"),
        *("queries", "replies", "steps"),
    )

    def __init__(self, infohash: bytes, port: int = 0, *, implied_port: bool = False) -> None:
        self.infohash = infohash
        self.port = port
        self.implied_port = implied_port
        self.ended = False
        self.queries = 0
        self.replies = 0
        self.steps = 0
        self.announced = 0
        self._seen: Set[Address] = set()

    @property
    def peers(self) -> int:
        """Different peers so far."""
        return len(self._seen)

    def add(self, addresses: Iterable[Address]) -> Tuple[Address, ...]:
        """Count peers, and return those that are new."""
        new: List[Address] = []
        for address in addresses:
            if address not in self._seen and len(self._seen) < MAX_PEERS:
                self._seen.add(address)
                new.append(address)
        return tuple(new)
