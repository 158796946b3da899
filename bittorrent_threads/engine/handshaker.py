"""A connection whose handshake (BEP 3) is not finished: dialled for one torrent, or accepted for any of the session.

The deadline is absolute: a peer that sends one byte after another does not extend it.
"""

from __future__ import annotations

from typing import Optional, Protocol

from ..net.interfaces import Address
from ..protocol.handshake import Handshake
from .interfaces.network import Network, Stream, Timer
from .joinable_torrent import JoinableTorrent


class Owner(Protocol):
    """The table of unfinished handshakes of a session."""

    peerid: bytes

    def torrent_of(self, infohash: bytes) -> Optional[JoinableTorrent]:
        """The torrent of this infohash, if it accepts connections now."""

    def on_done(self, handshaker: Handshaker, torrent: JoinableTorrent, stream: Stream) -> None:
        """The handshake is complete; the stream is handed over."""

    def on_failed(self, handshaker: Handshaker, reason: str) -> None:
        """The stream is closed."""


class Handshaker:
    """Owns a stream until the handshake is complete.

    Args:
        owner: Is told how the handshake ended.
        network: Gives the deadline timer.
        torrent: The torrent that the connection was dialled for; None for an accepted connection.
        address: The other end.
        timeout: Seconds from the connection to the end of the handshake.
    """

    def __init__(
        self, owner: Owner, network: Network, torrent: Optional[JoinableTorrent], address: Address, *, timeout: float
    ) -> None:
        self.torrent = torrent
        """Known from the start when we dialled, else as soon as the peer has sent the infohash."""
        self.address = address
        self.outgoing = torrent is not None
        if torrent is None:
            self.handshake = Handshake(None, owner.peerid)
        else:
            self.handshake = Handshake(torrent.infohash, owner.peerid, reserved=torrent.reserved)
        self._owner = owner
        self._network = network
        self._timeout = timeout
        self._stream: Optional[Stream] = None
        self._deadline: Optional[Timer] = None

    def attach(self, stream: Stream) -> None:
        """Take a stream that is being dialled or was accepted."""
        self._stream = stream
        stream.handler = self
        if not self.outgoing:
            self._start_clock()

    def close(self, reason: str) -> None:
        """Give the connection up."""
        self._stop_clock()
        if self._stream is not None:
            self._stream.close()
        self._owner.on_failed(self, reason)

    def on_connected(self) -> None:
        """The dial succeeded: send our handshake."""
        self._start_clock()
        self._send()

    def on_received(self, data: memoryview) -> None:
        """Read a part of the handshake; what follows it stays in ``handshake.leftover``."""
        handshake = self.handshake
        handshake.receive(data)
        ourselves = handshake.peerid == self._owner.peerid
        if self.torrent is None and handshake.infohash is not None and (ourselves or not handshake.failed):
            self.torrent = self._owner.torrent_of(handshake.infohash)
            if self.torrent is None:
                self.close("asked for a torrent that is not served here")
                return
            handshake.accept(self.torrent.reserved)
            self._send()
        if ourselves and not self.outgoing:
            # The end that dialled must see our peer id too, as only that end knows the address; it closes.
            return
        if handshake.failed:
            self.close(handshake.failed)
        elif handshake.done and self.torrent is not None and self._stream is not None:
            self._stop_clock()
            self._owner.on_done(self, self.torrent, self._stream)

    def on_drained(self) -> None:
        """Do nothing: nothing waits behind a handshake."""

    def on_closed(self, reason: str) -> None:
        """The dial failed, or the other end closed the connection."""
        self.close(self.handshake.failed or reason)

    def _send(self) -> None:
        data = self.handshake.data_to_send()
        if data and self._stream is not None:
            self._stream.send((data,))

    def _start_clock(self) -> None:
        self._deadline = self._network.call_later(self._timeout, self._expired)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _expired(self) -> None:
        self.close(f"no handshake within {self._timeout:.0f} s")
