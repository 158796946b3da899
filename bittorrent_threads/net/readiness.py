"""``Readiness``: a descriptor that is readable while something waits, for event loops of other libraries.

One thread calls ``raised``, after something was added; any number of threads call ``lowered``, after they found nothing
left.  At most one byte is in the pair of sockets, apart from races, which may add a few.

The rule: ``lowered`` looks again after it has read the byte, because something may have been added in between.  If it
is interrupted, its thread stays in ``_lowering``, and then ``raised`` sends a byte each time: one too many ends one
``select`` too early, and one too few would let it wait for ever.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any, Callable, Set

from ..threads.original import get_ident
from ..threads.uninterrupted import run_uninterrupted
from .sockets import Socket, pair

_CHUNK = 64
_FLAGS: int = getattr(socket, "MSG_NOSIGNAL", 0)
"""The program may have restored the default action of SIGPIPE."""


class Readiness:
    """A pair of sockets; ``fileno()`` is that of the one which is readable.

    Both are closed when this object is garbage-collected: an event loop may have the descriptor until then.

    Args:
        waiting: Returns whether something waits; called in any thread.
    """

    def __init__(self, waiting: Callable[[], bool]) -> None:
        self._waiting = waiting
        self._reader, self._writer = run_uninterrupted(_unblocked_pair, "fileno")
        self._is_raised = False
        self._lowering: Set[int] = set()
        """Threads that are in ``lowered``, or were interrupted in it."""
        self._process = os.getpid()

    def fileno(self) -> int:
        """Return the number of the descriptor, or of the socket on Windows."""
        number: int = self._reader.fileno()
        return number

    def raised(self) -> None:
        """Make the descriptor readable: something waits."""
        if not self._is_raised or self._lowering:
            self._is_raised = True
            self._send()

    def lowered(self) -> None:
        """Make the descriptor unreadable, unless something waits all the same."""
        me = get_ident()
        try:
            self._lowering.add(me)
            self._drain()
            self._is_raised = False
            if self._waiting():
                self._is_raised = True
                self._send()
            self._lowering.discard(me)
        except BaseException:
            self._send()
            raise

    def end(self) -> None:
        """Make the descriptor readable for good; may be called in any thread, and again.

        In the child of a fork the pair is that of the parent.  There another one gets its numbers.
        """
        with contextlib.suppress(OSError):  # ended before, or no descriptor is left for a pair
            if self._process != os.getpid():
                for inherited, own in zip((self._reader, self._writer), pair()):
                    with own:
                        os.dup2(own.fileno(), inherited.fileno(), inheritable=False)
                self._process = os.getpid()
            self._writer.shutdown(socket.SHUT_WR)  # closing it while another thread sends could hit another socket

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # ended, or full of bytes
            self._writer.send(b"\0", _FLAGS)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while len(self._reader.recv(_CHUNK)) == _CHUNK:
                pass


class _Collected(Socket):
    """A socket that may be closed by the garbage collector without a warning."""

    def __del__(self) -> None:
        self.close()


def _unblocked_pair() -> Any:
    made = [_Collected(sock.family, sock.type, sock.proto, fileno=sock.detach()) for sock in pair()]
    for sock in made:
        sock.setblocking(False)
    if made[1].family != getattr(socket, "AF_UNIX", None):  # only on Windows is the pair a TCP connection
        made[1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
