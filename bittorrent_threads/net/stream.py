"""``TcpStream``: a TCP connection, read into shared memory and written from a queue of buffers without a copy.

The rule: the system is told nothing before the end of a pass.  ``send``, ``pause`` and ``resume`` only note what is
wanted; ``flush`` then makes one ``sendmsg`` for all that waits, and changes the selector at most once.  SO_RCVBUF and
SO_SNDBUF are never set, because that would stop the kernel from growing its buffers.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import itertools
import os
import selectors
import socket
import sys
from typing import Deque, List, Optional, Sequence, Tuple

from .gil_contention import LONG, GilContention
from .interfaces import Address, Buffer, EventLoop, MessageReader, StreamHandler
from .os_errors import describe, describe_code
from .socket_addresses import Place, place_of
from .sockets import Socket
from .source_address import source_of
from .throttle import KEEP_PLACE, LEAVE, LOAN, MAX_UNFINISHED, REQUEUE, SHORT, Throttle
from .timers import Timer

try:
    MAX_GATHER = os.sysconf("SC_IOV_MAX")
except (AttributeError, OSError, ValueError):
    MAX_GATHER = 16
"""Buffers of one ``sendmsg``; POSIX guarantees 16."""
MAX_JOIN = 256 * 1024
"""Bytes that are joined for one ``send`` where there is no ``sendmsg`` (Windows)."""
GATHERING = hasattr(socket.socket, "sendmsg")

_PENDING = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR)


class TcpStream:
    """One TCP connection; made by ``dial`` or by a listener.

    Attributes:
        handler: The owner of the connection; None after ``close``.
        address: Numeric host and port of the other end.
        incoming: The other end dialled.
        low_water: Bytes that wait to be sent at which the handler is told ``on_drained``.
        read_limit: Bytes that one read takes at most.
        reader: The parser of the received bytes; None until the handshake is done.
        sent: Bytes that the system has taken.
        taken: Buffers that it has taken.
        received: Bytes that were read.
        closed: The connection is closed.
    """

    def __init__(self, loop: EventLoop, sock: Optional[socket.socket], address: Address, *, incoming: bool) -> None:
        self.handler: Optional[StreamHandler] = None
        self.address = address
        self.incoming = incoming
        self.low_water = 0
        self.read_limit = sys.maxsize
        self.reader: Optional[MessageReader] = None
        self.sent = 0
        self.taken = 0
        self.received = 0
        self.closed = False
        self._loop = loop
        self._socket = sock
        self._connecting = not incoming
        self._deadline: Optional[Timer] = None
        self._paused = False
        self._blocked = False
        """The system took less than all; the socket is selected for writing until it takes more."""
        self._read_queued = False
        self._write_queued = False
        """The stream waits in a throttle queue."""
        self._flush_pending = False
        """The loop calls ``flush`` at the end of this pass."""
        self._read_throttles: Tuple[Throttle, ...] = (loop.download,)
        self._write_throttles: Tuple[Throttle, ...] = (loop.upload,)
        self._queue: Deque[Buffer] = collections.deque()
        self._partly_sent = False
        """A part of the first buffer in the queue was sent."""
        self._backlog = 0
        loop.selection.add(self)
        self._flush_later()

    @property
    def backlog(self) -> int:
        """Bytes that were passed to ``send`` and that the system has not taken."""
        return self._backlog

    @property
    def waiting(self) -> int:
        """Buffers that hold these bytes."""
        return len(self._queue)

    @property
    def blocked(self) -> bool:
        """True if bytes wait because the other end does not read; false if a throttle holds them."""
        return self._blocked

    @property
    def held(self) -> bool:
        """True while a throttle keeps the stream from reading or sending."""
        return self._read_queued or self._write_queued

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Queue buffers, which leave together at the end of the pass.

        Args:
            buffers: Bytes to send.  They are not copied and must not change until they are sent.
        """
        if self.closed:
            return
        self._queue.extend(filter(None, buffers))
        self._backlog += sum(map(len, buffers))
        self._flush_later()

    def withdraw(self, number: int, count: int) -> int:
        """Do not send buffers that wait; as ``engine.interfaces.Stream``."""
        queue, place = self._queue, number - self.taken
        if place < 0 or (place == 0 and self._partly_sent):
            return 0
        size = 0
        for each in range(place, min(place + count, len(queue))):
            size += len(queue[each])
            queue[each] = b""  # the numbers of the others stay as they are
        self._backlog -= size
        self._drop(0)
        return size

    def pause(self) -> None:
        """Stop reading, so that TCP slows the other end down; its close is noticed after ``resume`` only."""
        if not self._paused:
            self._paused = True
            self._flush_later()

    def resume(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            self._flush_later()

    def limit(self, *, read: Sequence[Throttle] = (), write: Sequence[Throttle] = ()) -> None:
        """Set the throttles that the stream is under besides those of the loop.

        Args:
            read: Throttles of received bytes.
            write: Throttles of sent bytes.
        """
        self._read_throttles = (self._loop.download, *read)
        self._write_throttles = (self._loop.upload, *write)

    def close(self) -> None:
        """Close now, drop what is queued, and call the handler no more; idempotent."""
        if self.closed:
            return
        self.closed = True
        self.handler = None
        self._queue.clear()
        self._backlog = 0
        self._cancel_deadline()
        sock, self._socket = self._socket, None
        try:
            self._loop.selection.remove(sock, self)
        finally:
            if sock is not None:
                sock.close()

    # -- called by the loop -----------------------------------------------------------------------------------------

    def start_connecting(self, place: Place, timeout: float) -> None:
        """Begin to dial; the handler is told the outcome at the end of this pass at the earliest."""
        sock = self._socket
        assert sock is not None
        try:
            code = sock.connect_ex(place)
        except OverflowError:
            self.end_later(f"port {self.address[1]} is not 0 to 65535")
            return
        except OSError as error:
            self.end_later(describe(error))
            return
        if code == 0 or code in _PENDING:
            self._deadline = self._loop.call_later(timeout, lambda: self.end(f"timed out after {timeout:g} s"))
        else:
            self.end_later(describe_code(code))

    def end_later(self, reason: str) -> None:
        """Close at the end of this pass, and tell the handler the reason."""
        self._loop.defer(lambda: self.end(reason))

    def end(self, reason: str) -> None:
        """Close because the connection ended, and tell the handler the reason."""
        if self.closed:
            return
        handler = self.handler
        self.close()
        if handler is not None:
            try:
                handler.on_closed(reason)
            except Exception as error:
                self._loop.report_fault(error)

    def on_readable(self) -> None:
        """Read once, so that a fast peer does not delay the others: more is read in the next pass."""
        if self.closed or self._paused or self._connecting or self._read_queued:
            return
        allowed = self._loop.read_queue.allowance(self._read_throttles)
        if not allowed and self.reader is None and self.received < LOAN:
            allowed = self._loop.read_queue.loan(LOAN, self._read_throttles)
        if allowed:
            self._read(allowed)
        else:
            self._read_queued = True
            self._loop.read_queue.add(self._read_throttled, self._read_throttles, first=self.reader is None)
            self._flush_later()

    def on_writable(self) -> None:
        """Send at the end of the pass, with what the rest of the pass queues."""
        if self.closed:
            return
        self._blocked = False
        self._flush_later()
        if self._connecting:
            self._connected()

    def flush(self) -> None:
        """Send what waits, and have the loop select for what is wanted."""
        self._flush_pending = False
        sock = self._socket
        if sock is None:
            return
        if self._queue and not (self._blocked or self._connecting or self._write_queued):
            allowed = self._loop.write_queue.allowance(self._write_throttles)
            if not allowed and not self.sent:
                allowed = self._loop.write_queue.loan(len(self._queue[0]), self._write_throttles)
            if allowed:
                self._write(allowed)
            if self._queue and not self._blocked:
                self._write_queued = True
                self._loop.write_queue.add(self._write_throttled, self._write_throttles, first=self._backlog <= SHORT)
        if not self.closed:
            self._loop.selection.select(sock, self._mask(), self)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _flush_later(self) -> None:
        if not self._flush_pending:
            self._flush_pending = True
            self._loop.flush_later(self)

    def _mask(self) -> int:
        if self._connecting:
            return selectors.EVENT_WRITE
        mask = selectors.EVENT_WRITE if self._blocked else 0
        return mask if self._paused or self._read_queued else mask | selectors.EVENT_READ

    def _connected(self) -> None:
        sock = self._socket
        assert sock is not None
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.end(describe_code(code))
            return
        self._connecting = False
        self._cancel_deadline()
        if self.handler is not None:
            try:
                self.handler.on_connected()
            except Exception as error:
                self._fault(error)

    def _read(self, allowed: int) -> int:
        """Read once and pass the bytes to the handler; return their number."""
        sock, handler, view = self._socket, self.handler, self._loop.receive_pool.room
        if sock is None or handler is None:
            self.end("the connection has no owner")
            return 0
        most = min(allowed, self.read_limit)
        if most < len(view):
            view = view[:most]
        began = GilContention.clock()
        try:
            size = sock.recv_into(view)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.end(describe(error))
            return 0
        if not size:
            self.end("closed by the other end")
            return 0
        if size >= LONG:
            self._loop.gil_contention.note(GilContention.clock() - began)
        self.received += size
        self._loop.coalescer.note(size, more=size == len(view))
        for throttle in self._read_throttles:
            throttle.take(size)
        try:
            handler.on_received(view[:size])
        except Exception as error:
            self._fault(error)
        finally:
            self._loop.receive_pool.end_read(size)
        return size

    @property
    def _missing(self) -> int:
        """Bytes that the message which is being received needs; 0 if it is too long to wait for."""
        missing = 0 if self.reader is None else self.reader.missing
        return missing if missing <= MAX_UNFINISHED else 0

    def _read_throttled(self, allowed: int) -> int:
        self._read_queued = False
        if self.closed:
            return LEAVE
        most = min(allowed, self._missing or allowed, self.read_limit, len(self._loop.receive_pool.room))
        if most and not self._paused and self._read(most) == most:
            self._read_queued = True
            return KEEP_PLACE if self._missing else REQUEUE
        self._flush_later()
        return LEAVE

    def _write(self, allowed: int) -> None:
        """Send the front of the queue, as much as the system takes and at most ``allowed`` bytes."""
        before = self._backlog
        while allowed and self._queue:
            batch, size = self._batch(allowed)
            sock = self._socket
            assert sock is not None
            try:
                taken = sock.sendmsg(batch) if GATHERING else sock.send(b"".join(batch))
            except BlockingIOError:
                taken = 0
            except OSError as error:
                self.end(describe(error))
                return
            self._drop(taken)
            allowed -= taken
            for throttle in self._write_throttles:
                throttle.take(taken)
            if taken < size:
                self._blocked = True
                break
        if self._backlog <= self.low_water < before and self.handler is not None:
            try:
                self.handler.on_drained()
            except Exception as error:
                self._fault(error)

    def _write_throttled(self, allowed: int) -> int:
        self._write_queued = False
        if allowed and not self.closed:
            self._write(min(allowed, len(self._queue[0])) if self._partly_sent else allowed)
        if not allowed or self.closed or self._blocked or not self._queue:
            self._flush_later()
            return LEAVE
        self._write_queued = True
        return KEEP_PLACE if self._partly_sent and len(self._queue[0]) <= MAX_UNFINISHED else REQUEUE

    def _batch(self, allowed: int) -> Tuple[List[Buffer], int]:
        """Return buffers from the front of the queue for one system call, and the number of their bytes."""
        queue = self._queue
        if not GATHERING:
            allowed = min(allowed, MAX_JOIN)
        if self._backlog <= allowed and len(queue) <= MAX_GATHER:
            return list(queue), self._backlog
        batch: List[Buffer] = []
        size = 0
        for buffer in itertools.islice(queue, MAX_GATHER):
            if size + len(buffer) > allowed:
                buffer = memoryview(buffer)[: allowed - size]
            batch.append(buffer)
            size += len(buffer)
            if size == allowed:
                break
        return batch, size

    def _drop(self, size: int) -> None:
        """Remove ``size`` bytes, which were sent, from the front of the queue, and empty buffers behind them."""
        queue = self._queue
        self.sent += size
        self._backlog -= size
        self._partly_sent = self._partly_sent and not size
        if not self._backlog:
            self.taken += len(queue)
            queue.clear()
            return
        while size or not queue[0]:  # what was withdrawn is empty
            head = queue[0]
            if len(head) > size:
                queue[0] = memoryview(head)[size:]
                self._partly_sent = True
                return
            size -= len(head)
            queue.popleft()
            self.taken += 1

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _fault(self, error: Exception) -> None:
        """Report an exception of a handler and close this stream; the loop goes on."""
        self._loop.report_fault(error)
        self.end(f"internal error: {type(error).__name__}: {error}")


def dial(loop: EventLoop, address: Address, handler: StreamHandler, *, timeout: float, own: str = "") -> TcpStream:
    """Return a stream that connects; never raises.

    Args:
        loop: The loop of the stream.
        address: Numeric host and port of the other end.
        handler: Is told ``on_connected``, or ``on_closed`` with the reason of a failure.
        timeout: Seconds until the dial fails.
        own: The numeric address of the session, for ``source_of``.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock: Optional[socket.socket] = None
    failure = "too many open sockets" if loop.selection.full else ""
    try:
        place = place_of(address, family=6 if ":" in address[0] else 4)
        sock = Socket(family, socket.SOCK_STREAM)
        prepare(sock)
        source = source_of(own, address[0])
        if source is not None:
            sock.bind(source)
    except OSError as error:
        failure = describe(error)
    except ValueError as error:
        failure = str(error)
    stream = TcpStream(loop, sock, address, incoming=False)
    stream.handler = handler
    if failure:
        stream.end_later(failure)
    else:
        stream.start_connecting(place, timeout)
    return stream


def prepare(sock: socket.socket) -> None:
    """Make a socket non-blocking, and have it send each message at once (TCP_NODELAY)."""
    sock.setblocking(False)
    with contextlib.suppress(OSError):  # some systems refuse it after the other end has closed
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
