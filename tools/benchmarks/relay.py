"""A link with delay: every byte that comes in at one end leaves at the other so many seconds later.

    python -m benchmarks.relay '{"host": …, "target": [host, port], "delay": 0.05}'

The connections on both sides are plain loopback ones; at most ``MOST`` bytes a direction are on their way at once.  It
ends with its input.
"""

from __future__ import annotations

import collections
import json
import selectors
import socket
import sys
import time
from typing import Any, Deque, Dict, List, Optional, Tuple

from .node import say

CHUNK = 256 * 1024
MOST = 256 * 1024 * 1024


class Pipe:
    """One direction: from ``source`` to ``sink``."""

    def __init__(self, source: socket.socket, sink: socket.socket, delay: float) -> None:
        self.source = source
        self.sink = sink
        self.open = True
        self.blocked = False
        self._delay = delay
        self._queue: Deque[Tuple[float, memoryview]] = collections.deque()
        self._size = 0

    @property
    def due(self) -> Optional[float]:
        """When the next byte may leave."""
        return self._queue[0][0] if self._queue else None

    @property
    def full(self) -> bool:
        """Nothing more is read for now."""
        return self._size >= MOST

    def pull(self) -> None:
        """Take what has come; an empty chunk stands for the end."""
        try:
            data = self.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.open = bool(data)
        self._size += len(data)
        self._queue.append((time.monotonic() + self._delay, memoryview(data)))

    def push(self, now: float) -> bool:
        """Let go of what is due; false when the connection is over."""
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
    """Accepts connections, and makes one to ``target`` for each."""

    def __init__(self, host: str, target: Tuple[str, int], delay: float) -> None:
        self._target = target
        self._delay = delay
        self._selector = selectors.DefaultSelector()
        self._door = socket.create_server((host, 0))
        self._pairs: List[Tuple[Pipe, Pipe]] = []
        self._selector.register(self._door, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        say(addresses=[self._door.getsockname()])

    def run(self) -> None:
        """Until the input ends."""
        while True:
            dues = [pipe.due for pair in self._pairs for pipe in pair if not pipe.blocked]
            soonest = min((due for due in dues if due is not None), default=None)
            for key, _ in self._selector.select(None if soonest is None else max(0.0, soonest - time.monotonic())):
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is self._door:
                    self._accept()
                elif key.events & selectors.EVENT_READ and key.data.open:
                    key.data.pull()
            now = time.monotonic()
            for pair in list(self._pairs):
                if all([pipe.push(now) for pipe in pair]):
                    self._watch(pair)
                else:
                    self._close(pair)

    def _accept(self) -> None:
        near, _ = self._door.accept()
        far = socket.create_connection(self._target)
        for sock in (near, far):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Pipe(near, far, self._delay), Pipe(far, near, self._delay)
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
            if pipe.source.fileno() in self._selector.get_map():
                self._selector.unregister(pipe.source)
            pipe.source.close()


def main(options: Dict[str, Any]) -> None:
    """Relay until the process is ended."""
    Relay(options["host"], tuple(options["target"]), options["delay"]).run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
