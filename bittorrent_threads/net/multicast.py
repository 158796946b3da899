"""``MulticastSocket``: a UDP socket in a multicast group, on every interface of this machine that takes part.

The rule: nothing from outside a network of this machine is delivered, whatever the sender claims.  The group is joined
with the standard hop limit of 1, so routers forward nothing of ours.  A socket that fails closes itself and is made
again by its owner, who sends seldom; so a machine without multicast costs no pass of the loop.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import struct
import sys
from typing import Callable, List

from ..address_scope import is_public, same_network
from ..errors import ListenError
from .interfaces import Address, EventLoop
from .os_errors import describe
from .sockets import Socket

MAX_BATCH = 8
"""Datagrams read in a pass."""
MAX_DATAGRAM = 2048
"""Bytes of a datagram that are read; the rest of a longer one is lost."""
MAX_INTERFACES = 32
"""Interfaces on which the group is joined and sent to; a host of containers may have hundreds."""

Receive = Callable[[bytes, Address], None]

_TRANSIENT = {errno.EINTR, errno.EMSGSIZE, errno.ECONNREFUSED, errno.ECONNRESET, errno.ENETDOWN, errno.ENETRESET}
_DISCARD_PORT = 9
_LOOPBACK = socket.inet_aton("127.0.0.1")
_OUTGOING = {
    4: (socket.IPPROTO_IP, socket.IP_MULTICAST_IF),
    6: (getattr(socket, "IPPROTO_IPV6", 41), getattr(socket, "IPV6_MULTICAST_IF", 17)),
}
"""The option that selects the interface of what is sent."""
_OTHERS_GROUPS = {4: (socket.IPPROTO_IP, 49), 6: (getattr(socket, "IPPROTO_IPV6", 41), 29)}
"""``IP_MULTICAST_ALL`` and ``IPV6_MULTICAST_ALL`` of Linux: also take groups that other sockets have joined."""


class MulticastSocket:
    """A socket in one group; made by ``Loop.multicast``.

    Args:
        loop: The loop.
        group: Numeric address and port of the group.
        receive: Called with each datagram and the address of its sender.
        host: A numeric address of this machine, on whose interface alone the group is joined; empty for every one.

    Raises:
        ListenError: There is no such socket to be had.

    Attributes:
        family: 4 or 6.
        closed: The socket is closed.
    """

    def __init__(self, loop: EventLoop, group: Address, receive: Receive, host: str = "") -> None:
        self.family = 6 if ":" in group[0] else 4
        self.closed = False
        self._loop = loop
        self._group = group
        self._receive = receive
        self._host = host
        self._memory = memoryview(bytearray(MAX_DATAGRAM))
        if loop.selection.full:
            raise ListenError("too many open sockets", group[0], errno.EMFILE)
        try:
            self._socket = _bound(self.family, group)
        except OSError as error:
            raise ListenError(describe(error), group[0], error.errno or 0) from error
        loop.selection.add(self)
        loop.selection.select(self._socket, selectors.EVENT_READ, self)
        for place in self._places():
            self._join(place)
        if self.family == 4 and not host:
            self._join(_LOOPBACK)

    def send(self, data: bytes) -> str:
        """Send a datagram to the group, on every interface that is there now.

        Args:
            data: The payload.

        Returns:
            Why it left on none of them; empty if it left.
        """
        if self.closed:
            return "the socket is closed"
        reasons = [self._send_on(place, data) for place in self._places()]
        if "" in reasons:
            return ""
        if self.family == 4 and not self._host and not self._send_on(_LOOPBACK, data):
            return ""  # without a network, the other programs of this machine
        return reasons[0] if reasons else "no network interface"

    def close(self) -> None:
        """Leave the group and close the socket; idempotent."""
        if not self.closed:
            self.closed = True
            self._loop.selection.remove_and_close(self._socket, self)

    # -- called by the loop ----------------------------------------------------------------------------------------

    def on_readable(self) -> None:
        """Read a batch of datagrams, and deliver those from near."""
        for _ in range(MAX_BATCH):
            if self.closed:
                return
            try:
                size, sender = self._socket.recvfrom_into(self._memory)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _TRANSIENT:
                    self.close()
                    return
                continue
            host = sender[0].partition("%")[0]
            if sender[1] and self._near(host):
                zone = f"%{sender[3]}" if self.family == 6 and sender[3] else ""
                self._deliver(bytes(self._memory[:size]), (host + zone, sender[1]))

    def on_writable(self) -> None:
        """Do nothing: the socket is not selected for writing."""

    # -- inside ----------------------------------------------------------------------------------------------------

    def _deliver(self, data: bytes, address: Address) -> None:
        try:
            self._receive(data, address)
        except Exception as error:  # our own bug
            self._loop.report_fault(error)

    def _near(self, host: str) -> bool:
        """Whether a sender is in a network of this machine: IPv6 neighbours have addresses of the internet, too."""
        return not is_public(host) or same_network(host, self._own_address(host))

    def _own_address(self, host: str) -> str:
        """The address from which this machine would send to another; empty if it cannot.  No packet is sent."""
        with Socket(self._socket.family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((host, _DISCARD_PORT))
            except OSError:
                return ""
            return str(probe.getsockname()[0])

    def _places(self) -> List[bytes]:
        """The interfaces, each as the options of the system name it."""
        if self.family == 4 and self._host:
            return [socket.inet_aton(self._host)]
        try:
            indexes = [index for index, name in socket.if_nameindex() if not name.startswith("lo")]
        except OSError:
            indexes = []
        places = [self._place(index) for index in indexes[:MAX_INTERFACES]]
        return [place for place in places if self._wanted(place)]

    def _place(self, index: int) -> bytes:
        if self.family == 6:
            return struct.pack("@I", index)
        if sys.platform == "win32":
            return struct.pack("!I", index)
        return socket.inet_aton(self._group[0]) + bytes(4) + struct.pack("@i", index)

    def _wanted(self, place: bytes) -> bool:
        """Whether the host, if there is one, is the address that this interface of IPv6 sends from."""
        if not self._host:
            return True
        with Socket(self._socket.family, socket.SOCK_DGRAM) as probe:
            try:
                probe.setsockopt(*_OUTGOING[6], place)
                probe.connect(self._group)
            except OSError:
                return False
            return bool(probe.getsockname()[0] == self._host)

    def _send_on(self, place: bytes, data: bytes) -> str:
        """Send on one interface; returns why it did not leave, empty if it did."""
        self._join(place)
        try:
            self._socket.setsockopt(*_OUTGOING[self.family], place)
            self._socket.sendto(data, self._group)
        except OSError as error:
            return describe(error)
        return ""

    def _join(self, place: bytes) -> None:
        """Join the group on an interface; harmless if that was done, or if the interface has no multicast."""
        with contextlib.suppress(OSError):
            if self.family == 6:
                group = socket.inet_pton(socket.AF_INET6, self._group[0])
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + place)
            else:
                request = place if len(place) > 4 else socket.inet_aton(self._group[0]) + place
                self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def _bound(family: int, group: Address) -> socket.socket:
    """Return a socket that shares the port of the group with other programs, and with other sessions."""
    sock = Socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                sock.setsockopt(*_OTHERS_GROUPS[family], 0)
        # Bound to the group, it takes no datagram sent to this machine alone; Windows binds no such address.
        sock.bind(("" if os.name == "nt" else group[0], group[1]))
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
