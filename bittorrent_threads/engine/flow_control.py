"""When a peer is read: not while it does not read itself, nor while its messages take more than their share of time.

Three rules bound what a remote end costs.  Above ``MAX_ANSWERS`` bytes or ``MAX_WAITING`` buffers of answers that the
peer does not take, nothing more is read from it, so that answers cannot pile up, whatever they answer.  Beyond its
share of the network thread (``swarm.message_quota``) the peer is read when its share allows it.  And one read takes no
more than the blocks that were requested and ``LEAST_READ``, so that what is read at once cannot be messages alone.
"""

from __future__ import annotations

from typing import Optional, Protocol

from ..protocol.wire import MAX_PIECE_MESSAGE
from ..settings import Settings
from ..swarm.message_quota import Budget, MessageQuota
from .interfaces.network import Network, Stream, Timer

MAX_ANSWERS = 256 * 1024
"""Bytes, beside blocks, that may wait for a peer that does not read; with more it is not read either."""

MAX_WAITING = 8192
"""Buffers, blocks included, that may wait for a peer that does not read; with more it is not read either."""

LEAST_READ = 64 * 1024
"""Bytes of one read beyond the blocks that were requested: 7,000 HAVEs."""


class Reader(Protocol):
    """The peer."""

    stream: Stream

    def on_readable_again(self) -> None:
        """Take what was read already, or read on."""


class Host(Protocol):
    """The session."""

    network: Network
    message_budget: Budget


class FlowControl:
    """The reading of one peer."""

    def __init__(self, reader: Reader, host: Host, settings: Settings) -> None:
        self.work = 0.0
        """Estimated seconds of the network thread, beside blocks and requests, that were not charged yet."""
        self.gated = False
        """Nothing is read from the peer for now."""
        self.reader = reader
        self._network = host.network
        self._quota = MessageQuota(host.message_budget, host.network.now())
        self._most_backlog = settings.send_high_water + MAX_ANSWERS
        self._timer: Optional[Timer] = None
        reader.stream.read_limit = LEAST_READ

    @property
    def stuffed(self) -> bool:
        """Whether so much waits for the peer that nothing more is read from it or sent to it before it reads."""
        stream = self.reader.stream
        return stream.backlog > self._most_backlog or stream.waiting > MAX_WAITING

    def charge(self, now: float) -> None:
        """Charge the peer for its messages since the last call."""
        if self.work:
            self._quota.charge(self.work, now)
            self.work = 0.0

    def exhausted(self, now: float) -> bool:
        """Whether the peer has been beyond its share for too long."""
        return self._quota.exhausted(now)

    def settle(self, asked: int, *, held: int, now: float) -> None:
        """Decide at the end of a pass whether to read the peer.

        ``asked`` blocks are on their way from it, ``held`` bytes were read already and wait for their turn.
        """
        stream = self.reader.stream
        stream.read_limit = LEAST_READ + asked * MAX_PIECE_MESSAGE
        stuffed, wait = self.stuffed, self._quota.wait(now)
        later = wait > 0.0 or held > 0
        if later and not stuffed and self._timer is None:
            self._timer = self._network.call_later(wait, self._resume)
        if self.gated != (later or stuffed):
            self.gated = not self.gated
            if self.gated:
                stream.pause()
            else:
                stream.resume()

    def close(self) -> None:
        """The peer has gone."""
        self._quota.close()
        if self._timer is not None:
            self._timer.cancel()

    def _resume(self) -> None:
        self._timer = None
        if not self.stuffed:
            self.reader.on_readable_again()
