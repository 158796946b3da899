"""Carries out what the choker decides: once in an interval, and soon after the interest of a peer changed."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Set

from ..settings import Settings
from ..swarm.choker import Choker
from .connection import Connection
from .interfaces.network import Network
from .phase import Lifecycle
from .rate_limits import RateLimits


class Choking:
    """The unchokes of one torrent.

    Args:
        peers: All connections of the torrent.
        lifecycle: Peers are unchoked in the phase ACTIVE only.
        limits: How many slots there are.
        seeding: Whether no wanted piece is missing.
        network: The clock and the end of a pass.
        settings: Slots and intervals.
        random: Chooses optimistic unchokes.
    """

    def __init__(
        self,
        peers: Iterable[Connection],
        lifecycle: Lifecycle,
        limits: RateLimits,
        *,
        seeding: Callable[[], bool],
        network: Network,
        settings: Settings,
        random: Any,
    ) -> None:
        self._peers = peers
        self._lifecycle = lifecycle
        self._limits = limits
        self._seeding = seeding
        self._network = network
        self._choker: Choker[Connection] = Choker(
            slots=settings.upload_slots,
            random=random,
            choke_interval=settings.choke_interval,
            optimistic_interval=settings.optimistic_interval,
        )
        self._scheduled = False

    def schedule(self) -> None:
        """A peer became interested, lost its interest or left: look at the slots at the end of the pass."""
        if not self._scheduled:
            self._scheduled = True
            self._network.defer(self.choose)

    def choose(self) -> None:
        """Choke and unchoke."""
        self._scheduled = False
        now = self._network.now()
        peers = list(self._peers)
        chosen: Set[Connection] = set()
        if self._lifecycle.active:
            self._limits.refresh()
            self._choker.slots = self._limits.slots
            chosen = self._choker.choose(peers, seeding=self._seeding(), now=now)
        for peer in peers:
            if peer not in chosen:
                peer.choke()
        for peer in peers:
            if peer in chosen:
                peer.unchoke(now)
