"""The peers of one torrent that exchange its pieces: told of ours, requested from, settled at the end of a pass.

A peer is *touched* when something came from it or may be requested of it.  Touched peers are settled together once a
pass, after every socket was read: that is what makes few large sends out of many small reasons.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, Sequence

from ..metainfo.bitfield import Bitfield
from ..protocol import dont_have, messages
from ..swarm.downloads import Downloads
from ..swarm.have_log import MAX_TOLD, HaveLog
from ..swarm.picker import Picker
from .peer import Peer
from .rate_limits import RateLimits


class Exchange:
    """The exchanging peers of one torrent, in the order in which they came.

    Args:
        have: The bits of our pieces.
        picker: Counts which pieces the peers have.
        downloads: What is requested of them.
        limits: The rate limits.
        schedule: Calls ``settle`` at the end of the pass.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        have: Bitfield,
        picker: Picker,
        downloads: Downloads,
        limits: RateLimits,
        *,
        schedule: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self.log = HaveLog(have, messages.haves)
        """The pieces that peers are told of."""
        self._have = have
        self._picker = picker
        self._downloads = downloads
        self._limits = limits
        self._schedule = schedule
        self._now = now
        self.available = b""
        """Pieces that at least one peer has, packed as on the wire, as of ``measure``; empty without peers."""
        self.copies = 0.0
        """How many copies of the torrent the peers and we have together, as of ``measure``; 0 without peers."""
        self._peers: Dict[Peer, None] = {}
        self._touched: Dict[Peer, None] = {}

    def __iter__(self) -> Iterator[Peer]:
        return iter(list(self._peers))

    def add(self, peer: Peer) -> None:
        """A peer came."""
        self._peers[peer] = None
        self._picker.joined(peer.bits)

    def remove(self, peer: Peer) -> None:
        """A peer has gone; what it was asked for others may be asked for."""
        self._peers.pop(peer, None)
        self._touched.pop(peer, None)
        if not self._peers:
            self.available, self.copies = b"", 0.0
        self.touch_all()

    def measure(self) -> None:
        """Count what the peers have; the time grows with the number of pieces."""
        if self._peers:
            self.available, self.copies = self._picker.offered(), self._picker.copies()

    # -- the end of a pass -------------------------------------------------------------------------------------------

    def touch(self, peer: Peer) -> None:
        """Settle this peer at the end of the pass."""
        self._touched[peer] = None
        self._schedule()

    def touch_all(self) -> None:
        """Settle every peer at the end of the pass."""
        if self._peers:
            self._touched.update(self._peers)
            self._schedule()

    def settle(self) -> None:
        """Settle the touched peers."""
        touched, self._touched = self._touched, {}
        now = self._now()
        for peer in touched:
            if not peer.closed:
                peer.settle(now)

    # -- telling -----------------------------------------------------------------------------------------------------

    def tell_have(self, indexes: Sequence[int]) -> None:
        """We have these pieces now."""
        if indexes and self._peers:
            self.log.add(indexes)
            for peer in self._peers:
                if not peer.bits.full:
                    # A seed wants nothing and only counts what we have: it is told with the next message or within a
                    # second.  A send of its own for each piece was two thirds of the sends of a download.
                    peer.tell_haves()

    def retract(self, indexes: Sequence[int]) -> bool:
        """Peers were told of these pieces, which are lost: take them back, or close the connection (BEP 54).

        A connection is closed if the peer does not take the message, if it does not read, and if there is more to take
        back than ``MAX_TOLD`` pieces.

        Returns:
            Whether a connection was closed.
        """
        self.log.lost()
        peers, lost = list(self._peers), frozenset(indexes)
        for peer in peers:
            sub_id = peer.extensions.ids.get(dont_have.NAME, 0)
            if not sub_id or peer.flow.stuffed or len(indexes) > MAX_TOLD:
                peer.close("we lost pieces that the peer was told of")
            else:
                peer.send(dont_have.dont_haves(sub_id, indexes))
                peer.uploader.drop(lost)
        return any(peer.closed for peer in peers)

    def update_interest(self, *, complete: bool) -> None:
        """What we miss has changed; ``complete`` tells that we miss nothing any more."""
        full = self._have.full
        for peer in self:
            if full and peer.bits.full:
                peer.close("both are seeds", useful=False)
            elif complete or not peer.interesting:
                peer.update_interest()

    def withdraw(self) -> None:
        """Take every request back (a pause)."""
        for peer in self:
            self._downloads.withdraw(peer.pipeline)

    def prepare_tick(self) -> None:
        """Once a second, before the connections look at their time limits."""
        self._downloads.adapt(unused=self._limits.unused)

    def tick(self) -> None:
        """Once a second, after them."""
        for peer in self:
            if peer.interesting:
                peer.update_interest()
        self.measure()
        self.touch_all()
        self.log.forget(min([peer.told for peer in self._peers if not peer.veiled], default=self.log.end))

    def unveil(self, peers: Sequence[Peer]) -> None:
        """Tell these peers, which were told of a few pieces only, of all that we have, each at its own pace."""
        log = self.log
        begin = log.end
        log.add(range(len(self._have)))
        for peer in self._peers:
            if peer.told == begin:
                peer.told = log.end
        for peer in peers:
            peer.told = begin
            peer.tell_haves()
