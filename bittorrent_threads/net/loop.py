"""The loop: the network thread and everything that lives on it (``engine.interfaces.Network``).

A pass is select, mailbox, timers, readable, writable, deferred, output, and at times a rest (``pace``).  The rule: as
few system calls a pass as can be, because each may cost 5 ms while the host's main thread is busy: no wake-up byte when
the loop is awake, no select while the mailbox has more, one change of the selector and one send for each stream at the
end.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import selectors
import socket
import time
import weakref
from typing import Any, Callable, Dict, List, Optional

from ..errors import SessionClosed, StateError
from ..settings import Settings
from ..threads.original import original, sleep
from ..threads.thread import Thread
from . import listener as listening
from .gil_contention import GilContention
from .interfaces import Address, Handler, Selectable, Settling
from .listener import TcpListener
from .mailbox import Mailbox
from .read_coalescer import ReadCoalescer
from .receive_pool import ReceivePool
from .reply import Reply
from .stream import TcpStream, dial
from .throttle import Line, Throttle
from .timers import Timer, Timers
from .wakeup import Wakeup

MAX_POSTS = 1000
"""Callbacks of the mailbox made between two looks at the sockets."""
MAX_ROUNDS = 8
"""Times in a pass that callbacks deferred, posted or drained by the callbacks before them are made."""
MAX_SELECT = 3600.0
"""Longest wait for a socket; epoll refuses those over 24 days."""
SELECT_SOCKETS = 500
"""Sockets of a loop where select() is all there is; its limit on Windows is 512."""

ORPHANED = "the session belongs to the parent of this process"
"""Why a fork's child is refused."""

DefaultSelector: Callable[[], selectors.BaseSelector] = original("selectors", "DefaultSelector")
_log = logging.getLogger(__name__)


class Loop:
    """Sockets, timers and the thread they live on; ``clock`` gives monotonic seconds."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._intake = ReceivePool(settings.receive_buffer, 1 + settings.piece_memory // settings.receive_buffer)
        self.gil_contention = GilContention()
        """How long calls to the system wait for the interpreter."""
        self.pace = ReadCoalescer()
        """How much came in this pass."""
        self.download = Throttle(settings.download_limit, "download_limit")
        """What all streams receive passes it; its ``rate`` may be set from any thread."""
        self.upload = Throttle(settings.upload_limit, "upload_limit")
        self.reading = Line(self)
        self.writing = Line(self)
        self.longest_pass = 0.0
        """Seconds; far more than a tenth means that something waits on the network thread."""
        self.faults = 0
        """Callbacks that raised: bugs of ours."""
        self.on_fault: Optional[Callable[[Exception], None]] = None
        """Hears what a callback raised, on this thread."""
        self.on_end: Optional[Callable[[Optional[BaseException]], None]] = None
        """Called as the last thing on this thread, with what made the loop fail."""
        self.on_exhausted: Optional[Callable[[str], None]] = None
        """Hears that connections wait because the system is out of descriptors or buffers."""
        self._clock = clock
        self._now = clock()
        self._pass_began: Optional[float] = None
        self._selector = DefaultSelector()
        self.capacity = _capacity(self._selector)
        """Sockets that this loop can select at once; the process may have fewer descriptors left."""
        self._wakeup = Wakeup()
        self._selector.register(self._wakeup.reader, selectors.EVENT_READ, self._wakeup)
        self._mailbox = Mailbox(self._wakeup.set)
        self._replies: weakref.WeakSet[Reply] = weakref.WeakSet()
        self._timers = Timers()
        self._masks: Dict[Selectable, int] = {}
        """Everything open, and what each is selected for."""
        self._deferred: List[Callable[[], None]] = []
        self._touched: List[Settling] = []
        self._ending = False
        self._process = os.getpid()
        self._thread: Optional[Thread] = None

    # -- from any thread -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread.  Raises StateError a second time, ThreadError when there is none to be had."""
        if self._thread is not None:
            raise StateError("start", "the network thread was started already")
        self._refuse_if_closed()
        self._thread = Thread(self._run, "bittorrent-net")
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the callbacks posted so far; returns at once, and may be called by a signal handler."""
        with contextlib.suppress(SessionClosed):
            self.post(self.halt)
            self.stop_unless_running()

    def stop_unless_running(self) -> None:
        """Close everything here and now if the thread has not begun; then it never will."""
        if self._thread is None or self._thread.cancel():
            self._close(None)

    def join(self, timeout: Optional[float] = None) -> bool:
        """Wait for the end of the thread, at most ``timeout`` seconds; true when it ended."""
        if self._thread is not None and self._thread.current:
            raise StateError("join", "called on the network thread, which cannot wait for its own end")
        return self._thread is None or self._thread.join(timeout)

    def post(self, callback: Callable[[], None]) -> None:
        """Make a call on the network thread.  Raises SessionClosed when there is none any more."""
        if os.getpid() != self._process:
            raise _orphaned()
        self._mailbox.post(callback)

    def call(self, function: Callable[[], Any], timeout: Optional[float] = None) -> Any:
        """The result of a call made on the network thread, or what it raised.

        Raises StateError on the network thread itself or before ``start``, SessionClosed when the loop ends first, and
        WaitTimeout after ``timeout`` seconds; the call may still be made then.
        """
        if self._thread is None and not self._mailbox.closed:
            raise StateError("call", "the network thread was not started")
        if self._thread is not None and self._thread.current:
            raise StateError("call", "called on the network thread, which cannot wait for itself")
        reply = self.reply()
        self.post(functools.partial(_answer, reply, function))
        return reply.wait(timeout)

    def reply(self) -> Reply:
        """A reply that fails with SessionClosed if the loop ends before it is given."""
        self._refuse_if_closed()
        reply = Reply()
        self._replies.add(reply)
        if self._mailbox.closed:
            reply.fail(self._mailbox.refusal())
        return reply

    @property
    def current_pass(self) -> float:
        """Seconds that the pass under way lasts already; 0 while the loop waits for something to do."""
        began = self._pass_began
        return 0.0 if began is None else max(0.0, self._clock() - began)

    def close_inherited(self) -> None:
        """In the child of a fork: close the descriptors and refuse every call; the parent's loop notices nothing."""
        self._mailbox.close(_orphaned().reason)
        for owner in list(self._masks):
            self._masks[owner] = 0  # the selector belongs to the parent too: taking a socket out of it would show there
            owner.close()
        with contextlib.suppress(OSError):  # a kqueue is not inherited
            self._selector.close()
        self._wakeup.close()
        self._refuse_waiters()

    # -- on the network thread: engine.interfaces.Network ----------------------------------------------------------

    def now(self) -> float:
        """Monotonic seconds; constant during one pass."""
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call once, ``delay`` seconds from now."""
        return self._timers.add(self._now + delay, callback)

    def defer(self, callback: Callable[[], None]) -> None:
        """Call once at the end of this pass, after every readable socket was read and before output leaves."""
        self._deferred.append(callback)

    def hurry(self) -> None:
        """Do not rest after this pass: somebody waits for what comes next."""
        self.pace.hurry()

    def connect(self, address: Address, handler: Handler, timeout: float) -> TcpStream:
        """Dial a numeric address; the handler hears ``on_connected``, or ``on_closed`` after ``timeout`` at most."""
        return dial(self, address, handler, timeout=timeout)

    def listen(self, host: str, port: int, accept: Callable[[TcpStream], None]) -> TcpListener:
        """Bind and listen, or raise ListenError.  ``accept`` gets each connection and must set its ``handler``."""
        return TcpListener(self, listening.bind(host, port, strict=self.settings.port_strict), accept)

    def throttle(self, rate: int, name: str) -> Throttle:
        """A new limit for ``TcpStream.limit``, for one direction; 0 for none yet."""
        return Throttle(rate, name)

    @property
    def receive_pool(self) -> ReceivePool:
        """What all streams read into, and who borrows of it keeps pieces there."""
        return self._intake

    # -- on the network thread: what sockets ask of it -------------------------------------------------------------

    @property
    def full(self) -> bool:
        """No other socket can be selected."""
        return len(self._masks) >= self.capacity

    def touch(self, stream: Settling) -> None:
        """Call ``settle`` at the end of this pass."""
        self._touched.append(stream)

    def adopt(self, owner: Selectable) -> None:
        """Close ``owner`` when the loop ends."""
        self._masks[owner] = 0

    def watch(self, sock: socket.socket, mask: int, owner: Selectable) -> None:
        """Select ``sock`` for ``mask``, which may be nothing, from now on."""
        before = self._masks[owner]
        if mask == before:
            return
        if not before:
            self._selector.register(sock, mask, owner)
        elif mask:
            self._selector.modify(sock, mask, owner)
        else:
            self._selector.unregister(sock)
        self._masks[owner] = mask

    def release(self, sock: Optional[socket.socket], owner: Selectable) -> None:
        """Select ``sock`` no more: ``owner`` closes it."""
        if self._masks.pop(owner, 0) and sock is not None:
            self._selector.unregister(sock)

    def halt(self) -> None:
        """End after this pass."""
        self._ending = True

    def fault(self, error: Exception) -> None:
        """A callback raised: log it, tell ``on_fault``, go on."""
        self.faults += 1
        _log.error("a callback on the network thread failed", exc_info=error)
        self._tell(self.on_fault, error)

    def exhausted(self, reason: str) -> None:
        """Connections cannot be accepted for now."""
        self._tell(self.on_exhausted, reason)

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
        began = self._now = self._pass_began = self._clock()
        self._make(self._mailbox.take(MAX_POSTS))
        self._make(self._timers.due(began))
        for key, mask in ready:
            if mask & selectors.EVENT_READ:
                self._serve(key.data, key.data.on_readable)
        for key, mask in ready:
            if mask & selectors.EVENT_WRITE:
                self._serve(key.data, key.data.on_writable)
        for _ in range(MAX_ROUNDS):
            if self._deferred:
                deferred, self._deferred = self._deferred, []
                self._make(deferred)
            if self._touched:
                touched, self._touched = self._touched, []
                for stream in touched:
                    self._serve(stream, stream.settle)
            if self._mailbox and not self._ending:
                self._make(self._mailbox.take(MAX_POSTS))
            elif not self._deferred and not self._touched:
                break
        self._pass_began = None
        lasted = self._clock() - began
        self.longest_pass = max(self.longest_pass, lasted)
        rest = self.pace.rest(lasted)
        if rest and not self._ending:
            sleep(rest)

    def _select(self) -> Any:
        """Wait for sockets until something else is to be done."""
        timeout: Optional[float] = None
        due = self._timers.next_due()
        if self._deferred or self._touched:
            timeout = 0.0
        elif due is not None:
            timeout = min(max(due - self._clock(), 0.0), MAX_SELECT)
        self._wakeup.arm()
        if self._mailbox:
            timeout = 0.0
        ready = self._selector.select(timeout)
        self._wakeup.disarm()
        return ready

    def _make(self, callbacks: Any) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception as error:
                self.fault(error)

    def _serve(self, owner: Selectable, method: Callable[[], None]) -> None:
        try:
            method()
        except Exception as error:  # the system refused something that it never should
            self.fault(error)
            owner.close()

    def _close(self, cause: Optional[BaseException]) -> None:
        """Close everything and wake every waiter."""
        reason = "the session is closed"
        if cause is not None:
            reason = f"the network thread failed: {type(cause).__name__}: {cause}"
        self._mailbox.close(reason, cause)
        for owner in list(self._masks):
            with contextlib.suppress(Exception):  # a broken selector; the socket is closed all the same
                owner.close()
        with contextlib.suppress(Exception):
            self._selector.close()
        self._wakeup.close()
        self._refuse_waiters()
        if cause is not None:
            _log.critical("the network thread failed", exc_info=cause)
        self._tell(self.on_end, cause)

    def _refuse_waiters(self) -> None:
        while True:
            try:
                self._replies.pop().fail(self._mailbox.refusal())
            except KeyError:
                return

    def _tell(self, hook: Optional[Callable[[Any], None]], what: Any) -> None:
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


def _capacity(selector: selectors.BaseSelector) -> int:
    """Sockets that a selector takes."""
    if isinstance(selector, selectors.SelectSelector):
        return SELECT_SOCKETS
    try:
        import resource
    except ImportError:
        return SELECT_SOCKETS
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
