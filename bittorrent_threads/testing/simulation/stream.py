"""``SimStream``: one end of a simulated connection; implements ``engine.interfaces.Stream``.

It does what TCP may do: bytes arrive cut at random places, in a buffer that is overwritten after the call.  A queued
buffer that changes before it is sent is reported as a violation.  If one end does not read, the backlog of the other
grows, because at most a window of bytes is under way.
"""

from __future__ import annotations

import collections
import sys
import zlib
from typing import Any, Deque, Optional, Sequence, Tuple

from ...net.interfaces import Address, Buffer, MessageReader, StreamHandler
from ...net.throttle import KEEP_PLACE, LEAVE, LOAN, MAX_UNFINISHED, REQUEUE, SHORT, Throttle
from .host import SimHost
from .pipe import CLOSED_BY_PEER, RESET_BY_PEER, Pipe
from .world import Event


class SimStream:
    """One end of a connection; made by ``SimNetwork``."""

    def __init__(self, host: SimHost, address: Address, *, incoming: bool) -> None:
        self.handler: Optional[StreamHandler] = None
        self.address = address
        self.incoming = incoming
        self.low_water = 0
        self.read_limit = sys.maxsize
        self.reader: Optional[MessageReader] = None
        self.sent = 0
        self.taken = 0
        self.received = 0
        self.backlog = 0
        self.closed = False
        self.deadline: Optional[Event] = None
        """Ends the dial when its time is over."""
        self._host = host
        self._out: Optional[Pipe] = None
        self._in: Optional[Pipe] = None
        self._paused = False
        self._reading: Tuple[Throttle, ...] = (host.download,)
        self._writing: Tuple[Throttle, ...] = (host.upload,)
        self._read_awaited = False
        """The stream waits in the throttle queue for reading."""
        self._write_awaited = False
        self._queue: Deque[Tuple[memoryview, Optional[int]]] = collections.deque()
        self._offset = 0
        """Bytes of the first queued buffer that were sent."""
        self._unread: Deque[bytes] = collections.deque()
        self._unread_size = 0
        self._end: Optional[str] = None

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def blocked(self) -> bool:
        return bool(self._queue) and self._out is not None and not self._out.room

    # -- engine.interfaces.Stream --------------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        return self._read_awaited or self._write_awaited

    def send(self, buffers: Sequence[Buffer]) -> None:
        if self.closed:
            return
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            if view:
                checksum = None if isinstance(view.obj, bytes) else zlib.crc32(view)
                self._queue.append((view, checksum))
                self.backlog += len(view)
        self._host.flush_later(self)

    def withdraw(self, number: int, count: int) -> int:
        place = number - self.taken
        if place < 0 or (place == 0 and self._offset):
            return 0
        size = 0
        for each in range(place, min(place + count, len(self._queue))):
            size += len(self._queue[each][0])
            self._queue[each] = (memoryview(b""), None)
        self.backlog -= size
        self._drop_empty()
        return size

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._host.call_later(0, self._read)

    def limit(self, *, read: Sequence[Any] = (), write: Sequence[Any] = ()) -> None:
        self._reading = (self._host.download, *read)
        self._writing = (self._host.upload, *write)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._host.forget(self)
        unread = self._unread_size
        self.backlog = self._unread_size = 0
        self._queue.clear()
        self._unread.clear()
        if self.deadline is not None:
            self.deadline.cancel()
        if self._out is not None:
            self._out.end(RESET_BY_PEER if unread else CLOSED_BY_PEER)

    # -- called by the network -----------------------------------------------------------------------------------------

    def establish(self, out: Pipe, into: Pipe) -> None:
        """Connect: set the two directions of the connection."""
        if self.deadline is not None:
            self.deadline.cancel()
        self._out = out
        self._in = into
        if not self.incoming:
            self._host.flush_later(self)
            self._owner.on_connected()

    def end(self, reason: str) -> None:
        """Close because the other end or the system closed; makes its own pass."""
        if not self.closed:
            self.close()
            self._host.world.note(f"{self._host.name} {self.address} closed: {reason}")
            self._host.run_pass(lambda: self._owner.on_closed(reason))

    def arrive(self, data: bytes, end: Optional[str]) -> bool:
        """Take bytes that reached this host, and the reason of their end if it came; false if the stream is closed."""
        if self.closed:
            return False
        if data:
            self._unread.append(data)
            self._unread_size += len(data)
        self._end = end
        if not self._paused:
            self._host.run_pass(self._read)
        return True

    def continue_sending(self) -> None:
        """Send more, because the simulated system may take bytes again."""
        if self._queue:
            self._host.flush_later(self)

    def flush(self) -> None:
        """Send what the simulated system takes; called by the network at the end of a pass."""
        if self.closed or self._write_awaited or not self._sendable:
            return
        allowed = self._host.write_queue.allowance(self._writing)
        if not allowed and not self.sent:
            allowed = self._host.write_queue.loan(len(self._queue[0][0]), self._writing)
        if allowed:
            self._flush(allowed)
        else:
            self._write_awaited = True
            self._host.write_queue.add(self._write_turn, self._writing, first=self.backlog <= SHORT)

    @property
    def _sendable(self) -> bool:
        return bool(self._queue and self._out is not None and self._out.room)

    def _write_turn(self, allowed: int) -> int:
        if not allowed:
            self._write_awaited = False
            self._host.flush_later(self)
            return LEAVE
        if self._offset and self._queue:
            allowed = min(allowed, len(self._queue[0][0]) - self._offset)
        self._flush(allowed)
        self._write_awaited = self._sendable
        return LEAVE if not self._write_awaited else KEEP_PLACE if self._offset else REQUEUE

    def _flush(self, allowed: int) -> None:
        assert self._out is not None
        before = self.backlog
        room = min(self._out.room, allowed)
        while self._queue and room:
            view, checksum = self._queue[0]
            data = bytes(view[self._offset : self._offset + room])
            self._offset += len(data)
            if self._offset == len(view):
                if checksum is not None and zlib.crc32(view) != checksum:
                    self._host.world.violate(f"{self._host.name}: a buffer changed while it waited to be sent")
                self._queue.popleft()
                self.taken += 1
                self._offset = 0
                self._drop_empty()
            room -= len(data)
            self.backlog -= len(data)
            self._out.take(data)
        size = before - self.backlog
        self.sent += size
        if self._queue and not self._out.room:
            self._out.await_room()
        for throttle in self._writing:
            throttle.take(size)
        if before > self.low_water >= self.backlog:
            self._host.call_later(0, self._drained)

    def _drop_empty(self) -> None:
        while self._queue and not self._queue[0][0]:
            self._queue.popleft()
            self.taken += 1

    def _drained(self) -> None:
        if not self.closed:
            self._owner.on_drained()

    def _read(self) -> None:
        if self.closed or self._paused or self._read_awaited:
            return
        if self._unread_size:
            allowed = self._host.read_queue.allowance(self._reading)
            if not allowed and self.reader is None and self.received < LOAN:
                allowed = self._host.read_queue.loan(LOAN, self._reading)
            if not allowed:
                self._read_awaited = True
                self._host.read_queue.add(self._read_turn, self._reading, first=self.reader is None)
                return
            self._hand_over(min(self._unread_size, len(self._host.receive_pool.room), self.read_limit, allowed))
            if self._unread_size and not self._paused:
                self._host.call_later(0, self._read)
                return
        if self._end is not None and not self._paused:
            self.end(self._end)

    @property
    def _missing(self) -> int:
        missing = 0 if self.reader is None else self.reader.missing
        return missing if missing <= MAX_UNFINISHED else 0

    def _read_turn(self, allowed: int) -> int:
        if allowed and self._unread_size and not self._paused:
            most = min(allowed, self._missing or allowed, self.read_limit, len(self._host.receive_pool.room))
            self._hand_over(min(self._unread_size, most))
        self._read_awaited = bool(allowed and self._unread_size and not self._paused)
        if not self._read_awaited:
            self._host.call_later(0, self._read)
        return LEAVE if not self._read_awaited else KEEP_PLACE if self._missing else REQUEUE

    def _hand_over(self, size: int) -> None:
        """Pass ``size`` unread bytes to the handler, in memory of the receive pool, which is overwritten afterwards."""
        view = self._host.receive_pool.room[:size]
        filled = 0
        while filled < size:
            part = self._unread.popleft()
            kept = part[: size - filled]
            view[filled : filled + len(kept)] = kept
            filled += len(kept)
            if len(kept) < len(part):
                self._unread.appendleft(part[len(kept) :])
        self._unread_size -= size
        self.received += size
        for throttle in self._reading:
            throttle.take(size)
        assert self._in is not None
        self._in.acknowledge(size)
        host = self._host
        host.world.note(f"{host.name} {self.address} {size} {zlib.crc32(view):08x}")
        self._owner.on_received(view)
        host.receive_pool.end_read(size)

    @property
    def _owner(self) -> StreamHandler:
        if self.handler is None:
            raise AssertionError(f"{self._host.name}: the stream of {self.address} was accepted without a handler")
        return self.handler
