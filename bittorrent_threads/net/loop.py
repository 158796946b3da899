"""``Loop``: the network thread, with the selector, the timers and the sockets that live on it.

A pass is: select, mailbox, timers, readable sockets, writable sockets, deferred calls, output, and at times a rest
(``read_coalescer``).  The rule: a pass makes as few system calls as possible, because each may cost 5 ms while another
thread computes in Python.  There is no wake-up byte while the loop is awake, no ``select`` while the mailbox has more,
and at the end one change of the selector and one ``sendmsg`` for each stream.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import selectors
import socket
import time
import weakref
from typing import Any, Callable, Dict, List, Optional

from ..errors import ListenError, SessionClosed, StateError
from ..settings import Settings
from ..threads.original import sleep
from ..threads.thread import Thread
from .binding import bind
from .datagram import UdpSocket
from .gil_contention import GilContention
from .interfaces import Address, Flushable, StreamHandler
from .listener import Accept, TcpListener
from .mailbox import Mailbox
from .multicast import MulticastSocket, Receive
from .read_coalescer import ReadCoalescer
from .receive_pool import ReceivePool
from .reply import Reply
from .selection import Selectable, Selection
from .stream import dial
from .throttle import Throttle, ThrottleQueue
from .timers import Timer, Timers
from .transport import Transport
from .wakeup import Wakeup

MAX_POSTS = 1000
"""Callbacks of the mailbox that are called between two checks of the sockets."""
MAX_ROUNDS = 8
"""Times in a pass that callbacks are called which earlier callbacks of the pass deferred or posted."""
MAX_SELECT = 3600.0
"""Seconds of the longest wait for a socket; epoll refuses waits of more than 24 days."""
ORPHANED = "the session belongs to the parent of this process"
"""The reason of errors in the child of a fork."""

_log = logging.getLogger(__name__)


class Loop:
    """The network thread.

    Args:
        settings: Limits and buffer sizes.
        clock: Returns monotonic seconds.

    Attributes:
        selection: The open sockets.
        gil_contention: How long system calls wait for the GIL.
        coalescer: How much was received in this pass.
        download: The limit of what all streams receive; its ``rate`` may be set from any thread.
        upload: The limit of what all streams send, likewise.
        on_fault: Called on this thread with what a callback raised.
        on_end: Called as the last thing on this thread, with the exception that ended the loop, or None.
        on_exhausted: Called with a reason when connections wait because the system is out of descriptors or buffers.
        capacity: Sockets that this loop can select at once; the process may have fewer descriptors left.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._receive_pool = ReceivePool(settings.receive_buffer, 1 + settings.piece_memory // settings.receive_buffer)
        self.gil_contention = GilContention()
        self.coalescer = ReadCoalescer()
        self.download = Throttle(settings.download_limit, "download_limit")
        self.upload = Throttle(settings.upload_limit, "upload_limit")
        self.read_queue = ThrottleQueue(self)
        self.write_queue = ThrottleQueue(self)
        self.on_fault: Optional[Callable[[Exception], None]] = None
        self.on_end: Optional[Callable[[Optional[BaseException]], None]] = None
        self.on_exhausted: Optional[Callable[[str], None]] = None
        self._clock = clock
        self._now = clock()
        self.selection = Selection()
        self.capacity = self.selection.capacity
        self._wakeup = Wakeup()
        self.selection.selector.register(self._wakeup.reader, selectors.EVENT_READ, self._wakeup)
        self._mailbox = Mailbox(self._wakeup.set)
        self._replies: weakref.WeakSet[Reply] = weakref.WeakSet()
        self._timers = Timers()
        self._deferred: List[Callable[[], None]] = []
        self._to_flush: List[Flushable] = []
        self._datagram_sockets: Dict[int, UdpSocket] = {}
        """The UDP socket of each address family, 4 and 6."""
        self._ending = False
        self._process = os.getpid()
        self._thread: Optional[Thread] = None

    # -- from any thread -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread.

        Raises:
            StateError: It was started before.
            ThreadError: The system has no thread to give.
            SessionClosed: The loop is closed.
        """
        if self._thread is not None:
            raise StateError("start", "the network thread was started already")
        self._refuse_if_closed()
        self._thread = Thread(self._run, "bittorrent-net")
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the callbacks posted so far; returns at once, and a signal handler may call it."""
        with contextlib.suppress(SessionClosed):
            self.post(self.halt)
            self.stop_unless_running()

    def stop_unless_running(self) -> None:
        """If the thread has not begun, keep it from beginning and close everything in the calling thread."""
        if self._thread is None or self._thread.cancel():
            self._close(None)

    def join(self, timeout: Optional[float] = None) -> bool:
        """Wait for the end of the thread.

        Args:
            timeout: Seconds to wait at most; None waits without limit.

        Returns:
            True if the thread has ended, false after ``timeout``.

        Raises:
            StateError: This is the network thread.
        """
        if self._thread is not None and self._thread.current:
            raise StateError("join", "called on the network thread, which cannot wait for its own end")
        return self._thread is None or self._thread.join(timeout)

    def post(self, callback: Callable[[], None]) -> None:
        """Have the network thread make a call; from any thread.

        Raises:
            SessionClosed: The loop has ended.
        """
        if os.getpid() != self._process:
            raise _orphaned()
        self._mailbox.post(callback)

    def call(self, function: Callable[[], Any], timeout: Optional[float] = None) -> Any:
        """Have the network thread make a call, and wait for the result.

        Args:
            function: The call.
            timeout: Seconds to wait at most; the call may still be made later.

        Returns:
            What the call returned.

        Raises:
            StateError: The loop was not started, or this is the network thread.
            SessionClosed: The loop ended before it made the call.
            WaitTimeout: There was no result after ``timeout`` seconds.
            BaseException: A copy of what the call raised.
        """
        if self._thread is None and not self._mailbox.closed:
            raise StateError("call", "the network thread was not started")
        if self._thread is not None and self._thread.current:
            raise StateError("call", "called on the network thread, which cannot wait for itself")
        reply = self.reply()
        self.post(functools.partial(_answer, reply, function))
        return reply.wait(timeout)

    def reply(self) -> Reply:
        """Return a new reply, which fails with SessionClosed if the loop ends before there is a value.

        Raises:
            SessionClosed: This process is the child of a fork, or the loop has ended.
        """
        self._refuse_if_closed()
        reply = Reply()
        self._replies.add(reply)
        if self._mailbox.closed:
            reply.fail(self._mailbox.refusal())
        return reply

    def close_inherited(self) -> None:
        """In the child of a fork, close the descriptors and refuse every call; the parent is not affected."""
        self._mailbox.close(_orphaned().reason)
        self.selection.close_inherited()
        self._wakeup.close()
        self._fail_replies()

    # -- on the network thread: for the engine ---------------------------------------------------------------------

    def now(self) -> float:
        """Return monotonic seconds, which are constant during a pass."""
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call once, ``delay`` seconds from now; the timer can be cancelled."""
        return self._timers.add(self._now + delay, callback)

    def defer(self, callback: Callable[[], None]) -> None:
        """Call once at the end of this pass, after all readable sockets were read and before output leaves."""
        self._deferred.append(callback)

    def skip_rest(self) -> None:
        """Do not rest after this pass, because a peer waits for what the next one does."""
        self.coalescer.skip_rest()

    def connect(
        self, address: Address, handler: StreamHandler, timeout: float, transport: Optional[Transport[Any]] = None
    ) -> Any:
        """Dial; never raises.

        Args:
            address: Numeric host and port of the other end.
            handler: Is told ``on_connected``, or ``on_closed`` after ``timeout`` at most.
            timeout: Seconds that the connection may take.
            transport: How the connection is made; None for TCP.

        Returns:
            The stream, which accepts ``send`` at once.
        """
        if transport is not None:
            return transport.dial(self, address, handler, timeout)
        return dial(self, address, handler, timeout=timeout, own=self.settings.host)

    def listen(self, host: str, port: int, accept: Accept) -> TcpListener:
        """Accept TCP connections on a port.

        Args:
            host: A numeric address of this machine; empty for all of its interfaces.
            port: The port; 0 lets the system choose one.
            accept: Is called with each connection, and must set its ``handler``.

        Raises:
            ListenError: The port cannot be bound.
        """
        return TcpListener(self, bind(host, port, strict=self.settings.port_strict), accept)

    def datagram(self, family: int, host: str = "", port: int = 0) -> UdpSocket:
        """Return the UDP socket of an address family; it is opened by the first call, and by the first after ``close``.

        Args:
            family: 4 or 6.
            host: The numeric address to bind when the socket is opened; empty for all interfaces.
            port: The port to bind then; 0 lets the system choose one.

        Raises:
            ListenError: The port cannot be bound, or no further socket can be selected.
        """
        sock = self._datagram_sockets.get(family)
        if sock is None or sock.closed:
            if self.selection.full:
                raise ListenError("too many open sockets", f"{host or '*'}:{port}", errno.EMFILE)
            strict = self.settings.port_strict
            bound = bind(host, port, strict=strict, family=family, kind=socket.SOCK_DGRAM)
            sock = self._datagram_sockets[family] = UdpSocket(self, bound[0])
        return sock

    def multicast(self, group: Address, receive: Receive, host: str = "") -> MulticastSocket:
        """Return a socket in a multicast group; the arguments and ListenError are those of ``MulticastSocket``."""
        return MulticastSocket(self, group, receive, host)

    def throttle(self, rate: int, name: str) -> Throttle:
        """Return a new limit for ``TcpStream.limit``, for one direction.

        Args:
            rate: Bytes a second; 0 for no limit yet.
            name: What the user calls the limit, for errors.

        Raises:
            SettingsError: ``rate`` is not an int of 0 or more.
        """
        return Throttle(rate, name)

    @property
    def receive_pool(self) -> ReceivePool:
        """The memory that TCP streams read into, of which pieces borrow."""
        return self._receive_pool

    # -- on the network thread: for the sockets --------------------------------------------------------------------

    def flush_later(self, owner: Flushable) -> None:
        """Call ``owner.flush`` at the end of this pass."""
        self._to_flush.append(owner)

    def halt(self) -> None:
        """End the thread after this pass."""
        self._ending = True

    def report_fault(self, error: Exception) -> None:
        """Log what a callback raised, and call ``on_fault``."""
        _log.error("a callback on the network thread failed", exc_info=error)
        self._call_hook(self.on_fault, error)

    def report_exhausted(self, reason: str) -> None:
        """Call ``on_exhausted``: connections cannot be accepted for now."""
        self._call_hook(self.on_exhausted, reason)

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        cause: Optional[BaseException] = None
        try:
            while not self._ending:
                self._pass()
        except BaseException as error:
            cause = error
        self._close(cause)

    def _pass(self) -> None:
        ready = self._select()
        began = self._now = self._clock()
        self._call_all(self._mailbox.take(MAX_POSTS))
        self._call_all(self._timers.due(began))
        for key, mask in ready:
            if mask & selectors.EVENT_READ:
                self._call_owner(key.data, key.data.on_readable)
        for key, mask in ready:
            if mask & selectors.EVENT_WRITE:
                self._call_owner(key.data, key.data.on_writable)
        for _ in range(MAX_ROUNDS):
            if self._deferred:
                deferred, self._deferred = self._deferred, []
                self._call_all(deferred)
            if self._to_flush:
                to_flush, self._to_flush = self._to_flush, []
                for owner in to_flush:
                    self._call_owner(owner, owner.flush)
            if self._mailbox and not self._ending:
                self._call_all(self._mailbox.take(MAX_POSTS))
            elif not self._deferred and not self._to_flush:
                break
        rest = self.coalescer.rest(self._clock() - began)
        if rest and not self._ending:
            sleep(rest)

    def _select(self) -> Any:
        """Wait until a socket is ready, a timer is due or a callback is posted; return the ready sockets."""
        timeout: Optional[float] = None
        due = self._timers.next_due()
        if self._deferred or self._to_flush:
            timeout = 0.0
        elif due is not None:
            timeout = min(max(due - self._clock(), 0.0), MAX_SELECT)
        self._wakeup.arm()
        if self._mailbox:
            timeout = 0.0
        ready = self.selection.selector.select(timeout)
        self._wakeup.disarm()
        return ready

    def _call_all(self, callbacks: Any) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception as error:
                self.report_fault(error)

    def _call_owner(self, owner: Selectable, method: Callable[[], None]) -> None:
        try:
            method()
        except Exception as error:  # a bug, or an error of the system that was not expected
            self.report_fault(error)
            owner.close()

    def _close(self, cause: Optional[BaseException]) -> None:
        """Close everything, and wake every thread that waits for a reply."""
        reason = "the session is closed"
        if cause is not None:
            reason = f"the network thread failed: {type(cause).__name__}: {cause}"
        self._mailbox.close(reason, cause)
        self.selection.close()
        self._wakeup.close()
        self._fail_replies()
        if cause is not None:
            _log.critical("the network thread failed", exc_info=cause)
        self._call_hook(self.on_end, cause)

    def _fail_replies(self) -> None:
        while True:
            try:
                self._replies.pop().fail(self._mailbox.refusal())
            except KeyError:
                return

    def _call_hook(self, hook: Optional[Callable[[Any], None]], what: Any) -> None:
        if hook is not None:
            try:
                hook(what)
            except Exception:
                _log.exception("a hook of the network thread failed")

    def _refuse_if_closed(self) -> None:
        if os.getpid() != self._process:
            raise _orphaned()
        if self._mailbox.closed:
            raise self._mailbox.refusal()


def _answer(reply: Reply, function: Callable[[], Any]) -> None:
    try:
        value = function()
    except BaseException as error:
        reply.fail(error)
    else:
        reply.set(value)


def _orphaned() -> SessionClosed:
    return SessionClosed(ORPHANED)
