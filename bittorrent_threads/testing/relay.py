"""``Relay``: a link with a round-trip delay and a rate, between plain loopback connections.

Every byte that comes in at one end leaves at the other when a link of the rate would have carried it, and half a round
trip later.  As with a router, the bytes under way are bounded; when the link is full, the sender is not read from.
"""

from __future__ import annotations

import collections
import contextlib
import math
import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Deque, List, Optional, Tuple, Type

CHUNK = 256 * 1024
"""Most bytes that travel together."""
CHUNK_TIME = 0.02
"""Seconds at the rate of a link, of the most bytes that travel together."""
MAX_QUEUE = 256 * 1024 * 1024
"""Most bytes under way, in each direction of a connection."""
QUEUE_TIME = 0.1
"""Seconds at the rate that bytes may wait for the link."""
CONNECT_TIMEOUT = 10.0
JOIN_TIMEOUT = 10.0


class Pipe:
    """One direction of a connection: from ``source`` to ``sink``."""

    def __init__(self, source: socket.socket, sink: socket.socket, delay: float, rate: float) -> None:
        self.source = source
        self.sink = sink
        self.open = True
        self.blocked = False
        self._delay = delay
        self._rate = rate
        self._chunk = max(1, min(CHUNK, int(rate * CHUNK_TIME))) if rate else CHUNK
        self._most = max(self._chunk, min(MAX_QUEUE, int(rate * (delay + QUEUE_TIME)))) if rate else MAX_QUEUE
        self._free_at = 0.0
        self._queue: Deque[Tuple[float, memoryview]] = collections.deque()
        self._size = 0

    @property
    def due(self) -> Optional[float]:
        """When the next byte may leave."""
        return self._queue[0][0] if self._queue else None

    @property
    def full(self) -> bool:
        """Whether nothing more is read for now."""
        return self._size >= self._most

    def pull(self) -> int:
        """Take what has come, and return its number of bytes; an empty chunk stands for the end."""
        try:
            data = self.source.recv(self._chunk)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        self.open = bool(data)
        self._size += len(data)
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + (len(data) / self._rate if self._rate else 0.0)
        self._queue.append((self._free_at + self._delay, memoryview(data)))
        return len(data)

    def push(self, now: float) -> bool:
        """Let go of what is due; return False when the connection is over."""
        self.blocked = False
        while self._queue and self._queue[0][0] <= now:
            due, data = self._queue.popleft()
            if not data:
                return False
            try:
                sent = self.sink.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return False
            self._size -= sent
            if sent < len(data):
                self._queue.appendleft((due, data[sent:]))
                self.blocked = True
                break
        return True


class Relay:
    """A link to a peer (or any server): it accepts connections, and makes one to the target for each.

    ::

        with seeder(sample) as seed, Relay(("127.0.0.1", seed.port), round_trip=0.1, rate=1_000_000) as relay:
            bt.download(sample.metainfo(), folder, peers=[relay.address])

    Connections are made without a delay.  The rate is that of each connection.

    Args:
        target: Host and port to connect to.
        round_trip: Seconds from a request to the first byte of its answer, of which half is spent each way.
        rate: Bytes a second in each direction of a connection; 0 for no limit.
        host: Address to listen on.
    """

    def __init__(
        self, target: Tuple[str, int], *, round_trip: float = 0.0, rate: float = 0.0, host: str = "127.0.0.1"
    ) -> None:
        if not (0.0 <= round_trip < math.inf and 0.0 <= rate < math.inf):
            raise ValueError(f"round_trip is {round_trip} and rate is {rate}; both must be 0 or more")
        self.carried = 0
        """Bytes that came in so far, in both directions of all connections."""
        self._target = target
        self._delay = round_trip / 2
        self._rate = rate
        self._host = host
        self._pairs: List[Tuple[Pipe, Pipe]] = []

    @property
    def address(self) -> Tuple[str, int]:
        """Host and port that it listens on, for the ``peers`` of a ``Client``."""
        host, port = self._listener.getsockname()[:2]
        return host, port

    def __enter__(self) -> Relay:
        self._listener = socket.create_server((self._host, 0))
        self._listener.setblocking(False)
        self._waker, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=f"relay {self.address[1]}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._waker.close()
        self._thread.join(JOIN_TIMEOUT)

    def _run(self) -> None:
        with self._selector, self._listener, self._woken:
            try:
                while self._turn():
                    pass
            finally:
                for pair in list(self._pairs):
                    self._close(pair)

    def _turn(self) -> bool:
        dues = [pipe.due for pair in self._pairs for pipe in pair if not pipe.blocked]
        soonest = min((due for due in dues if due is not None), default=None)
        for key, mask in self._selector.select(None if soonest is None else max(0.0, soonest - time.monotonic())):
            if key.fileobj is self._woken:
                return False
            if key.fileobj is self._listener:
                self._accept()
            elif mask & selectors.EVENT_READ and key.data.open and not key.data.full:
                self.carried += key.data.pull()
        now = time.monotonic()
        for pair in list(self._pairs):
            if all([pipe.push(now) for pipe in pair]):
                self._watch(pair)
            else:
                self._close(pair)
        return True

    def _accept(self) -> None:
        try:
            near, _ = self._listener.accept()
        except OSError:
            return
        try:
            far = socket.create_connection(self._target, CONNECT_TIMEOUT)
        except OSError:
            near.close()
            return
        for sock in (near, far):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Pipe(near, far, self._delay, self._rate), Pipe(far, near, self._delay, self._rate)
        self._pairs.append(pair)
        for pipe in pair:
            self._selector.register(pipe.source, selectors.EVENT_READ, pipe)

    def _watch(self, pair: Tuple[Pipe, Pipe]) -> None:
        for pipe, other in (pair, pair[::-1]):
            mask = selectors.EVENT_READ if pipe.open and not pipe.full else 0
            mask |= selectors.EVENT_WRITE if other.blocked else 0
            if pipe.source.fileno() in self._selector.get_map():
                if not mask:
                    self._selector.unregister(pipe.source)
                elif self._selector.get_key(pipe.source).events != mask:
                    self._selector.modify(pipe.source, mask, pipe)
            elif mask:
                self._selector.register(pipe.source, mask, pipe)

    def _close(self, pair: Tuple[Pipe, Pipe]) -> None:
        self._pairs.remove(pair)
        for pipe in pair:
            with contextlib.suppress(KeyError):
                self._selector.unregister(pipe.source)
            pipe.source.close()
