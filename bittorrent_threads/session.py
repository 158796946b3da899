"""A session: one listening port, one network thread, one disk pool, any number of torrents.

What crosses to the network thread is a call posted to its loop, and what comes back is a value; nothing else is shared.
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
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from .disk.disk import Disk
from .engine.engine import Engine
from .engine.torrent import Torrent
from .errors import BitTorrentError, SessionClosed
from .event_dispatcher import EventDispatcher
from .net.lookups import Lookups
from .net.loop import ORPHANED, Loop
from .settings import Settings
from .shutdown import FORGOTTEN_TIMEOUT, Member, Shutdown
from .threads.uninterrupted import run_uninterrupted

if TYPE_CHECKING:
    from .client import Client

# What goes wrong on a background thread is logged; who has set up no logging shall not find it on stderr.
logging.getLogger("bittorrent_threads").addHandler(logging.NullHandler())

EXIT_TIMEOUT = 2.0
"""Seconds that leaving the interpreter waits for all sessions that were not closed."""
LOOKUP_PATIENCE = 0.5
"""Seconds that closing waits for the look-up threads."""


class Session:
    """The engine behind one or more clients.

    ``settings`` is a :class:`Settings`.  Threads start here.  Use it as a context manager, or ``close`` it.
    """

    def __init__(self, settings: Optional[Settings] = None) -> None:
        self.settings = settings or Settings()
        """The settings of the session."""
        self._closed = True
        self._clients: Dict[bytes, Callable[[], Optional[Client]]] = {}
        """References, weak to the client that made the session for itself: together they can be forgotten."""
        self._loop = run_uninterrupted(functools.partial(Loop, self.settings), "bittorrent-net")
        try:
            gil_contention = self._loop.gil_contention
            self._disk = Disk(self.settings, self._loop.post, crowded=lambda: gil_contention.high)
            self._lookups = Lookups(self.settings, self._loop)
            # The threads outlive a session that nobody closed, and must not keep it from being collected.
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

    def add(self, source: Any, basedir: str | os.PathLike[str] = ".", **options: Any) -> Client:
        """A client for ``source`` in this session; the arguments are those of :class:`Client`."""
        from .client import Client

        return Client(source, basedir, session=self, **options)

    @property
    def clients(self) -> Tuple[Client, ...]:
        """The clients of this session that are not closed."""
        found = [client() for client in list(self._clients.values())]
        return tuple([client for client in found if client is not None])

    @property
    def port(self) -> int:
        """The listening port; 0 before the first torrent is started."""
        return self._engine.port

    @property
    def download_limit(self) -> int:
        """Bytes a second from all peers of all clients, 0 for no limit; may be set at any time.

        Raises SettingsError.
        """
        return self._loop.download.rate

    @download_limit.setter
    def download_limit(self, rate: int) -> None:
        self._loop.download.rate = rate

    @property
    def upload_limit(self) -> int:
        """Bytes a second to all peers of all clients, likewise."""
        return self._loop.upload.rate

    @upload_limit.setter
    def upload_limit(self, rate: int) -> None:
        self._loop.upload.rate = rate

    @property
    def closed(self) -> bool:
        """No torrent lives in this session any more."""
        return self._closed

    def close(self, timeout: float = 5.0) -> None:
        """Stop every torrent and end every thread, within ``timeout`` seconds; idempotent, from any thread.

        Trackers are told, as far as they answer in time (``Settings.stop_announce_timeout``).  After an interrupt or
        when the time was too short, closing goes on by itself, and a second call waits for it.
        """
        self._begin_close(timeout)
        self._finish_close(time.monotonic() + timeout)

    def _begin_close(self, timeout: float) -> None:
        """Tell the network thread; waits for nothing."""
        self._closed = True
        for client in self.clients:
            if client._event_dispatcher.calling:
                client._event_dispatcher.end("")  # the callback that closes the session is not waited for
        with contextlib.suppress(BitTorrentError):
            self._loop.post(functools.partial(self._shutdown.close, timeout))

    def _finish_close(self, deadline: float) -> None:
        """Wait for every thread, until ``deadline`` in all."""

        def left() -> float:
            return max(0.1, deadline - time.monotonic())

        ended = self._loop.join(left()) and self._disk.join(left())
        self._lookups.join(min(LOOKUP_PATIENCE, left()))  # a name that is looked up cannot be interrupted
        for client in self.clients:
            client._detach(left())
        if ended:
            self._clients.clear()
            _live.discard(self)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        # No lock, no queue, no log here: the collector may run this in the middle of any of them.  The network thread
        # sees by itself that the session is gone, should an interrupt end this.
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self._abandon()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"port {self.port}, {len(self._clients)} torrents"
        return f"<bittorrent_threads.Session {state}>"

    # -- for the clients -------------------------------------------------------------------------------------------

    def _call(self, function: Callable[[Engine], Any]) -> Any:
        """The result of a call on the network thread; raises what it raised, or SessionClosed."""
        if self._closed:
            raise SessionClosed()
        return self._loop.call(lambda: function(self._engine))

    def _add(self, client: Client, event_dispatcher: EventDispatcher, make: Callable[[Engine], Torrent]) -> Torrent:
        shutdown, weak = self._shutdown, weakref.ref(client)
        torrent: Torrent = self._call(lambda engine: shutdown.add(Member(make(engine), event_dispatcher, weak)))
        self._clients[torrent.metainfo.infohash] = weak if client._owns_session else lambda: client
        return torrent

    def _remove(self, client: Client, timeout: float) -> None:
        """Have one client closed: its trackers are told and its files closed, within ``timeout``; waits for nothing."""
        with contextlib.suppress(BitTorrentError):
            self._loop.post(functools.partial(self._shutdown.remove, client._event_dispatcher, timeout))
        if self._clients.get(client.infohash, _nobody)() is client:
            self._clients.pop(client.infohash, None)

    def _abandon(self) -> None:
        """Let go without waiting for anything."""
        self._closed = True
        if hasattr(self, "_shutdown"):
            with contextlib.suppress(BitTorrentError):
                self._loop.post(functools.partial(self._shutdown.close, FORGOTTEN_TIMEOUT))
        self._loop.stop_unless_running()


def _nobody() -> None:
    pass


def _make_engine(shutdown: Shutdown, loop: Loop, disk: Disk, lookups: Lookups, settings: Settings) -> Engine:
    """On the network thread, which no interrupt reaches: the workers of the disk are started here, too."""
    disk.start()
    engine = Engine(network=loop, disk=disk, lookups=lookups, settings=settings, random=random.Random(os.urandom(16)))
    loop.on_exhausted, loop.on_fault = engine.exhausted, engine.fault
    shutdown.engine = engine
    return engine


_live: weakref.WeakSet[Session] = weakref.WeakSet()
"""Sessions that were not closed: the interpreter's end closes them, and a fork makes its copies of them dead."""


def _close_all() -> None:
    """At exit: tell every session first, then wait for all of them together."""
    # No thread can be started any more (CPython 3.12), so this one does both.
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
