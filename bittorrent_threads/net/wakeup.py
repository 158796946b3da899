"""``Wakeup``: ends the wait of the network thread from another thread or a signal handler.

It sends a byte through a pair of sockets, the only thing that a selector can wait for on every platform.  The rule: a
byte is sent only while the loop is armed (it waits, or is about to), and once per arming.  So a busy loop costs other
threads no system call, and the pair never fills up.  The loop arms first and then checks whether there is work.
"""

from __future__ import annotations

import contextlib
import socket

from .sockets import pair

_CHUNK = 64


class Wakeup:
    """A pair of sockets; ``reader`` is readable after ``set``."""

    def __init__(self) -> None:
        self.reader, self._writer = pair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)
        with contextlib.suppress(OSError):  # only on Windows is the pair a TCP connection
            self._writer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._armed = False

    def arm(self) -> None:
        """Announce that the loop is about to wait."""
        self._armed = True

    def disarm(self) -> None:
        """Announce that the loop is awake and needs no wake-up."""
        self._armed = False

    def set(self) -> None:
        """Wake the loop; from any thread, at any time, also after ``close``."""
        if self._armed:
            try:
                self._armed = False
                self._send()
            except BaseException:
                self._send()  # this interrupted thread has disarmed for all others
                raise

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # closed, or full of bytes that wake the loop too
            self._writer.send(b"\0")

    def on_readable(self) -> None:
        """Read the bytes."""
        with contextlib.suppress(OSError):
            while len(self.reader.recv(_CHUNK)) == _CHUNK:
                pass

    def on_writable(self) -> None:
        """Do nothing: the reader is never selected for writing."""

    def close(self) -> None:
        """Close both sockets."""
        self._armed = False
        self.reader.close()
        self._writer.close()
