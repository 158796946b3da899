"""A connection that has not finished its handshake: ours to a peer of a torrent, or a stranger's to any of them.

The deadline is absolute: a peer that drips bytes gains nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..protocol.handshake import Handshake
from .interfaces import Address, Stream, Timer

if TYPE_CHECKING:
    from .engine import Engine
    from .torrent import Torrent


class Handshaker:
    """Owns the stream until the handshake is done; ``torrent`` is known from the start when we dialled."""

    def __init__(self, engine: Engine, torrent: Optional[Torrent], address: Address) -> None:
        self.torrent = torrent
        self.address = address
        self.outgoing = torrent is not None
        self.handshake = Handshake(None if torrent is None else torrent.metainfo.infohash, engine.peerid)
        self._engine = engine
        self._stream: Optional[Stream] = None
        self._deadline: Optional[Timer] = None

    def attach(self, stream: Stream) -> None:
        """The stream is there: being dialled, or accepted."""
        self._stream = stream
        stream.handler = self
        if not self.outgoing:
            self._start_clock()

    def close(self, reason: str) -> None:
        """Give the connection up."""
        self._stop_clock()
        if self._stream is not None:
            self._stream.close()
        self._engine.greeting_failed(self, reason)

    def on_connected(self) -> None:
        """The dial succeeded: greet."""
        self._start_clock()
        self._send()

    def on_received(self, data: memoryview) -> None:
        """Part of the handshake, and perhaps what follows it."""
        handshake = self.handshake
        handshake.receive(data)
        ourselves = handshake.peerid == self._engine.peerid
        if self.torrent is None and handshake.infohash is not None and (ourselves or not handshake.failed):
            self.torrent = self._engine.serving(handshake.infohash)
            if self.torrent is None:
                self.close("asked for a torrent that is not served here")
                return
            handshake.accept()
            self._send()
        if ourselves and not self.outgoing:
            # The end that dialled must see it too, for it alone knows the address; it hangs up.
            return
        if handshake.failed:
            self.close(handshake.failed)
        elif handshake.done and self.torrent is not None and self._stream is not None:
            self._stop_clock()
            self._engine.greeted(self, self.torrent, self._stream)

    def on_drained(self) -> None:
        """Nothing waits behind a handshake."""

    def on_closed(self, reason: str) -> None:
        """The dial failed, or the other end hung up."""
        self.close(self.handshake.failed or reason)

    def _send(self) -> None:
        data = self.handshake.data_to_send()
        if data and self._stream is not None:
            self._stream.send((data,))

    def _start_clock(self) -> None:
        engine = self._engine
        self._deadline = engine.network.call_later(engine.settings.handshake_timeout, self._expired)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _expired(self) -> None:
        self.close(f"no handshake within {self._engine.settings.handshake_timeout:.0f} s")
