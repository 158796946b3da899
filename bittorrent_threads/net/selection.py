"""``Selection``: the open sockets of a loop, and the events that each is selected for.

The rule: a socket that is selected for nothing stays open but is not in the selector, because a selector reports the
errors of every socket that is in it, again and again.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from typing import Any, Callable, Dict, Optional, Protocol

from ..threads.original import original

SELECT_SOCKETS = 500
"""Sockets of a loop that has only ``select()``, whose limit on Windows is 512."""

DefaultSelector: Callable[[], selectors.BaseSelector] = original("selectors", "DefaultSelector")


class Selectable(Protocol):
    """A socket that the loop selects and, when the loop ends, closes."""

    def on_readable(self) -> None:
        """Handle that the socket has something to read or to accept, or has an error."""

    def on_writable(self) -> None:
        """Handle that the socket takes bytes again, or that the dial ended."""

    def close(self) -> None:
        """Close the socket; idempotent."""


class Selection:
    """The sockets of a loop by their owners; for the network thread only.

    Attributes:
        selector: The selector of the system.
        capacity: Sockets that can be selected at once; the process may have fewer descriptors left.
    """

    def __init__(self) -> None:
        self.selector = DefaultSelector()
        self.capacity = _capacity(self.selector)
        self._masks: Dict[Selectable, int] = {}

    def __len__(self) -> int:
        return len(self._masks)

    def __contains__(self, owner: Selectable) -> bool:
        return owner in self._masks

    @property
    def full(self) -> bool:
        """True if no further socket can be selected."""
        return len(self._masks) >= self.capacity

    def mask(self, owner: Selectable) -> int:
        """Return the events that the socket of ``owner`` is selected for."""
        return self._masks[owner]

    def add(self, owner: Selectable) -> None:
        """Have ``close`` close ``owner``; its socket is selected for nothing yet."""
        self._masks[owner] = 0

    def select(self, sock: socket.socket, mask: int, owner: Selectable) -> None:
        """Select ``sock`` for the events of ``mask``, which may be none, from now on."""
        before = self._masks[owner]
        if mask == before:
            return
        if not before:
            self.selector.register(sock, mask, owner)
        elif mask:
            self.selector.modify(sock, mask, owner)
        else:
            self.selector.unregister(sock)
        self._masks[owner] = mask

    def remove(self, sock: Optional[socket.socket], owner: Selectable) -> None:
        """Stop selecting ``sock``, which ``owner`` is about to close."""
        if self._masks.pop(owner, 0) and sock is not None:
            self.selector.unregister(sock)

    def remove_and_close(self, sock: socket.socket, owner: Selectable) -> None:
        """Stop selecting the socket of ``owner``, and close it even if the selector fails."""
        try:
            self.remove(sock, owner)
        finally:
            sock.close()

    def close(self) -> None:
        """Close every owner, and the selector."""
        for owner in list(self._masks):
            with contextlib.suppress(Exception):  # the selector failed; the socket is closed nevertheless
                owner.close()
        with contextlib.suppress(Exception):
            self.selector.close()

    def close_inherited(self) -> None:
        """In the child of a fork, close every owner and the selector; the loop of the parent is not affected."""
        for owner in list(self._masks):
            self._masks[owner] = 0  # an epoll is shared with the parent: unregistering would take effect there
            owner.close()
        with contextlib.suppress(OSError):  # a kqueue is not inherited
            self.selector.close()


def _capacity(selector: Any) -> int:
    """Return how many sockets a selector can select."""
    if isinstance(selector, selectors.SelectSelector):
        return SELECT_SOCKETS
    try:
        import resource
    except ImportError:
        return SELECT_SOCKETS
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
