"""``UdpSocket``: one UDP socket of an address family, shared by all protocols that send datagrams.

The rule: no datagram, and no error that one causes, closes the socket or delays the rest of the loop.  A pass of the
loop reads and sends a bounded number of datagrams, the send queue is bounded in datagrams and bytes, and a datagram
that the system refuses is dropped, as the network may drop any.
"""

from __future__ import annotations

import collections
import errno
import selectors
import socket
from typing import Deque, Optional, Tuple

from .demultiplexer import Demultiplexer
from .interfaces import Address, Buffer, Claim, DatagramHandler, EventLoop
from .os_errors import describe
from .socket_addresses import Place, address_of, place_of

MAX_BATCH = 32
"""Datagrams that are read, and that are sent, in a pass; at 1,500 bytes that is as much as three blocks."""
MAX_CONTENDED_BATCH = 4
"""The same while another thread holds the GIL: each system call may take 5 ms then."""
MAX_QUEUED = 1000
MAX_QUEUED_BYTES = 1024 * 1024
"""Bounds of the send queue, as it fills when the system takes no more."""
MAX_DATAGRAM = 65535
"""Bytes that a UDP header can tell of."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds without reading when every read fails; doubled until one succeeds."""

_TRANSIENT = {errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EMSGSIZE, errno.ENETRESET}
_TRANSIENT |= {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EPERM, errno.ETIMEDOUT, errno.EINTR}
"""Errors that earlier datagrams caused (ICMP), one for each read; any other error pauses reading."""
_FAMILIES = {socket.AF_INET: 4, socket.AF_INET6: 6}


class UdpSocket:
    """A bound UDP socket; made by ``Loop.datagram``.

    Attributes:
        family: 4 or 6.
        address: Numeric host and port that it is bound to.
        sent: Bytes that the system has taken.
        received: Bytes that have come, in datagrams of any protocol.
        dropped: Datagrams that were not sent because the queue was full or the system refused them.
        closed: The socket is closed: nothing is sent or received any more.
    """

    def __init__(self, loop: EventLoop, sock: socket.socket) -> None:
        self.family = _FAMILIES[socket.AddressFamily(sock.family)]
        self.address: Address = sock.getsockname()[:2]
        self.sent = 0
        self.received = 0
        self.dropped = 0
        self.closed = False
        self._loop = loop
        self._socket = sock
        self._protocols = Demultiplexer()
        self._memory = memoryview(bytearray(MAX_DATAGRAM))
        self._queue: Deque[Tuple[Buffer, Address, Optional[DatagramHandler]]] = collections.deque()
        self._queued_bytes = 0
        self._blocked = False
        """The system takes no more; the socket is selected for writing until it does."""
        self._flush_pending = False
        self._sent_at_once = 0
        """Datagrams of this pass that were sent without having been in the queue."""
        self._pausing = False
        self._pause = FIRST_PAUSE
        loop.selection.add(self)
        loop.selection.select(sock, selectors.EVENT_READ, self)

    @property
    def unclaimed(self) -> int:
        """Datagrams that belonged to no protocol."""
        return self._protocols.unclaimed

    @property
    def waiting(self) -> int:
        """Datagrams in the send queue."""
        return len(self._queue)

    def add(self, handler: DatagramHandler, claim: Claim) -> None:
        """Give ``handler`` the datagrams that ``claim`` is true for and no earlier handler has claimed."""
        self._protocols.add(handler, claim)

    def remove(self, handler: DatagramHandler) -> None:
        """Give ``handler`` no more datagrams; harmless if it was removed already."""
        self._protocols.remove(handler)

    def send(self, data: Buffer, address: Address, handler: Optional[DatagramHandler] = None) -> bool:
        """Send a datagram at once, or at the end of this pass of the loop at the latest, unless the system is busy.

        At once, so that the other end works while the next datagram is made.  What the system refuses then is queued
        and tried again, because its sender is in the middle of something and must not be told now.

        Args:
            data: The payload, which must not change until it is sent.
            address: Numeric host of this family, and port.
            handler: Told with ``on_unsent`` if the system refuses the datagram.

        Returns:
            False if the queue is full or the socket closed: the datagram is dropped.
        """
        if self.closed:
            return False
        if len(self._queue) >= MAX_QUEUED or self._queued_bytes + len(data) > MAX_QUEUED_BYTES:
            self.dropped += 1
            return False
        self._flush_later()
        if not self._queue and not self._blocked and self._sent_at_once < self._batch:
            self._sent_at_once += 1
            try:
                self.sent += self._send_one(data, place_of(address, family=self.family))
                return True
            except BlockingIOError:
                self._blocked = True
            except (OSError, ValueError, OverflowError):
                pass  # found out again, and told, when it is sent from the queue
        self._queue.append((data, address, handler))
        self._queued_bytes += len(data)
        return True

    def close(self) -> None:
        """Close the socket and drop what is queued; idempotent."""
        if not self.closed:
            self.closed = True
            self._queue.clear()
            self._queued_bytes = 0
            self._loop.selection.remove_and_close(self._socket, self)

    # -- called by the loop ----------------------------------------------------------------------------------------

    def on_readable(self) -> None:
        """Read a batch of datagrams and hand them to their protocols.

        What a protocol sends leaves before the next one is read: the other end works meanwhile.
        """
        for _ in range(self._batch):
            if self.closed:
                return
            try:
                size, sender = self._socket.recvfrom_into(self._memory)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _TRANSIENT:
                    continue
                self._pause_reading()
                return
            self._pause = FIRST_PAUSE
            self.received += size
            self._deliver(self._memory[:size], address_of(sender))
            if self._queue and not self._blocked:
                self._send_batch(self._batch)

    def on_writable(self) -> None:
        """Send more of the queue at the end of this pass."""
        self._blocked = False
        self._flush_later()

    def flush(self) -> None:
        """Send a batch of the queue, and have the loop select for what is wanted."""
        self._flush_pending = False
        room, self._sent_at_once = self._batch - self._sent_at_once, 0
        if self.closed:
            return
        if not self._blocked:
            self._send_batch(room)
        if not self.closed:  # a handler may have closed it
            self._select()

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _batch(self) -> int:
        return MAX_CONTENDED_BATCH if self._loop.gil_contention.high else MAX_BATCH

    def _flush_later(self) -> None:
        if not (self._flush_pending or self.closed):
            self._flush_pending = True
            self._loop.flush_later(self)

    def _select(self) -> None:
        mask = 0 if self._pausing else selectors.EVENT_READ
        self._loop.selection.select(self._socket, mask | selectors.EVENT_WRITE if self._queue else mask, self)

    def _deliver(self, data: memoryview, address: Address) -> None:
        if not data or not address[1]:  # nothing to tell a protocol by, or a sender that cannot be answered
            return
        try:
            handler = self._protocols.find(data)
            if handler is not None:
                handler.on_datagram(data, address)
        except Exception as error:  # our own bug; the socket belongs to other protocols too
            self._loop.report_fault(error)

    def _send_batch(self, most: int) -> None:
        """Send the first datagrams of the queue."""
        for _ in range(min(most, len(self._queue))):
            data, address, handler = self._queue[0]
            failure = ""
            try:
                place = place_of(address, family=self.family)
            except ValueError as error:
                failure = str(error)
            else:
                try:
                    self.sent += self._send_one(data, place)
                except BlockingIOError:
                    self._blocked = True
                    return
                except OverflowError:
                    failure = f"port {address[1]} is not 0 to 65535"
                except OSError as error:
                    failure = describe(error)
            self._queue.popleft()
            self._queued_bytes -= len(data)
            if failure:
                self.dropped += 1
                self._tell_unsent(handler, address, failure)
                if self.closed:
                    return

    def _send_one(self, data: Buffer, place: Place) -> int:
        try:
            return self._socket.sendto(data, place)
        except (ConnectionRefusedError, ConnectionResetError):
            # The answer (ICMP) to an earlier datagram, which the system reports once, and sends nothing meanwhile.
            return self._socket.sendto(data, place)

    def _tell_unsent(self, handler: Optional[DatagramHandler], address: Address, reason: str) -> None:
        if handler is not None:
            try:
                handler.on_unsent(address, reason)
            except Exception as error:
                self._loop.report_fault(error)

    def _pause_reading(self) -> None:
        self._pausing = True
        self._loop.call_later(self._pause, self._resume_reading)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._select()

    def _resume_reading(self) -> None:
        self._pausing = False
        if not self.closed:
            self._select()
