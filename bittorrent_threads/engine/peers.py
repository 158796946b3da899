"""The connections of one torrent: who is let in, who is settled at the end of a pass, who is told what.

A peer is *touched* when something came for it or may be asked of it.  Touched peers are settled together once a pass,
after every socket was read: that is what makes few large sends out of many small reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Optional, Sequence, Tuple

from .. import events
from ..protocol import messages
from ..status import PeerStatus
from ..swarm import duplicate_connections, eviction
from ..swarm.have_log import HaveLog
from ..swarm.peer_list import Source
from ..swarm.peer_priority import priority
from .peer import Peer
from .snapshot import peer_status

if TYPE_CHECKING:
    from .handshaker import Handshaker
    from .interfaces import Address, Stream
    from .torrent import Torrent


class Peers:
    """The peers past their handshake, in the order in which they came."""

    def __init__(self, torrent: Torrent) -> None:
        self._torrent = torrent
        self._connected: Dict[Peer, None] = {}
        self._touched: Dict[Peer, None] = {}
        self._settling = False
        self.log = HaveLog(torrent.have, messages.haves)
        """The pieces that peers are told of."""
        self._downloaded_before = 0
        self._uploaded_before = 0
        self.rows: Tuple[PeerStatus, ...] = ()
        """The peers as of the last tick."""

    def __iter__(self) -> Iterator[Peer]:
        return iter(list(self._connected))

    def __len__(self) -> int:
        return len(self._connected)

    @property
    def wanted(self) -> int:
        """How many connections more would be welcome."""
        return self._torrent.settings.max_connections_per_torrent - len(self) if self._torrent.live else 0

    @property
    def places(self) -> int:
        """How many peers could be taken in: where there is no room, the useless and the crowded give way."""
        return self.wanted or (len(self.yielding()) if self._torrent.live else 0)

    def yielding(self) -> List[Peer]:
        """The peers that give way to others, the first to go first."""
        torrent = self._torrent
        share = torrent.settings.max_connections_per_host
        return eviction.yielding(list(self._connected), share=share, now=torrent.now())

    # -- coming and going --------------------------------------------------------------------------------------------

    def welcome(self, handshaker: Handshaker, stream: Stream) -> str:
        """A handshake is done: take the peer in, or return the reason why not."""
        torrent = self._torrent
        if not torrent.live:
            return "the torrent is not started"
        if torrent.peerlist.banned(stream.address):
            return "the peer is banned"
        if self.wanted <= 0 and not self._make_room(stream, handshaker.handshake.peerid):
            return f"the torrent has {len(self)} connections"
        torrent.limits.refresh()
        stream.limit(read=(torrent.read_throttle,), write=(torrent.write_throttle,))
        peer = Peer(torrent, stream, handshaker)
        self._connected[peer] = None
        torrent.peerlist.connected(stream.address, incoming=stream.incoming, now=torrent.now())
        torrent.picker.joined(peer.bits)
        torrent.publish(events.PeerConnected, address=peer.address, client=peer.client, incoming=peer.incoming)
        peer.open(handshaker.handshake.leftover)
        return ""

    def _make_room(self, stream: Stream, peerid: bytes) -> bool:
        """Have a peer give way to a newcomer, unless the newcomer's own host has its share already."""
        address = stream.address
        if duplicate_connections.completes(self._connected, address=address, peerid=peerid, incoming=stream.incoming):
            return True
        share = self._torrent.settings.max_connections_per_host
        group = eviction.group(self._torrent.metainfo.infohash, address[0])
        if eviction.crowds(group, list(self._connected), share=share):
            return False
        leaving = next(iter(self.yielding()), None) or self._outranked(address)
        if leaving is not None:
            leaving.give_way()
        return leaving is not None

    def _outranked(self, newcomer: Address) -> Optional[Peer]:
        """An idle peer whose connection is worth less than one with the newcomer (BEP 40)."""
        torrent = self._torrent
        own = (torrent.engine.own_host.seen_by(newcomer[0]), torrent.engine.port)
        if not own[0]:
            return None

        def rank(peer: Peer) -> int:
            return priority(own, (peer.address[0], peer.listening or peer.address[1]))

        return eviction.outranked(self._connected, rank, priority(own, newcomer), now=torrent.now())

    def closed(self, peer: Peer, reason: str, *, useful: bool) -> None:
        """A peer has gone; what it was asked for others may be asked for now."""
        torrent = self._torrent
        del self._connected[peer]
        self._touched.pop(peer, None)
        torrent.downloads.left(peer.pipeline)
        torrent.picker.left(peer.bits)
        now = torrent.now()
        torrent.peerlist.closed(peer.address, now, useful=useful, productive=peer.moved > 0)
        duplicate = duplicate_connections.duplicate(peer, self._connected)
        if duplicate is not None and (
            duplicate.listening
            or now - max(peer.connected_at, duplicate.connected_at) < duplicate_connections.RELATED_TIME
        ):
            # One of two connections with the same peer: it is not to be dialled while the other lasts.
            torrent.peerlist.bind(duplicate.address, peer.address)
        self._downloaded_before += peer.pipeline.payload + peer.pipeline.wasted
        self._uploaded_before += peer.serving.uploaded
        torrent.publish(events.PeerClosed, address=peer.address, reason=reason)
        torrent.choking.hurry()
        self.touch_all()
        torrent.engine.dialer.wake(torrent)

    def close_all(self, reason: str) -> None:
        """Close every connection."""
        for peer in self:
            peer.close(reason)
        self.rows = ()

    def ban(self, address: Address, reason: str) -> None:
        """Refuse this peer from now on."""
        torrent = self._torrent
        if torrent.peerlist.banned(address):
            return
        torrent.peerlist.ban(address)
        torrent.publish(events.PeerBanned, address=address, reason=reason)
        for peer in self:
            if torrent.peerlist.banned(peer.address):
                peer.close(reason, useful=False)

    def learned_port(self, peer: Peer, port: int) -> None:
        """An incoming peer said where it listens (BEP 10 ``p``); what it says later is not listened to."""
        if peer.listening is not None:
            return
        peer.listening = port
        address, peerlist = (peer.address[0], port), self._torrent.peerlist
        if peerlist.bind(peer.address, address):
            self._torrent.learn([address], Source.INCOMING, teller=peer.address[0])
            if peerlist.banned(peer.address):
                peer.close("the peer is banned", useful=False)

    # -- the end of a pass -------------------------------------------------------------------------------------------

    def touch(self, peer: Peer) -> None:
        """Settle this peer at the end of the pass."""
        self._touched[peer] = None
        self.settle_later()

    def touch_all(self) -> None:
        """Settle every peer at the end of the pass."""
        if self._connected:
            self._touched.update(self._connected)
            self.settle_later()

    def settle_later(self) -> None:
        """Give finished pieces to the disk and settle touched peers at the end of the pass."""
        if not self._settling:
            self._settling = True
            self._torrent.defer(self._settle)

    def _settle(self) -> None:
        self._settling = False
        self._torrent.piece_tracker.save()
        touched, self._touched = self._touched, {}
        now = self._torrent.now()
        for peer in touched:
            if not peer.closed:
                peer.settle(now)

    # -- telling -----------------------------------------------------------------------------------------------------

    def tell_have(self, indexes: Sequence[int]) -> None:
        """We have these pieces now."""
        if indexes and self._connected:
            self.log.add(indexes)
            for peer in self._connected:
                if not peer.bits.full:
                    # A seed wants nothing and only counts what we have: it is told with the next message or within a
                    # second.  A send of its own for each piece was two thirds of the sends of a download.
                    peer.tell_haves()

    def update_interest(self, *, complete: bool) -> None:
        """What we miss has changed; ``complete`` tells that we miss nothing any more."""
        full = self._torrent.have.full
        for peer in self:
            if full and peer.bits.full:
                peer.close("both are seeds", useful=False)
            elif complete or not peer.interesting:
                peer.update_interest()

    def tick(self, now: float) -> None:
        """Once a second."""
        torrent = self._torrent
        for peer in duplicate_connections.surplus(self._connected, peerid=torrent.engine.peerid, now=now):
            peer.close("connected twice")
        torrent.limits.refresh()
        torrent.downloads.adapt(unused=torrent.limits.unused)
        for peer in self:
            peer.tick(now)
            if not peer.closed and peer.interesting:
                peer.update_interest()
        if self.wanted <= 0 and self.yielding():
            self._torrent.engine.dialer.wake(self._torrent)
        self.touch_all()
        self.log.forget(min([peer.told for peer in self._connected], default=self.log.end))
        self.rows = tuple([peer_status(peer) for peer in self])

    # -- figures -----------------------------------------------------------------------------------------------------

    @property
    def downloaded(self) -> int:
        """Payload bytes received."""
        return self._downloaded_before + sum(p.pipeline.payload + p.pipeline.wasted for p in self._connected)

    @property
    def uploaded(self) -> int:
        """Payload bytes sent."""
        return self._uploaded_before + sum(p.serving.uploaded for p in self._connected)

    @property
    def wasted(self) -> int:
        """Payload bytes received for nothing."""
        return self._torrent.downloads.wasted + sum(p.pipeline.wasted for p in self._connected)
