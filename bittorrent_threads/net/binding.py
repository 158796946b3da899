"""``bind``: sockets that are bound to one port, for TCP or UDP, IPv4 and IPv6.

The rule: all sockets of a call have the same port, because a peer that knows one address of this host tries the same
port on the other.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Iterable, List, Sequence, Tuple

from ..errors import ListenError
from ..threads.original import original
from .sockets import Socket

NEXT_PORTS = 10
"""Ports tried after the one asked for, unless it is strict; libtorrent tries as many."""
BACKLOG = 128
"""Connections that the system keeps between two passes of the loop."""

_ABSENT = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)
"""Errors of an address family that this machine does not have."""
_SHARED_TRIES = 10
"""Ports that the system is asked for until one is free in both families."""
_NUMBERS = {4: socket.AF_INET, 6: socket.AF_INET6}


def bind(host: str, port: int, *, strict: bool, family: int = 0, kind: int = socket.SOCK_STREAM) -> List[socket.socket]:
    """Return sockets bound to one port; those for TCP listen.

    Args:
        host: A numeric address of this machine; empty for all of its interfaces.
        port: The port; 0 lets the system choose one.
        strict: Fail if the port is in use.  Otherwise one of the next ten, or any, takes its place.
        family: 4 or 6 for that address family alone, 0 for both.
        kind: ``SOCK_STREAM`` or ``SOCK_DGRAM``.

    Raises:
        ListenError: No socket could be bound.
    """
    try:
        places = _places(host, family)
    except (OSError, UnicodeError) as error:
        raise ListenError("not a numeric address of this machine", _text(host, port)) from error
    failure = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for candidate in _candidates(port, strict=strict):
        try:
            return _bind_all(places, candidate, kind)
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


def _places(host: str, family: int) -> List[Tuple[int, str]]:
    """Return the address families, as the system numbers them, and addresses to bind."""
    if not host:
        places = [(int(socket.AF_INET), "0.0.0.0")]
        if socket.has_ipv6:
            places.append((int(socket.AF_INET6), "::"))
    else:
        found = original("socket", "getaddrinfo")(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        places = [(int(found[0][0]), host)]
    if family:
        places = [place for place in places if place[0] == _NUMBERS[family]]
    if not places:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    return places


def _bind_all(places: Sequence[Tuple[int, str]], port: int, kind: int) -> List[socket.socket]:
    """Return a socket for each family that the machine has, all on one port; at least one."""
    sockets: List[socket.socket] = []
    absent = OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    for family, address in places:
        try:
            sockets.append(_bound(family, address, port, kind))
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


def _bound(family: int, address: str, port: int, kind: int) -> socket.socket:
    sock = Socket(family, kind)
    try:
        # For UDP, and for TCP on Windows, it would let another process take the port.
        if kind == socket.SOCK_STREAM and os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _text(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"
