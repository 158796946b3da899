"""The wake-up: how another thread, or a signal handler, ends the network thread's wait.

A byte through a socket pair, since a selector can wait for nothing else everywhere.  The rule: a byte is sent only
while the loop is armed (it waits, or is about to), and one for each arming, so that a busy loop costs the other
threads no system call and the pair never fills.  Who arms looks once more at what it would have been woken for.
"""

from __future__ import annotations

import contextlib
import socket

from .sockets import pair

_CHUNK = 64


class Wakeup:
    """A socket pair; ``reader`` becomes readable after ``set``."""

    def __init__(self) -> None:
        self.reader, self._writer = pair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)
        with contextlib.suppress(OSError):  # where a pair is not TCP underneath
            self._writer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._armed = False

    def arm(self) -> None:
        """The loop is about to wait."""
        self._armed = True

    def disarm(self) -> None:
        """The loop is awake: nobody needs to wake it."""
        self._armed = False

    def set(self) -> None:
        """Wake the loop; from any thread, at any time, also after ``close``."""
        if self._armed:
            try:
                self._armed = False
                self._send()
            except BaseException:
                self._send()  # who is interrupted has taken the arming away from all others
                raise

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # closed, or full of bytes that do the same
            self._writer.send(b"\0")

    def on_readable(self) -> None:
        """Take the bytes out."""
        with contextlib.suppress(OSError):
            while len(self.reader.recv(_CHUNK)) == _CHUNK:
                pass

    def on_writable(self) -> None:
        """Never selected for."""

    def close(self) -> None:
        """Close both ends."""
        self._armed = False
        self.reader.close()
        self._writer.close()
