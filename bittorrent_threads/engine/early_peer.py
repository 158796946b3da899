"""A peer of a torrent whose metadata is not known yet: connected, and waiting to exchange pieces.

The wire keeps what the peer says of its pieces, in bounded memory, until the number of pieces is known
(``protocol.early_availability``).  Nothing can be requested or sent, so requests are rejected.  When the metadata is
known, a ``Peer`` takes over the stream.
"""

from __future__ import annotations

from typing import Any, Optional

from ..protocol import messages
from ..protocol.handshake import Handshake
from ..protocol.wire import Wire
from ..swarm import message_quota
from ..swarm.downloads import MAX_VIOLATIONS
from ..swarm.uploads import MAX_REFUSED
from .connection import Connection, Host
from .interfaces.network import Stream

LEAST_MESSAGE = 9
"""Bytes of a HAVE: the peer is charged as if all that it sends were HAVEs, which the wire takes out of the stream."""


class EarlyPeer(Connection):
    """A connection past its handshake, before the metadata.

    Args:
        host: The torrent.
        stream: The bytes.
        handshake: What the peer said in the handshake.
    """

    def __init__(self, host: Host, stream: Stream, handshake: Handshake) -> None:
        super().__init__(host, stream, handshake, Wire(None, fast=handshake.fast, objection=host.extensions.objection))
        self.unchoked = False
        """The peer lets us ask."""
        self._refused = 0
        self._unasked = 0
        self._successor: Optional[Connection] = None

    def open(self) -> None:
        """Say that we have nothing, and what we can; then read what came behind the handshake."""
        if self.fast:
            self.send(messages.HAVE_NONE_MESSAGE)
        self.introduce()
        self.tell_dht_port()
        if self.handshake.leftover:
            self.on_received(memoryview(self.handshake.leftover))

    def hand_over(self, successor: Connection) -> None:
        """Let another connection have the stream; what extension handlers ask of this one, that one does."""
        self._successor = successor

    def send(self, message: bytes) -> None:
        """Queue one message, or several joined."""
        if self._successor is None:
            super().send(message)
        else:
            self._successor.send(message)

    def close(self, reason: str, *, useful: bool = True) -> None:
        """End the connection; idempotent."""
        if self._successor is None:
            super().close(reason, useful=useful)
        else:
            self._successor.close(reason, useful=useful)

    def take_back(self, index: int) -> str:
        """The peer does not have a piece any more (BEP 54)."""
        if self._successor is not None:
            return self._successor.take_back(index)
        return self.wire.take_back(index)

    def set_upload_only(self, upload_only: bool) -> None:
        """The peer says that it wants no piece (BEP 21), or that it wants some again."""
        if self._successor is None:
            super().set_upload_only(upload_only)
        else:
            self._successor.set_upload_only(upload_only)

    def on_end(self) -> None:
        """Do nothing: a connection before the metadata uses nothing else."""

    def on_tick(self, now: float) -> None:
        """Do nothing else once a second."""

    def on_received(self, data: memoryview) -> None:
        """Read messages; those about pieces stay in the wire."""
        flow = self.flow
        waiting = self.wire.partial
        found = self.wire.receive(data)
        flow.work += len(data) // LEAST_MESSAGE * message_quota.MESSAGE
        for kind, a, b, c in found:
            flow.work += message_quota.MESSAGE
            self._take(kind, a, b, c)
            if self.closed:
                return
        now = self._now()
        self.timeouts.received_at = now
        flow.charge(now)
        if self.wire.failed:
            self.close(self.wire.failed, useful=False)
        elif self._unasked > MAX_VIOLATIONS:
            self.close(f"sent {self._unasked} blocks or rejects that were not asked for", useful=False)
        elif self._refused > MAX_REFUSED:
            self.close(f"asked {self._refused} times for pieces we do not have", useful=False)
        elif flow.exhausted(now):
            self.close(f"sent more messages than it may for {message_quota.MAX_EXCESS:.0f} s", useful=False)
        else:
            if found or not (waiting and self.wire.partial):
                self.timeouts.message_at = now
            flow.settle(0, held=self.wire.held, now=now)

    def on_readable_again(self) -> None:
        """The flow control lets messages through again: first those that were read already."""
        if self.wire.held:
            self.on_received(memoryview(b""))
        else:
            self.flow.settle(0, held=0, now=self._now())

    def on_drained(self) -> None:
        """The peer reads again: read it, too."""
        self.flow.settle(0, held=self.wire.held, now=self._now())

    def _take(self, kind: int, a: Any, b: Any, c: Any) -> None:
        if kind == messages.UNCHOKE:
            self.unchoked = True
        elif kind == messages.CHOKE:
            self.unchoked = False
        elif kind in (messages.INTERESTED, messages.NOT_INTERESTED):
            self.set_interested(kind == messages.INTERESTED)
        elif kind == messages.EXTENDED:
            self.on_extended(a, b)
        elif kind == messages.PORT:
            self.on_port(a)
        elif kind == messages.REQUEST:
            self._refused += len(a)
            if self.fast:
                self.send(messages.rejects(a))
        elif kind == messages.PIECE:
            self._unasked += len(c)
        elif kind == messages.REJECT:
            self._unasked += 1
