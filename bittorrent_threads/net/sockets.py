"""``Socket``: a socket of the operating system, also in a process that gevent or eventlet has patched.

Functions and methods of the standard library that make a socket use the class that ``socket.socket`` is at that time; a
patched one needs an event loop in each thread.  The network thread and the workers use this class only.
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
    """A ``socket.socket`` whose ``accept`` returns a socket of this class."""

    def accept(self) -> Tuple[Socket, Any]:
        """Return a blocking connection and the address of its other end."""
        number, address = self._accept()  # type: ignore[attr-defined]
        return Socket(self.family, self.type, self.proto, fileno=number), address


def pair() -> Tuple[Socket, Socket]:
    """Return two connected sockets."""
    make = getattr(_socket, "socketpair", None) or original("socket", "socketpair")  # Windows has only the second
    first, second = make()
    return _wrapped(first), _wrapped(second)


def server(host: str, port: int, *, everywhere: bool = False, kind: int = socket.SOCK_STREAM) -> Socket:
    """Return a blocking socket that listens for TCP connections or receives datagrams.

    Args:
        host: The address to bind; its form selects the address family.
        port: The port; 0 lets the system choose one.
        everywhere: An IPv6 socket accepts IPv4 connections too.
        kind: ``SOCK_STREAM`` or ``SOCK_DGRAM``.

    Raises:
        OSError: The address cannot be bound.
    """
    sock = Socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    try:
        if os.name == "posix" and kind == socket.SOCK_STREAM:  # on Windows it would let another process take the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not everywhere)
        sock.bind((host, port))
        if kind == socket.SOCK_STREAM:
            sock.listen()
    except BaseException:
        sock.close()
        raise
    return sock


def _wrapped(sock: Any) -> Socket:
    return Socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
