"""One peer of a torrent, from the end of its handshake to the close: cuts what comes into messages and routes them.

What the peer sends goes to the torrent's ``downloads``, what it asks for to its own ``serving``.  After every read the
peer is *touched*: once a pass, when all sockets were read, ``settle`` measures, asks for more and serves, so that a
batch of blocks costs one send.  Whatever the peer does wrong ends in ``close`` with the reason, never in an exception.

A peer costs no more than what it sends is worth: ``flow_control`` says when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set

from ..metainfo.bitfield import Bitfield
from ..protocol import messages
from ..protocol.extension import ExtensionHandshake
from ..protocol.fast import allowed_fast_set
from ..protocol.messages import PIECE, REQUEST
from ..protocol.peer_id import client_name
from ..protocol.wire import Wire
from ..swarm import eviction, message_quota
from ..swarm.downloads import MAX_VIOLATIONS
from ..swarm.interfaces import BlockRequest
from ..swarm.pipeline import Pipeline
from ..swarm.rate import Rate
from ..swarm.uploads import Request
from .flow_control import FlowControl
from .interfaces import Address, Stream
from .peer_sender import PeerSender
from .peer_timeouts import PeerTimeouts
from .uploader import Uploader

if TYPE_CHECKING:
    from .handshaker import Handshaker
    from .torrent import Torrent

NEEDY = 10
"""A peer with fewer pieces than this is let begin while it is choked (BEP 6)."""


class Peer:
    """A connection past its handshake."""

    torrent: Torrent
    stream: Stream
    fast: bool

    def __init__(self, torrent: Torrent, stream: Stream, handshaker: Handshaker) -> None:
        settings = torrent.settings
        now = torrent.now()
        handshake = handshaker.handshake
        self.torrent = torrent
        self.stream = stream
        self.address: Address = stream.address
        self.peerid = handshake.peerid
        self.incoming = stream.incoming
        self.fast = handshake.fast
        self.extended = handshake.extended
        self.client = client_name(self.peerid)
        self.listening: Optional[int] = None
        """The port at which an incoming peer says that it listens (BEP 10 ``p``)."""
        self.upload_only = False
        self.closed = ""
        """Why the connection ended; empty while it lives."""
        self.connected_at = now
        self.last_sent = now
        self.moved_at = now
        """When a block last went or came, as of the last tick."""
        self.group = eviction.group(torrent.metainfo.infohash, self.address[0])
        """The same for all connections that crowd each other."""
        self.bits = Bitfield(torrent.metainfo.piece_count)
        self.interested = False
        """The peer wants something of ours."""
        self.choked = True
        """We do not let the peer ask."""
        self.unchoked_at: Optional[float] = None
        self.interesting = False
        """We told the peer that we want something of its."""
        self.granted: Set[int] = set()
        """Pieces we let the peer ask for even while we choke it (BEP 6)."""
        self.wire = Wire(len(self.bits), fast=self.fast)
        self.sender = PeerSender(self.address, self.peerid, torrent.peers.ban)
        self.pipeline = Pipeline(self, self.bits, settings)
        self.serving = Uploader(self, settings)
        self.sending = Rate()
        self.told = 0
        """Position in the log of our pieces up to which the peer has heard."""
        self.flow = FlowControl(self, torrent.engine, settings)
        self._described = False
        """The peer has said what it has."""
        self.timeouts = PeerTimeouts(stream, self.wire, self.flow, settings, now)
        self._sent_before = stream.sent
        self._asked_mark = 0
        """Byte of the stream at which our last requests end."""
        self._moved_before = 0
        stream.reader = self.wire
        stream.handler = self

    def open(self, leftover: bytes) -> None:
        """Say what we have and can, and read what came behind the handshake."""
        have = self.torrent.have
        self.told = self.torrent.peers.log.end
        if self.fast and have.full:
            self.send(messages.HAVE_ALL_MESSAGE)
        elif self.fast and have.empty:
            self.send(messages.HAVE_NONE_MESSAGE)
        elif not have.empty:
            self.send(messages.bitfield(bytes(have)))
        if self.extended:
            payload = self.torrent.extension_handshake(self).encode()
            self.send(messages.extended(0, payload))
        if leftover:
            self.on_received(memoryview(leftover))

    def send(self, message: bytes) -> None:
        """Queue one message, or several joined."""
        self.tell_haves()
        self.stream.send((message,))

    def request(self, blocks: List[BlockRequest]) -> None:
        """Request blocks; no others are requested until the system has taken these requests."""
        self.send(messages.requests(blocks))
        self._asked_mark = self.stream.sent + self.stream.backlog

    def cancel(self, blocks: List[BlockRequest]) -> None:
        """Cancel requests; without effect once the connection is closed."""
        if not self.closed:
            self.send(b"".join([messages.cancel(*block) for block in blocks]))

    def tell_haves(self) -> None:
        """Tell the pieces that the peer has not heard of, unless it does not read."""
        log = self.torrent.peers.log
        if self.told != log.end and not self.flow.stuffed:
            self.told, message = log.told(self.told)
            self.stream.send((message,))

    def close(self, reason: str, *, useful: bool = True) -> None:
        """End the connection; idempotent.  ``useful`` is False when dialling the peer again soon makes no sense."""
        if not self.closed:
            self.closed = reason
            self.flow.close()
            self.stream.close()
            self.torrent.peers.closed(self, reason, useful=useful)

    def give_way(self) -> None:
        """End the connection because others find no room, and this one is of little use."""
        self.close("gave way to another that found no room")

    # -- the stream ------------------------------------------------------------------------------------------------

    def on_connected(self) -> None:
        """Nothing: the greeting has seen to it."""

    def on_received(self, data: memoryview) -> None:  # noqa: C901 - hot path, without further calls
        """Hot path: every byte of every peer passes here."""
        pipeline, flow = self.pipeline, self.flow
        block = self.torrent.downloads.block
        waiting = self.wire.partial
        found = self.wire.receive(data)
        asked: List[Request] = []
        for kind, a, b, c in found:
            if kind == PIECE:
                block(pipeline, a, b, c)
            elif kind == REQUEST:
                asked.append((a, b, c))
            else:
                if asked:
                    flow.work += self.serving.add(asked)
                    asked = []
                flow.work += message_quota.MESSAGE
                route = _ROUTES.get(kind)
                if route is not None:
                    route(self, a, b, c)
                if self.closed:
                    return
        if asked:
            flow.work += self.serving.add(asked)
        now = self.torrent.now()
        self.timeouts.received_at = now
        flow.charge(now)
        if self.wire.failed:
            self.close(self.wire.failed, useful=False)
        elif self.serving.failed:
            self.close(self.serving.failed, useful=False)
        elif pipeline.violations > MAX_VIOLATIONS:
            self.close(f"sent {pipeline.violations} blocks or rejects that were not asked for", useful=False)
        elif flow.exhausted(now):
            self.close(f"sent more messages than it may for {message_quota.MAX_EXCESS:.0f} s", useful=False)
        else:
            if found or not waiting:
                self.timeouts.message_at = now
            self.torrent.peers.touch(self)

    def on_readable_again(self) -> None:
        """The flow control lets the peer's messages through again: first those that were read already."""
        if self.wire.held:
            self.on_received(memoryview(b""))
        else:
            self.torrent.peers.touch(self)

    def on_drained(self) -> None:
        """There is room for more to send."""
        if self.torrent.limits.narrow:
            self.torrent.peers.touch_all()  # it may be the turn of another
        self.torrent.peers.touch(self)

    def on_closed(self, reason: str) -> None:
        """The other end or the system closed the stream."""
        self.close(reason)

    # -- the end of a pass, and of a second --------------------------------------------------------------------------

    def settle(self, now: float) -> None:
        """Measure what came, ask for more, serve."""
        pipeline, stream = self.pipeline, self.stream
        pipeline.measure(now)
        if self.interesting and stream.sent >= self._asked_mark:
            self.torrent.downloads.refill(pipeline, now)
        self._measure_sent(now)
        self.serving.pump()
        self.flow.settle(len(pipeline.outstanding), held=self.wire.held, now=now)

    def _measure_sent(self, now: float) -> None:
        # Not only once a second: what is read ahead follows the rate, and a fast peer had 128 KiB until the first tick
        # (to aria2 at 1.47 s of processor a GiB, now 1.19; to libtorrent at 390 MB/s, now 435).
        sent = self.stream.sent
        if sent != self._sent_before:
            self.sending.add(sent - self._sent_before, now)
            self._sent_before = sent
            self.last_sent = self.timeouts.taken_at = now
        elif not self.stream.blocked:
            self.timeouts.taken_at = now

    def tick(self, now: float) -> None:
        """Once a second: silence, stuck messages, snubbing, keep-alive."""
        settings = self.torrent.settings
        reason = self.timeouts.spent(now)
        if reason:
            self.close(reason)
            return
        moved = self.moved
        if moved != self._moved_before or self.torrent.state != "active":
            self._moved_before = moved
            self.moved_at = now
        self.torrent.downloads.tick(self.pipeline, now, departure=self.torrent.limits.departure)
        self.tell_haves()
        self._measure_sent(now)
        if now - self.last_sent >= settings.keepalive_interval:
            self.send(messages.KEEPALIVE_MESSAGE)
            self.last_sent = now

    def update_interest(self) -> None:
        """Tell the peer whether it has something that we want."""
        interesting = self.torrent.picker.interesting(self.bits)
        if interesting != self.interesting:
            self.interesting = interesting
            self.send(messages.INTERESTED_MESSAGE if interesting else messages.NOT_INTERESTED_MESSAGE)
            if interesting:
                self.torrent.peers.touch(self)

    # -- what we decide ----------------------------------------------------------------------------------------------

    def choke(self) -> None:
        """Let the peer ask no more."""
        if not self.choked:
            self.choked = True
            self.send(messages.CHOKE_MESSAGE)
            self.serving.choke()

    def unchoke(self, now: float) -> None:
        """Let the peer ask."""
        if self.choked:
            self.choked = False
            self.unchoked_at = now
            self.send(messages.UNCHOKE_MESSAGE)

    # -- what the peer says ------------------------------------------------------------------------------------------

    def _on_choke(self, *_: Any) -> None:
        self.pipeline.on_choke()
        if not self.fast:
            # With BEP 6 each request is answered, by a block or a reject; without, a choke forgets them all.
            self.torrent.downloads.release(self.pipeline)

    def _on_unchoke(self, *_: Any) -> None:
        self.pipeline.on_unchoke()

    def _on_interested(self, *_: Any) -> None:
        if not self.interested:
            self.interested = True
            self.flow.work += message_quota.INTEREST
            self.torrent.choking.hurry()

    def _on_not_interested(self, *_: Any) -> None:
        if self.interested:
            self.interested = False
            self.flow.work += message_quota.INTEREST
            self.torrent.choking.hurry()

    def _on_have(self, index: int, *_: Any) -> None:
        self.pipeline.refused.pop(index, None)
        if self.bits.set(index):
            torrent = self.torrent
            torrent.picker.gained(self.bits, index)
            if not self.interesting and torrent.picker.wants(index):
                self.update_interest()
            if self.bits.full:
                self._on_full()

    def _on_bitfield(self, payload: bytes, *_: Any) -> None:
        self.flow.work += len(payload) * message_quota.BITFIELD_BYTE
        self._available(Bitfield(len(self.bits), payload))

    def _on_have_all(self, *_: Any) -> None:
        self._available(Bitfield.filled(len(self.bits)))

    def _on_have_none(self, *_: Any) -> None:
        self._available(self.bits)

    def _available(self, bits: Bitfield) -> None:
        """The peer has said what it has.

        aria2 sends a second BITFIELD or HAVE ALL in place of many HAVEs.  So one that adds pieces is taken; one that
        adds none closes the peer, or five bytes could cost work for every piece of the torrent again and again.
        """
        torrent = self.torrent
        before = self.bits
        if self._described:
            both = before.as_int() | bits.as_int()
            bits = Bitfield(len(bits), both.to_bytes(len(bytes(bits)), "big"))
            if bits.count == before.count:
                self.close("said a second time what it has, and nothing new", useful=False)
                return
        torrent.picker.left(before)
        self.bits = self.pipeline.bits = bits
        torrent.picker.joined(bits)
        self.update_interest()
        if bits.full:
            self._on_full()
        elif self.fast and not self._described:
            self._grant()
        self._described = True

    def _on_full(self) -> None:
        if self.torrent.have.full:
            self.close("both are seeds", useful=False)

    def _grant(self) -> None:
        """Let a peer that has little begin while it is choked (BEP 6)."""
        torrent = self.torrent
        if self.bits.count >= NEEDY or torrent.limits.narrow:
            return
        pieces = allowed_fast_set(torrent.metainfo.infohash, self.address[0], len(self.bits))
        self.granted = {index for index in pieces if torrent.have[index] and not self.bits[index]}
        for index in sorted(self.granted):
            self.send(messages.allowed_fast(index))

    def _on_cancel(self, index: int, begin: int, length: int) -> None:
        self.flow.work += message_quota.REFUSED_REQUEST
        self.serving.cancel(index, begin, length)

    def _on_reject(self, index: int, begin: int, *_: Any) -> None:
        self.torrent.downloads.rejected(self.pipeline, index, begin, self.torrent.now())

    def _on_suggest(self, index: int, *_: Any) -> None:
        self.pipeline.suggest(index)

    def _on_allowed_fast(self, index: int, *_: Any) -> None:
        self.pipeline.allow(index)

    def _on_extended(self, sub_id: int, payload: bytes, *_: Any) -> None:
        if sub_id != 0 or not self.extended:
            return
        self.flow.work += message_quota.EXTENSION + len(payload) * message_quota.EXTENSION_BYTE
        said = ExtensionHandshake.parse(payload)
        if said.failed:
            self.close(said.failed, useful=False)
            return
        if said.client:
            self.client = said.client
        if said.reqq:
            self.pipeline.reqq = said.reqq
            self.pipeline.depth = min(self.pipeline.depth, said.reqq)
        self.upload_only = bool(said.upload_only)
        self.torrent.engine.own_host.report(said.yourip, self.address[0])
        if said.port and self.incoming:
            self.torrent.peers.learned_port(self, said.port)

    # -- figures -------------------------------------------------------------------------------------------------

    @property
    def moved(self) -> int:
        """Bytes of blocks that went to the peer, and of those that came from it and were wanted."""
        return self.pipeline.payload + self.serving.uploaded

    @property
    def download_rate(self) -> float:
        """Bytes a second of blocks from the peer."""
        return self.pipeline.rate.value(self.torrent.now())

    @property
    def upload_rate(self) -> float:
        """Bytes a second to the peer."""
        return self.sending.value(self.torrent.now())

    @property
    def snubbed(self) -> bool:
        """The peer holds our requests and sends nothing."""
        return self.pipeline.snubbed


Route = Callable[[Peer, Any, Any, Any], None]

_ROUTES: Dict[int, Route] = {
    messages.CHOKE: Peer._on_choke,
    messages.UNCHOKE: Peer._on_unchoke,
    messages.INTERESTED: Peer._on_interested,
    messages.NOT_INTERESTED: Peer._on_not_interested,
    messages.HAVE: Peer._on_have,
    messages.BITFIELD: Peer._on_bitfield,
    messages.HAVE_ALL: Peer._on_have_all,
    messages.HAVE_NONE: Peer._on_have_none,
    messages.CANCEL: Peer._on_cancel,
    messages.REJECT: Peer._on_reject,
    messages.SUGGEST: Peer._on_suggest,
    messages.ALLOWED_FAST: Peer._on_allowed_fast,
    messages.EXTENDED: Peer._on_extended,
}
