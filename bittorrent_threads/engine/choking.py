"""Carries out what the choker decides: once in an interval, and soon after somebody's interest changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Set

from ..swarm.choker import Choker

if TYPE_CHECKING:
    from .peer import Peer
    from .torrent import Torrent


class Choking:
    """The unchokes of one torrent."""

    def __init__(self, torrent: Torrent) -> None:
        settings = torrent.settings
        self._torrent = torrent
        self._choker: Choker[Peer] = Choker(
            slots=settings.upload_slots,
            random=torrent.random,
            choke_interval=settings.choke_interval,
            optimistic_interval=settings.optimistic_interval,
        )
        self._hurried = False

    def hurry(self) -> None:
        """A peer became interested, lost its interest or left: look at the slots at the end of the pass."""
        if not self._hurried:
            self._hurried = True
            self._torrent.defer(self.choose)

    def choose(self) -> None:
        """Choke and unchoke; nobody is unchoked unless the torrent is active."""
        self._hurried = False
        torrent = self._torrent
        now = torrent.now()
        peers = list(torrent.peers)
        chosen: Set[Peer] = set()
        if torrent.state == "active":
            torrent.limits.refresh()
            self._choker.slots = torrent.limits.slots
            chosen = self._choker.choose(peers, seeding=not torrent.picker.missing, now=now)
        for peer in peers:
            if peer not in chosen:
                peer.choke()
        for peer in peers:
            if peer in chosen:
                peer.unchoke(now)
