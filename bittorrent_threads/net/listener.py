"""Listening sockets: one port, IPv4 and IPv6 where the machine has them.

The rule: a listener never makes the loop spin.  It accepts a few connections a pass, and when the process is out of
descriptors it is not selected for a while, because a connection that cannot be accepted stays readable: a loop that
selects it makes 22,579 passes in a tenth of a second.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
from typing import Callable, Iterable, List, Sequence, Tuple

from ..errors import ListenError
from ..threads.original import original
from .interfaces import Host
from .os_errors import describe
from .sockets import Socket
from .stream import TcpStream, prepare

NEXT_PORTS = 10
"""Ports tried after the one asked for, unless it is strict; libtorrent tries as many."""
BACKLOG = 128
"""Connections that the system keeps for us between two passes."""
MAX_ACCEPTS = 16
"""Connections accepted by one socket in a pass."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds without accepting when the system is out of something; doubled while nothing can be accepted."""

_PASSING = {errno.ECONNABORTED, errno.ECONNRESET, errno.EPROTO, errno.EPERM, errno.ETIMEDOUT}
_PASSING |= {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN}
"""Errors of one connection that went away before it was accepted; after any other the listener rests."""
_ABSENT = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)
_SHARED_TRIES = 10
"""Ports that the system is asked for until one is free in both families."""

Accept = Callable[[TcpStream], None]


class TcpListener:
    """A port that accepts (``engine.interfaces.Listener``)."""

    def __init__(self, host: Host, sockets: Sequence[socket.socket], accept: Accept) -> None:
        self.port: int = sockets[0].getsockname()[1]
        self.addresses: Tuple[str, ...] = tuple(sock.getsockname()[0] for sock in sockets)
        """What the sockets are bound to."""
        self._doors = [Door(host, sock, accept) for sock in sockets]

    def close(self) -> None:
        """Stop accepting."""
        for door in self._doors:
            door.close()


class Door:
    """One listening socket."""

    def __init__(self, host: Host, sock: socket.socket, accept: Accept) -> None:
        self.closed = False
        self._host = host
        self._socket = sock
        self._accept = accept
        self._pause = FIRST_PAUSE
        host.adopt(self)
        self._open()

    def on_readable(self) -> None:
        """Accept some."""
        for _ in range(MAX_ACCEPTS):
            if self.closed:
                return
            if self._host.full:
                self._rest("too many open sockets")
                return
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _PASSING:
                    continue
                self._rest(describe(error))
                return
            self._pause = FIRST_PAUSE
            self._welcome(sock, address)

    def on_writable(self) -> None:
        """Never selected for."""

    def close(self) -> None:
        """Close the socket; idempotent."""
        if not self.closed:
            self.closed = True
            try:
                self._host.release(self._socket, self)
            finally:
                self._socket.close()

    def _welcome(self, sock: socket.socket, address: Tuple[str, int]) -> None:
        prepare(sock)
        stream = TcpStream(self._host, sock, (address[0].partition("%")[0], address[1]), incoming=True)
        try:
            self._accept(stream)
        except Exception as error:
            self._host.fault(error)
            stream.close()
        if stream.handler is None:
            stream.close()

    def _rest(self, reason: str) -> None:
        self._host.watch(self._socket, 0, self)
        self._host.call_later(self._pause, self._open)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._host.exhausted(reason)

    def _open(self) -> None:
        if not self.closed:
            self._host.watch(self._socket, selectors.EVENT_READ, self)


def bind(host: str, port: int, *, strict: bool) -> List[socket.socket]:
    """Listening sockets on one port of ``host``, a numeric address, or of every interface when it is empty.

    Port 0 lets the system choose; any other may give way to one of the next ten or to any, unless ``strict``.
    Raises ListenError.
    """
    try:
        places = _places(host)
    except (OSError, UnicodeError) as error:
        raise ListenError("not a numeric address of this machine", _text(host, port)) from error
    failure = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for candidate in _candidates(port, strict=strict):
        try:
            return _bind_all(places, candidate)
        except OSError as error:
            failure = error
    reason = failure.strerror or str(failure)
    raise ListenError(reason, _text(host, port), failure.errno or 0) from failure


def _candidates(port: int, *, strict: bool) -> Iterable[int]:
    if not port:
        return [0] * _SHARED_TRIES
    if strict:
        return [port]
    return [*range(port, min(port + NEXT_PORTS, 65535) + 1), *[0] * _SHARED_TRIES]


def _places(host: str) -> List[Tuple[int, str]]:
    """Families and addresses to bind."""
    if not host:
        places = [(int(socket.AF_INET), "0.0.0.0")]
        return [*places, (int(socket.AF_INET6), "::")] if socket.has_ipv6 else places
    found = original("socket", "getaddrinfo")(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [(int(found[0][0]), host)]


def _bind_all(places: Sequence[Tuple[int, str]], port: int) -> List[socket.socket]:
    """One socket for each family that the machine has, all on one port; at least one."""
    sockets: List[socket.socket] = []
    absent = OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    for family, address in places:
        try:
            sockets.append(_listening(family, address, port))
        except OSError as error:
            if error.errno not in _ABSENT:
                for sock in sockets:
                    sock.close()
                raise
            absent = error
        else:
            port = sockets[-1].getsockname()[1]
    if not sockets:
        raise absent
    return sockets


def _listening(family: int, address: str, port: int) -> socket.socket:
    sock = Socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let another process take the port over
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _text(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"
