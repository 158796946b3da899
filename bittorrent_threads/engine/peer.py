"""One peer of a torrent whose metadata is known: cuts what comes into messages and routes them.

What the peer sends goes to the torrent's ``downloads``, what it asks for to its own ``uploader``.  After every read the
peer is *touched*: once a pass, when all sockets were read, ``settle`` measures, requests more and uploads, so that a
batch of blocks costs one send.  Whatever the peer does wrong ends in ``close`` with the reason, never in an exception.

A peer costs no more than what it sends is worth: ``flow_control`` says when it is read.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from ..metainfo.bitfield import Bitfield
from ..protocol import dont_have, messages
from ..protocol.fast import allowed_fast_set
from ..protocol.handshake import Handshake
from ..protocol.messages import PIECE, REQUEST
from ..protocol.wire import Wire
from ..swarm import message_quota
from ..swarm.downloads import MAX_VIOLATIONS
from ..swarm.interfaces import BlockRequest
from ..swarm.pipeline import Pipeline
from ..swarm.rate import Rate
from ..swarm.uploads import Request
from .connection import Connection, Host
from .early_peer import EarlyPeer
from .interfaces.network import Stream
from .peer_content import PeerContent
from .peer_sender import PeerSender

NEEDY = 10
"""A peer with fewer pieces than this is let begin while it is choked (BEP 6)."""

MAX_SEED_BEFORE = 32
"""Times that a peer may be a seed and take a piece back (BEP 54)."""


class Peer(Connection):
    """A connection past its handshake that exchanges pieces.

    Args:
        host: The torrent.
        content: Its payload.
        stream: The bytes.
        handshake: What the peer said in the handshake.
        before: The ``EarlyPeer`` whose stream this one takes over, if the metadata came later.
    """

    def __init__(
        self,
        host: Host,
        content: PeerContent,
        stream: Stream,
        handshake: Handshake,
        before: Optional[EarlyPeer] = None,
    ) -> None:
        have = content.have
        if before is None:
            wire = Wire(len(have), fast=handshake.fast, objection=host.extensions.objection)
        else:
            wire = before.wire
        super().__init__(host, stream, handshake, wire, before)
        self.bits = Bitfield(len(have))
        self.granted: Set[int] = set()
        """Pieces we let the peer ask for even while we choke it (BEP 6)."""
        self.sender = PeerSender(self.address, self.peerid, host.ban)
        self.pipeline = Pipeline(self, self.bits, self._settings)
        self._have = have
        self._picker = content.picker
        self._downloads = content.downloads
        self._exchange = content.exchange
        self._limits = content.limits
        self._lifecycle = content.lifecycle
        self._log = content.exchange.log
        self._seed_mode = content.seed_mode
        self.veiled = False
        """We super-seed: the peer is told only of the pieces that it is offered (BEP 16)."""
        self.uploader = content.uploader(self)
        self.sending = Rate()
        self.told = self._log.end
        """Position in the log of our pieces up to which the peer was told."""
        self.described = False
        """The peer has said what it has."""
        self._took_back = False
        """The peer has said that it does not have a piece any more (BEP 54)."""
        self._seed_before = 0
        """How often it was a seed and took a piece back."""
        self._asked_mark = 0
        """Byte of the stream at which our last requests end."""
        self._moved_before = 0

    def open(self) -> None:
        """Say what we have and can, and read what came behind the handshake."""
        have = self._have
        self._exchange.add(self)
        self._seed_mode.admit(self)
        if self.veiled:
            if self.fast:
                self.send(messages.HAVE_NONE_MESSAGE)
        elif self.fast and have.full:
            self.send(messages.HAVE_ALL_MESSAGE)
        elif self.fast and have.empty:
            self.send(messages.HAVE_NONE_MESSAGE)
        elif not have.empty:
            self.send(messages.bitfield(bytes(have)))
        self.introduce()
        self.tell_dht_port()
        if self.handshake.leftover:
            self.on_received(memoryview(self.handshake.leftover))

    def go_on(self, before: EarlyPeer) -> None:
        """The metadata is known: take what the peer said before, as if it had just come."""
        before.hand_over(self)
        self._exchange.add(self)
        self._limit_pipeline()
        self.interested = before.interested
        if self.host.private:
            self.extensions.forbid()
        self.introduce()  # we have the metadata now
        if before.unchoked:
            self._on_unchoke()
        for kind, a, b, c in self.wire.set_piece_count(len(self.bits)):
            _ROUTES[kind](self, a, b, c)
            if self.closed:
                return
        if self.wire.failed:
            self.close(self.wire.failed, useful=False)
        else:
            self.on_readable_again()

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
        """Tell the peer of the pieces that it was not told of, unless it does not read."""
        log = self._log
        if self.told != log.end and not self.veiled and not self.flow.stuffed:
            self.told, message = log.told(self.told)
            self.stream.send((message,))

    def on_end(self) -> None:
        """What the peer was asked for, others may be asked for now."""
        self._exchange.remove(self)
        if self.veiled:
            self._seed_mode.left(self)
        self._downloads.left(self.pipeline)
        self._picker.left(self.bits)

    # -- the stream ------------------------------------------------------------------------------------------------

    def on_received(self, data: memoryview) -> None:  # noqa: C901 - hot path, without further calls
        """Hot path: every byte of every peer passes here."""
        pipeline, flow = self.pipeline, self.flow
        block, blocks = self._downloads.block, self._downloads.blocks
        waiting = self.wire.partial
        found = self.wire.receive(data)
        asked: List[Request] = []
        for kind, a, b, c in found:
            if kind == PIECE:
                if len(c) == 1:
                    block(pipeline, a, b, c[0])
                else:
                    blocks(pipeline, a, b, c)
            elif kind == REQUEST:
                asked += a
            else:
                if asked:
                    flow.work += self.uploader.add(asked)
                    asked = []
                flow.work += message_quota.MESSAGE
                route = _ROUTES.get(kind)
                if route is not None:
                    route(self, a, b, c)
                if self.closed:
                    return
        if asked:
            flow.work += self.uploader.add(asked)
        now = self._now()
        self.timeouts.received_at = now
        flow.charge(now)
        if self.wire.failed:
            self.close(self.wire.failed, useful=False)
        elif self.uploader.failed:
            self.close(self.uploader.failed, useful=False)
        elif pipeline.violations > MAX_VIOLATIONS:
            self.close(f"sent {pipeline.violations} blocks or rejects that were not asked for", useful=False)
        elif flow.exhausted(now):
            self.close(f"sent more messages than it may for {message_quota.MAX_EXCESS:.0f} s", useful=False)
        else:
            if found or not waiting:
                self.timeouts.message_at = now
            self._exchange.touch(self)

    def on_readable_again(self) -> None:
        """The flow control lets the peer's messages through again: first those that were read already."""
        if self.wire.held:
            self.on_received(memoryview(b""))
        else:
            self._exchange.touch(self)

    def on_drained(self) -> None:
        """There is room for more to send."""
        if self._limits.narrow:
            self._exchange.touch_all()  # it may be the turn of another
        self._exchange.touch(self)

    # -- the end of a pass, and of a second --------------------------------------------------------------------------

    def settle(self, now: float) -> None:
        """Measure what came, request more, upload."""
        pipeline, stream = self.pipeline, self.stream
        pipeline.measure(now)
        if self.interesting and stream.sent >= self._asked_mark:
            self._downloads.refill(pipeline, now)
        self.measure_sent(now)
        if self.veiled:
            self._seed_mode.offer(self, now)
        self.uploader.pump()
        self.flow.settle(len(pipeline.outstanding), held=self.wire.held, now=now)

    def measure_sent(self, now: float) -> None:
        """Note how much the system took of what waits for the peer."""
        # Not only once a second: what is read ahead follows the rate, and a fast peer had 128 KiB until the first tick
        # (to aria2 at 1.47 s of processor a GiB, now 1.19; to libtorrent at 390 MB/s, now 435).
        sent = self.stream.sent
        if sent != self._sent_before:
            self.sending.add(sent - self._sent_before, now)
            self._sent_before = sent
            self.last_sent = self.timeouts.taken_at = now
        elif not self.stream.blocked:
            self.timeouts.taken_at = now

    def on_tick(self, now: float) -> None:
        """Look for requests that are not answered, and tell the peer of our pieces."""
        moved = self.moved
        if moved != self._moved_before or not self._lifecycle.active:
            self._moved_before = moved
            self.moved_at = now
        self._downloads.tick(self.pipeline, now, departure=self._limits.departure)
        self.tell_haves()

    def update_interest(self) -> None:
        """Tell the peer whether it has something that we want."""
        interesting = self._picker.interesting(self.bits)
        if interesting != self.interesting:
            self.interesting = interesting
            self.send(messages.INTERESTED_MESSAGE if interesting else messages.NOT_INTERESTED_MESSAGE)
            if interesting:
                self._exchange.touch(self)

    # -- what we decide ----------------------------------------------------------------------------------------------

    def choke(self) -> None:
        """Let the peer ask no more."""
        if not self.choked:
            super().choke()
            self.uploader.choke()

    # -- what the peer says ------------------------------------------------------------------------------------------

    def _on_choke(self, *_: Any) -> None:
        self.pipeline.on_choke()
        if not self.fast:
            # With BEP 6 each request is answered, by a block or a reject; without, a choke forgets them all.
            self._downloads.release(self.pipeline)

    def _on_unchoke(self, *_: Any) -> None:
        self.pipeline.on_unchoke()

    def _on_have(self, index: int, *_: Any) -> None:
        self.pipeline.refused.pop(index, None)
        if self.bits.set(index):
            picker = self._picker
            picker.gained(self.bits, index)
            if self.veiled:
                self._seed_mode.gained(self, index)
            if not self.interesting and picker.wants(index):
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
        picker = self._picker
        before = self.bits
        if self.described:
            both = before.as_int() | bits.as_int()
            bits = Bitfield(len(bits), both.to_bytes(len(bytes(bits)), "big"))
            if bits.count == before.count or self._took_back:
                # A peer that takes pieces back and has them again says so by HAVE (BEP 54).
                self.close("said a second time what it has, and nothing new", useful=False)
                return
        picker.left(before)
        self.bits = self.pipeline.bits = bits
        picker.joined(bits)
        if self.veiled:
            self._seed_mode.on_described(self, before)
        self.update_interest()
        if bits.full:
            self._on_full()
        elif self.fast and not self.described and not self.veiled:
            self._grant()
        self.described = True

    def take_back(self, index: int) -> str:
        """The peer does not have a piece any more (BEP 54); whether it still interests us is seen within a second."""
        if index >= len(self.bits):
            return f"{dont_have.NAME} of piece {index}, there are {len(self.bits)}"
        if self.bits.full:
            # Seeds are counted apart, and so this is the only message here that costs work for every piece.
            self._seed_before += 1
            self.flow.work += len(self.bits) / 8 * message_quota.BITFIELD_BYTE
            if self._seed_before > MAX_SEED_BEFORE:
                return f"was a seed and took a piece back {self._seed_before} times"
        if self.bits.clear(index):
            self._took_back = True
            self._picker.retracted(self.bits, index)
            if not self.fast:
                # It will not say which requests it drops.  Blocks of other pieces that come are still taken.
                self._downloads.release(self.pipeline)
        return ""

    def _on_full(self) -> None:
        if self._have.full:
            self.close("both are seeds", useful=False)
            self._seed_mode.on_seed()

    def _grant(self) -> None:
        """Let a peer that has little begin while it is choked (BEP 6)."""
        if self.bits.count >= NEEDY or self._limits.narrow:
            return
        pieces = allowed_fast_set(self.host.infohash, self.address[0], len(self.bits))
        self.granted = {index for index in pieces if self._have[index] and not self.bits[index]}
        for index in sorted(self.granted):
            self.send(messages.allowed_fast(index))

    def _on_cancel(self, index: int, begin: int, length: int) -> None:
        self.flow.work += message_quota.REFUSED_REQUEST
        self.uploader.cancel(index, begin, length)

    def _on_reject(self, index: int, begin: int, *_: Any) -> None:
        self._downloads.rejected(self.pipeline, index, begin, self._now())

    def _on_extended(self, sub_id: int, payload: bytes, *_: Any) -> None:
        self.on_extended(sub_id, payload)
        self._limit_pipeline()

    def _limit_pipeline(self) -> None:
        if self.reqq:
            self.pipeline.reqq = self.reqq
            self.pipeline.depth = min(self.pipeline.depth, self.reqq)

    # -- figures -------------------------------------------------------------------------------------------------

    @property
    def moved(self) -> int:
        """Bytes of blocks that went to the peer, and of those that came from it and were wanted."""
        return self.pipeline.payload + self.uploader.uploaded

    @property
    def downloaded(self) -> int:
        """Bytes of blocks that came from the peer, wanted or not."""
        return self.pipeline.payload + self.pipeline.wasted

    @property
    def uploaded(self) -> int:
        """Bytes of blocks that went to the peer."""
        return self.uploader.uploaded

    @property
    def wasted(self) -> int:
        """Bytes of blocks that came for nothing."""
        return self.pipeline.wasted

    @property
    def download_rate(self) -> float:
        """Bytes a second of blocks from the peer."""
        return self.pipeline.rate.value(self._now())

    @property
    def upload_rate(self) -> float:
        """Bytes a second to the peer."""
        return self.sending.value(self._now())

    @property
    def snubbed(self) -> bool:
        """The peer holds our requests and sends nothing."""
        return self.pipeline.snubbed

    def exchanged(self) -> Tuple[int, bool, bool, int, int]:
        """Pieces of the peer, whether it has all, whether it chokes us, our requests to it and its requests to us."""
        bits, pipeline = self.bits, self.pipeline
        return bits.count, bits.full, pipeline.choked, len(pipeline.outstanding), len(self.uploader)


Route = Callable[[Peer, Any, Any, Any], None]

_ROUTES: Dict[int, Route] = {
    messages.CHOKE: Peer._on_choke,
    messages.UNCHOKE: Peer._on_unchoke,
    messages.INTERESTED: lambda peer, *_: peer.set_interested(True),
    messages.NOT_INTERESTED: lambda peer, *_: peer.set_interested(False),
    messages.HAVE: Peer._on_have,
    messages.BITFIELD: Peer._on_bitfield,
    messages.HAVE_ALL: Peer._on_have_all,
    messages.HAVE_NONE: Peer._on_have_none,
    messages.CANCEL: Peer._on_cancel,
    messages.REJECT: Peer._on_reject,
    messages.SUGGEST: lambda peer, index, *_: peer.pipeline.suggest(index),
    messages.ALLOWED_FAST: lambda peer, index, *_: peer.pipeline.allow(index),
    messages.PORT: lambda peer, port, *_: peer.on_port(port),
    messages.EXTENDED: Peer._on_extended,
}
