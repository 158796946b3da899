"""The threads and limits of a session: one listening port, one network thread, one disk pool, any number of torrents.

Calls are posted to the network thread, and values come back; nothing else is shared.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import random
import time
import warnings
import weakref
from typing import Callable, Dict, Optional, Protocol, Tuple, TypeVar

from .disk.disk import Disk
from .engine.engine import Engine
from .engine.torrent import Torrent
from .errors import BitTorrentError, SessionClosed, StateError
from .event_dispatcher import EventDispatcher
from .ip_filter import IpFilter
from .net.lookups import Lookups
from .net.loop import ORPHANED, Loop
from .net.reply import Reply
from .settings import Settings
from .shutdown import COLLECTED_TIMEOUT, Member, Shutdown
from .status import Status
from .threads.uninterrupted import run_uninterrupted

# Errors on background threads are logged.  Without this handler they would go to standard error in a program that
# configures no logging.
logging.getLogger("bittorrent_threads").addHandler(logging.NullHandler())

EXIT_TIMEOUT = 2.0
"""Seconds that the end of the interpreter waits for all open sessions."""
LOOKUP_PATIENCE = 0.5
"""Seconds that closing waits for the lookup threads."""

S = TypeVar("S", bound="Runtime")
T = TypeVar("T")


class Attached(Protocol):
    """What a session asks of its clients."""

    _event_dispatcher: EventDispatcher
    _owns_session: bool

    def _detach(self, timeout: float) -> None:
        """Wait for the last event and the last callback, at most ``timeout`` seconds."""


class Runtime:
    """A session without the method that adds clients; a client that is given no session makes one for itself.

    Args:
        settings: Limits, budgets and times; the defaults if it is None.

    Raises:
        ThreadError: If the system cannot start a thread.
    """

    def __init__(self, settings: Optional[Settings] = None) -> None:
        if settings is not None and not isinstance(settings, Settings):
            raise StateError("Session", f"settings must be Settings, not {type(settings).__name__}")
        self.settings = settings or Settings()
        """The settings of the session."""
        self._closed = True
        self._clients: Dict[bytes, Callable[[], Optional[Attached]]] = {}
        """By infohash; weak for a client that made the session for itself, so that both can be garbage-collected."""
        self._loop = run_uninterrupted(functools.partial(Loop, self.settings), "bittorrent-net")
        try:
            gil_contention = self._loop.gil_contention
            self._disk = Disk(self.settings, self._loop.post, crowded=lambda: gil_contention.high)
            self._lookups = Lookups(self.settings, self._loop)
            # The threads refer to the session weakly: a session that is not closed must be garbage-collected.
            self._shutdown = Shutdown(weakref.ref(self), self.settings, self._loop, self._disk, self._lookups)
            self._loop.on_end = self._shutdown.ended
            self._loop.post(self._shutdown.look)
            _live.add(self)
            self._loop.start()
            self._engine: Engine = self._loop.call(
                functools.partial(_make_engine, self._shutdown, self._loop, self._disk, self._lookups, self.settings)
            )
            self._closed = False
        except BaseException:
            self._abandon()
            raise

    @property
    def clients(self) -> Tuple[Attached, ...]:
        """The clients of this session that are not closed."""
        found = [client() for client in list(self._clients.values())]
        return tuple([client for client in found if client is not None])

    @property
    def port(self) -> int:
        """Listening port; 0 before the first torrent is started."""
        return self._engine.port

    @property
    def download_limit(self) -> int:
        """Most bytes a second received from all peers of all clients, 0 for no limit; may be set at any time.

        Setting it raises SettingsError for a value that is no rate.
        """
        return self._loop.download.rate

    @download_limit.setter
    def download_limit(self, rate: int) -> None:
        self._loop.download.rate = rate

    @property
    def upload_limit(self) -> int:
        """Most bytes a second sent to all peers of all clients, 0 for no limit; may be set at any time."""
        return self._loop.upload.rate

    @upload_limit.setter
    def upload_limit(self, rate: int) -> None:
        self._loop.upload.rate = rate

    @property
    def ip_filter(self) -> IpFilter:
        """The addresses with which the session exchanges nothing; empty at first, and may be changed at any time."""
        engine = self._engine
        return IpFilter(
            lambda: engine.address_filter.ranges,
            lambda before, after: self._call(lambda engine: engine.change_filter(before, after)),
        )

    @property
    def closed(self) -> bool:
        """The session is closed, or is being closed."""
        return self._closed

    def close(self, timeout: float = 5.0) -> None:
        """Stop every torrent, and end every thread.

        It announces to the trackers that the torrents stopped, and waits at most ``Settings.stop_announce_timeout``
        seconds for their answers.  It may be called any number of times, in any thread.  After an interrupt, or a
        ``timeout`` that was too short, closing goes on by itself, and a further call waits for its end.

        Args:
            timeout: Most seconds to wait.
        """
        self._begin_close(timeout)
        self._finish_close(time.monotonic() + timeout)

    def _begin_close(self, timeout: float) -> None:
        """Make the network thread close everything; does not wait."""
        self._closed = True
        for client in self.clients:
            if client._event_dispatcher.calling:
                client._event_dispatcher.end("")  # a callback closes the session, and cannot wait for its own end
        with contextlib.suppress(BitTorrentError):
            self._loop.post(functools.partial(self._shutdown.close, timeout))

    def _finish_close(self, deadline: float) -> None:
        """Wait for the end of every thread, until ``deadline``."""

        def left() -> float:
            return max(0.1, deadline - time.monotonic())

        ended = self._loop.join(left()) and self._disk.join(left())
        self._lookups.join(min(LOOKUP_PATIENCE, left()))  # a name lookup cannot be interrupted
        for client in self.clients:
            client._detach(left())
        if ended:
            self._clients.clear()
            _live.discard(self)

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        # No lock, queue or log is used here: the garbage collector may run this while any of them is in use.  If an
        # interrupt ends this, the network thread notices by itself that the session is gone.
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self._abandon()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"port {self.port}, {len(self._clients)} torrents"
        return f"<bittorrent_threads.Session {state}>"

    # -- for the clients -------------------------------------------------------------------------------------------

    def _call(self, function: Callable[[Engine], T]) -> T:
        """Return the result of a call on the network thread.

        Raises:
            SessionClosed: If the session is closed.
        """
        if self._closed:
            raise SessionClosed()
        result: T = self._loop.call(lambda: function(self._engine))
        return result

    def _look(self, torrent: Torrent, timeout: float) -> Status:
        """Return a status of this moment.

        Raises:
            SessionClosed: If the session is closed.
            WaitTimeout: After ``timeout`` seconds.
        """
        status: Status = self._loop.call(torrent.look, timeout)
        return status

    def _reply(self) -> Reply:
        """Return a reply that fails with SessionClosed if the network thread ends first."""
        return self._loop.reply()

    def _add(self, client: Attached, event_dispatcher: EventDispatcher, make: Callable[[Engine], Torrent]) -> Torrent:
        """Make the torrent of a client, on the network thread."""
        shutdown, weak = self._shutdown, weakref.ref(client)
        torrent: Torrent = self._call(lambda engine: shutdown.add(Member(make(engine), event_dispatcher, weak)))
        self._clients[torrent.infohash] = weak if client._owns_session else lambda: client
        return torrent

    def _remove(self, client: Attached, infohash: bytes, timeout: float) -> None:
        """Make the network thread close one client within ``timeout`` seconds; does not wait."""
        with contextlib.suppress(BitTorrentError):
            self._loop.post(functools.partial(self._shutdown.remove, client._event_dispatcher, timeout))
        found = self._clients.get(infohash)
        if found is not None and found() is client:
            self._clients.pop(infohash, None)

    def _abandon(self) -> None:
        """Make the network thread close everything, when the session was not closed; does not wait."""
        self._closed = True
        if hasattr(self, "_shutdown"):
            with contextlib.suppress(BitTorrentError):
                self._loop.post(functools.partial(self._shutdown.close, COLLECTED_TIMEOUT))
        self._loop.stop_unless_running()


def _make_engine(shutdown: Shutdown, loop: Loop, disk: Disk, lookups: Lookups, settings: Settings) -> Engine:
    """Make the engine and start the disk threads, on the network thread, as an interrupt cannot reach it."""
    disk.start()
    engine = Engine(
        network=loop,
        disk=disk,
        lookups=lookups,
        settings=settings,
        random=random.Random(os.urandom(16)),
        secrets=random.SystemRandom(),
    )
    loop.on_exhausted, loop.on_fault = engine.connection_limit.exhausted, engine.fault
    shutdown.engine = engine
    return engine


_live: weakref.WeakSet[Runtime] = weakref.WeakSet()
"""Open sessions: the end of the interpreter closes them, and in the child of a fork they are dead."""


def _close_all() -> None:
    """Close all sessions at the end of the interpreter: begin with all of them, then wait for all."""
    # From CPython 3.12 on no thread can be started here.
    deadline = time.monotonic() + EXIT_TIMEOUT
    sessions = list(_live)
    for session in sessions:
        session._begin_close(EXIT_TIMEOUT)
    for session in sessions:
        session._finish_close(deadline)


def _after_fork() -> None:
    for session in list(_live):
        session._closed = True
        session._loop.close_inherited()
        session._lookups.close_inherited()
        session._shutdown.end_inherited(ORPHANED)
    _live.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
