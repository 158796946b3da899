"""One TCP connection: read into memory that all share, written from a queue of buffers that are never copied.

The rule: nothing is told to the system before the end of the pass.  ``send``, ``pause`` and ``resume`` only note what
is wanted; ``settle`` then makes one ``sendmsg`` of all that waits, and one change of what is selected if it differs.
SO_RCVBUF and SO_SNDBUF are never set: that would stop the kernel from growing them.
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
from typing import Deque, List, Optional, Sequence, Tuple, Union

from .gil_contention import LONG, GilContention
from .interfaces import Address, Handler, Host, Reader
from .os_errors import describe, failure_of
from .sockets import Socket
from .throttle import FIRST, GONE, MOST_UNFINISHED, SHORT, STAYS, Throttle
from .timers import Timer

Buffer = Union[bytes, bytearray, memoryview]

try:
    MAX_GATHER = os.sysconf("SC_IOV_MAX")
except (AttributeError, OSError, ValueError):
    MAX_GATHER = 16
"""Buffers of one ``sendmsg``; 16 is the least that POSIX allows a system to take."""
MAX_JOIN = 256 * 1024
"""Bytes joined for one ``send`` where there is no ``sendmsg`` (Windows)."""
GATHERING = hasattr(socket.socket, "sendmsg")

_PENDING = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR)


class TcpStream:
    """One connection (``engine.interfaces.Stream``); made by ``dial`` or by a listener."""

    def __init__(self, host: Host, sock: Optional[socket.socket], address: Address, *, incoming: bool) -> None:
        self.handler: Optional[Handler] = None
        self.address = address
        self.incoming = incoming
        self.low_water = 0
        self.read_limit = sys.maxsize
        self.reader: Optional[Reader] = None
        self.sent = 0
        self.received = 0
        self.closed = False
        self.touched = False
        """Waiting for ``settle``; kept by the loop."""
        self._host = host
        self._socket = sock
        self._connecting = not incoming
        self._deadline: Optional[Timer] = None
        self._paused = False
        self._blocked = False
        """The system took less than all; it is selected for writing until it takes more."""
        self._read_waiting = False
        self._write_waiting = False
        """Standing in the line of a throttle."""
        self._read_throttles: Tuple[Throttle, ...] = (host.download,)
        self._write_throttles: Tuple[Throttle, ...] = (host.upload,)
        self._queue: Deque[Buffer] = collections.deque()
        self._cut = False
        """The first of the queue was sent in part."""
        self._backlog = 0
        host.adopt(self)
        self._touch()

    @property
    def backlog(self) -> int:
        """Bytes given to ``send`` that the system has not taken yet."""
        return self._backlog

    @property
    def waiting(self) -> int:
        """Buffers that these bytes are in."""
        return len(self._queue)

    @property
    def blocked(self) -> bool:
        """Whether something waits because the other end does not read, and not because of a throttle."""
        return self._blocked

    @property
    def held(self) -> bool:
        """A limit of ours keeps the stream from reading or sending."""
        return self._read_waiting or self._write_waiting

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Queue buffers, uncopied: they must not change until sent.  They leave together at the end of the pass."""
        if self.closed:
            return
        self._queue.extend(filter(None, buffers))
        self._backlog += sum(map(len, buffers))
        self._touch()

    def pause(self) -> None:
        """Stop reading; the peer feels it through TCP.  Its close is then noticed on ``resume``."""
        if not self._paused:
            self._paused = True
            self._touch()

    def resume(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            self._touch()

    def limit(self, *, read: Sequence[Throttle] = (), write: Sequence[Throttle] = ()) -> None:
        """Put the stream under these throttles, besides those of the loop, from now on."""
        self._read_throttles = (self._host.download, *read)
        self._write_throttles = (self._host.upload, *write)

    def close(self) -> None:
        """Close now; what was queued is dropped.  Idempotent, and the handler hears nothing more."""
        if self.closed:
            return
        self.closed = True
        self.handler = None
        self._queue.clear()
        self._backlog = 0
        self._cancel_deadline()
        sock, self._socket = self._socket, None
        try:
            self._host.release(sock, self)
        finally:
            if sock is not None:
                sock.close()

    # -- the loop's side -------------------------------------------------------------------------------------------

    def start_connecting(self, timeout: float) -> None:
        """Begin the dial; whatever comes of it is told at the end of this pass at the earliest."""
        sock = self._socket
        assert sock is not None
        try:
            code = sock.connect_ex(self.address)
        except (OSError, OverflowError) as error:
            self.end_later(describe(error))
            return
        if code == 0 or code in _PENDING:
            self._deadline = self._host.call_later(timeout, lambda: self.end(f"timed out after {timeout:g} s"))
        else:
            self.end_later(failure_of(code))

    def end_later(self, reason: str) -> None:
        """Tell the handler at the end of this pass that the connection ended."""
        self._host.defer(lambda: self.end(reason))

    def end(self, reason: str) -> None:
        """The connection ended without our ``close``."""
        if self.closed:
            return
        handler = self.handler
        self.close()
        if handler is not None:
            try:
                handler.on_closed(reason)
            except Exception as error:
                self._host.fault(error)

    def on_readable(self) -> None:
        """Read once: a fast peer gets its next turn in the next pass."""
        if self.closed or self._paused or self._connecting or self._read_waiting:
            return
        allowed = self._host.reading.allowance(self._read_throttles)
        if allowed:
            self._read(allowed)
        else:
            self._read_waiting = True
            self._host.reading.join(self._read_turn, self._read_throttles, short=self.reader is None)
            self._touch()

    def on_writable(self) -> None:
        """Note it; what waits leaves at the end of the pass, with what the pass adds to it."""
        if self.closed:
            return
        self._blocked = False
        self._touch()
        if self._connecting:
            self._connected()

    def settle(self) -> None:
        """Send what waits and select for what is wanted."""
        self.touched = False
        sock = self._socket
        if sock is None:
            return
        if self._queue and not (self._blocked or self._connecting or self._write_waiting):
            allowed = self._host.writing.allowance(self._write_throttles)
            if allowed:
                self._write(allowed)
            if self._queue and not self._blocked:
                self._write_waiting = True
                self._host.writing.join(self._write_turn, self._write_throttles, short=self._backlog <= SHORT)
        if not self.closed:
            self._host.watch(sock, self._mask(), self)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _touch(self) -> None:
        if not self.touched:
            self.touched = True
            self._host.touch(self)

    def _mask(self) -> int:
        if self._connecting:
            return selectors.EVENT_WRITE
        mask = selectors.EVENT_WRITE if self._blocked else 0
        return mask if self._paused or self._read_waiting else mask | selectors.EVENT_READ

    def _connected(self) -> None:
        sock = self._socket
        assert sock is not None
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.end(failure_of(code))
            return
        self._connecting = False
        self._cancel_deadline()
        if self.handler is not None:
            try:
                self.handler.on_connected()
            except Exception as error:
                self._fault(error)

    def _read(self, allowed: int) -> int:
        """Take and hand over what came; the bytes taken."""
        sock, handler, view = self._socket, self.handler, self._host.receive_pool.room
        if sock is None or handler is None:
            self.end("nobody owns the connection")
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
            self._host.gil_contention.note(GilContention.clock() - began)
        self.received += size
        self._host.pace.note(size, more=size == len(view))
        for throttle in self._read_throttles:
            throttle.take(size)
        try:
            handler.on_received(view[:size])
        except Exception as error:
            self._fault(error)
        finally:
            self._host.receive_pool.passed(size)
        return size

    @property
    def _missing(self) -> int:
        """Bytes of the message that is being received, if it is not too long to be waited for."""
        missing = 0 if self.reader is None else self.reader.missing
        return missing if missing <= MOST_UNFINISHED else 0

    def _read_turn(self, allowed: int) -> int:
        self._read_waiting = False
        if self.closed:
            return GONE
        most = min(allowed, self._missing or allowed, self.read_limit, len(self._host.receive_pool.room))
        if most and not self._paused and self._read(most) == most:
            self._read_waiting = True
            return FIRST if self._missing else STAYS
        self._touch()
        return GONE

    def _write(self, allowed: int) -> None:
        """Give the system what it takes of the queue, at most ``allowed`` bytes."""
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

    def _write_turn(self, allowed: int) -> int:
        self._write_waiting = False
        if allowed and not self.closed:
            self._write(min(allowed, len(self._queue[0])) if self._cut else allowed)
        if not allowed or self.closed or self._blocked or not self._queue:
            self._touch()
            return GONE
        self._write_waiting = True
        return FIRST if self._cut and len(self._queue[0]) <= MOST_UNFINISHED else STAYS

    def _batch(self, allowed: int) -> Tuple[List[Buffer], int]:
        """Buffers from the front of the queue for one system call, and their bytes."""
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
        """The system took ``size`` bytes from the front of the queue."""
        queue = self._queue
        self.sent += size
        self._backlog -= size
        self._cut = self._cut and not size
        if not self._backlog:
            queue.clear()
            return
        while size:
            head = queue[0]
            if len(head) > size:
                queue[0] = memoryview(head)[size:]
                self._cut = True
                return
            size -= len(head)
            queue.popleft()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _fault(self, error: Exception) -> None:
        """Our own code failed: the stream is lost, the loop is not."""
        self._host.fault(error)
        self.end(f"internal error: {type(error).__name__}: {error}")


def dial(host: Host, address: Address, handler: Handler, *, timeout: float) -> TcpStream:
    """Connect to a numeric address within ``timeout`` seconds; a failure is told to the handler, never raised."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock: Optional[socket.socket] = None
    failure = "too many open sockets" if host.full else ""
    try:
        socket.inet_pton(family, address[0])  # connect would look a name up, and wait for it
        sock = Socket(family, socket.SOCK_STREAM)
        prepare(sock)
    except (OSError, ValueError) as error:
        failure = describe(error) if getattr(error, "errno", None) else f"{address[0]!r} is not a numeric address"
    stream = TcpStream(host, sock, address, incoming=False)
    stream.handler = handler
    if failure:
        stream.end_later(failure)
    else:
        stream.start_connecting(timeout)
    return stream


def prepare(sock: socket.socket) -> None:
    """Set what every connection has: it never waits, neither for the caller nor for more bytes to fill a packet."""
    sock.setblocking(False)
    with contextlib.suppress(OSError):  # some systems refuse it once the other end has gone
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
