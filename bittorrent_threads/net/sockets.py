"""``Socket``: a socket of the system, also in a process that gevent or eventlet has patched.

What the standard library's functions and methods make is of the class that ``socket.socket`` is at that time, which
may need an event loop in each thread.  On the network thread and the workers it is this class alone that is used.
"""

from __future__ import annotations

import _socket
import os
import socket
from typing import TYPE_CHECKING, Any, Tuple

from ..threads.original import original

if TYPE_CHECKING:
    Base = socket.socket
else:
    Base = original("socket", "socket")


class Socket(Base):
    """A ``socket.socket`` that accepts its own kind."""

    def accept(self) -> Tuple[Socket, Any]:
        """A connection and its address; it is blocking."""
        number, address = self._accept()  # type: ignore[attr-defined]
        return Socket(self.family, self.type, self.proto, fileno=number), address


def pair() -> Tuple[Socket, Socket]:
    """Two connected sockets."""
    make = getattr(_socket, "socketpair", None) or original("socket", "socketpair")  # Windows has the second alone
    first, second = make()
    return _own(first), _own(second)


def server(host: str, port: int, *, everywhere: bool = False) -> Socket:
    """A socket that listens, for IPv4 and IPv6 if ``everywhere``; raises OSError."""
    sock = Socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let another process take the port over
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not everywhere)
        sock.bind((host, port))
        sock.listen()
    except BaseException:
        sock.close()
        raise
    return sock


def _own(sock: Any) -> Socket:
    return Socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
