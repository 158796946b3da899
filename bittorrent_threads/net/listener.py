"""``TcpListener``: a port that accepts connections, over IPv4 and IPv6 where the machine has them.

The rule: a listener never makes the loop spin.  It accepts a bounded number of connections in a pass.  When the process
is out of descriptors it is not selected for a while, because a connection that cannot be accepted keeps the socket
readable: a loop that selects it makes more than 200,000 passes a second.
"""

from __future__ import annotations

import errno
import selectors
import socket
from typing import Callable, Sequence, Tuple

from .interfaces import EventLoop
from .os_errors import describe
from .socket_addresses import Place, address_of
from .stream import TcpStream, prepare

MAX_ACCEPTS = 16
"""Connections that one socket accepts in a pass."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds without accepting when the system is out of something; doubled while nothing can be accepted."""

_TRANSIENT = {errno.ECONNABORTED, errno.ECONNRESET, errno.EPROTO, errno.EPERM, errno.ETIMEDOUT}
_TRANSIENT |= {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN}
"""Errors of one connection that ended before it was accepted; any other error pauses the listener."""

Accept = Callable[[TcpStream], None]


class TcpListener:
    """A port that accepts connections.

    Attributes:
        port: The port of all sockets.
        addresses: The numeric addresses that the sockets are bound to.
    """

    def __init__(self, loop: EventLoop, sockets: Sequence[socket.socket], accept: Accept) -> None:
        self.port: int = sockets[0].getsockname()[1]
        self.addresses: Tuple[str, ...] = tuple(sock.getsockname()[0] for sock in sockets)
        self._sockets = [ListeningSocket(loop, sock, accept) for sock in sockets]

    def close(self) -> None:
        """Stop accepting."""
        for sock in self._sockets:
            sock.close()


class ListeningSocket:
    """One socket of a listener."""

    def __init__(self, loop: EventLoop, sock: socket.socket, accept: Accept) -> None:
        self.closed = False
        self._loop = loop
        self._socket = sock
        self._accept = accept
        self._pause = FIRST_PAUSE
        loop.selection.add(self)
        self._start_accepting()

    def on_readable(self) -> None:
        """Accept a bounded number of connections."""
        for _ in range(MAX_ACCEPTS):
            if self.closed:
                return
            if self._loop.selection.full:
                self._pause_accepting("too many open sockets")
                return
            try:
                sock, place = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _TRANSIENT:
                    continue
                self._pause_accepting(describe(error))
                return
            self._pause = FIRST_PAUSE
            self._hand_over(sock, place)

    def on_writable(self) -> None:
        """Do nothing: a listening socket is never selected for writing."""

    def close(self) -> None:
        """Close the socket; idempotent."""
        if not self.closed:
            self.closed = True
            self._loop.selection.remove_and_close(self._socket, self)

    def _hand_over(self, sock: socket.socket, place: Place) -> None:
        prepare(sock)
        stream = TcpStream(self._loop, sock, address_of(place), incoming=True)
        try:
            self._accept(stream)
        except Exception as error:
            self._loop.report_fault(error)
            stream.close()
        if stream.handler is None:
            stream.close()

    def _pause_accepting(self, reason: str) -> None:
        self._loop.selection.select(self._socket, 0, self)
        self._loop.call_later(self._pause, self._start_accepting)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._loop.report_exhausted(reason)

    def _start_accepting(self) -> None:
        if not self.closed:
            self._loop.selection.select(self._socket, selectors.EVENT_READ, self)
