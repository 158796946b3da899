"""The rate limits of one torrent as its policies see them: its own, and its share of those of the session.

At a low limit it is our own doing how soon something comes or goes, and to have much under way only makes all of it
late.  So fewer peers are asked (``swarm.request_window``) and served, and what is sent is chosen at the last moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict

from ..metainfo.layout import BLOCK

if TYPE_CHECKING:
    from .peer import Peer
    from .torrent import Torrent

SLOT_TIME = 5.0
"""Seconds in which each unchoked peer is to get a block: where the limit is too low for that there are fewer slots."""

LEAST_SLOTS = 2
"""Slots at any limit: a regular and the optimistic one."""

READY_TIME = 1.0
"""Seconds of the limit that wait to be sent; but one block for each slot, where there is time for that."""


class RateLimits:
    """What the torrent may receive and send, as of the last ``refresh``; users may change it at any time."""

    def __init__(self, torrent: Torrent) -> None:
        self._torrent = torrent
        self.download = 0
        """Bytes a second that may come; 0 for no limit."""
        self.upload = 0
        """Bytes a second that may go; 0 for no limit."""
        self.slots = torrent.settings.upload_slots
        """Peers that may be unchoked at once."""
        self.narrow = False
        """The limit on what goes is too low for all slots."""

    def refresh(self) -> None:
        """Look at the limits again, once a second and for each new peer; the window of the downloads follows."""
        torrent = self._torrent
        engine = torrent.engine
        self.download = _least(engine.network.download.rate // engine.downloading, torrent.read_throttle.rate)
        self.upload = rate = _least(engine.network.upload.rate // engine.uploading, torrent.write_throttle.rate)
        self.slots = most = torrent.settings.upload_slots
        if rate:
            self.slots = min(most, max(LEAST_SLOTS, int(rate * SLOT_TIME) // BLOCK))
        self.narrow = self.slots < most
        torrent.downloads.window.rate = self.download

    @property
    def unused(self) -> bool:
        """There is a limit on what comes, and less came of late."""
        now = self._torrent.now()
        throttles = (self._torrent.engine.network.download, self._torrent.read_throttle)
        limits = [throttle for throttle in throttles if throttle.rate]
        return bool(limits) and all([throttle.unused(now) for throttle in limits])

    # -- what is sent ------------------------------------------------------------------------------------------------

    @property
    def departure(self) -> float:
        """Seconds that a message of ours may wait for the blocks that are sent to all peers before it."""
        return (BLOCK + self.most_ready) / self.upload if self.upload else 0.0

    def ready(self, peer: Peer, water: int) -> int:
        """Bytes to be kept ready for a peer, where ``water`` would be without the limit that there is.

        What waits for the limit in the streams of many peers cannot be taken back, neither when these are choked nor
        when they have it from another peer.  So at a low limit it is the turn of one peer for one block.
        """
        ready = peer.serving.ready
        others = sum([other.serving.ready for other in self._torrent.peers]) - ready
        if not self.narrow:
            return max(0, min(water, max(BLOCK, int(self.upload * READY_TIME)), self.most_ready - others))
        waiting = [other.serving for other in self._torrent.peers if len(other.serving)]
        turn = min(waiting, key=lambda serving: serving.served_at, default=None)
        return ready + BLOCK if peer.serving is turn and ready + others <= self.most_ready else 0

    def spread(self) -> Callable[[int], int]:
        """How many peers have a piece or are being sent some of it: at a low limit what few have goes first."""
        begun: Dict[int, int] = {}
        for peer in self._torrent.peers:
            for index in peer.serving.begun:
                begun[index] = begun.get(index, 0) + (not peer.bits[index])
        availability = self._torrent.picker.availability
        return lambda index: availability(index) + begun.get(index, 0)

    @property
    def most_ready(self) -> int:
        """Bytes that may wait to be sent to all peers; at a low limit, with which it is time for another block."""
        return max(0 if self.narrow else self.slots * BLOCK, int(self.upload * READY_TIME))


def _least(*rates: int) -> int:
    return min([rate for rate in rates if rate], default=0)
