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
from .net.lookups import Lookups
from .net.loop import Loop
from .net.reply import Reply
from .publisher import Publisher
from .settings import Settings

if TYPE_CHECKING:
    from .client import Client

# What goes wrong on a background thread is logged; who has set up no logging shall not find it on stderr.
logging.getLogger("bittorrent_threads").addHandler(logging.NullHandler())

EXIT_TIMEOUT = 2.0
"""Seconds that leaving the interpreter waits for all sessions that were not closed."""


class Session:
    """The engine behind one or more clients.

    ``settings`` is a :class:`Settings`.  Threads start here.  Use it as a context manager, or ``close`` it.
    """

    def __init__(self, settings: Optional[Settings] = None) -> None:
        self.settings = settings or Settings()
        self._closed = True
        self._clients: Dict[bytes, Client] = {}
        self._publishers: Dict[bytes, Publisher] = {}
        self._loop = Loop(self.settings)
        # The threads outlive a session that nobody closed, and must not keep it from being collected.
        self._loop.on_crash = functools.partial(_crashed, self._publishers)
        crowding = self._loop.crowding
        self._disk = Disk(self.settings, self._loop.post, crowded=lambda: crowding.high)
        self._lookups = Lookups(self.settings, self._loop)
        self._disk.start()
        self._loop.start()
        _live.add(self)
        self._engine: Engine = self._loop.call(self._make_engine)
        self._loop.on_exhausted = self._engine.exhausted
        self._closed = False

    def _make_engine(self) -> Engine:
        return Engine(
            network=self._loop,
            disk=self._disk,
            lookups=self._lookups,
            settings=self.settings,
            random=random.Random(os.urandom(16)),
        )

    def add(self, source: Any, basedir: str | os.PathLike[str] = ".", **options: Any) -> Client:
        """A client for ``source`` in this session; the arguments are those of :class:`Client`."""
        from .client import Client

        return Client(source, basedir, session=self, **options)

    @property
    def clients(self) -> Tuple[Client, ...]:
        """The clients of this session that are not closed."""
        return tuple(self._clients.values())

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

        Trackers are told, as far as they answer in time (``Settings.stop_announce_timeout``).
        """
        if not self._closed:
            self._finish_close(self._begin_close(), time.monotonic() + timeout)

    def _begin_close(self) -> Optional[Reply]:
        """Tell the network thread; waits for nothing."""
        self._closed = True
        with contextlib.suppress(BitTorrentError):
            reply = self._loop.reply()
            self._loop.post(lambda: self._engine.close(lambda: reply.set(None)))
            return reply
        return None

    def _finish_close(self, told: Optional[Reply], deadline: float) -> None:
        """Wait for every thread, until ``deadline`` in all."""
        if told is not None:
            with contextlib.suppress(BitTorrentError):
                farewell = min(deadline - time.monotonic() - 0.5, self.settings.stop_announce_timeout + 1.0)
                told.wait(max(0.1, farewell))
        for client in self.clients:
            client._detach(max(0.1, deadline - time.monotonic()))
        self._clients.clear()
        self._lookups.close(max(0.1, min(0.5, deadline - time.monotonic())))
        self._disk.close(max(0.1, deadline - time.monotonic()))
        self._loop.stop()
        self._loop.join(max(0.1, deadline - time.monotonic()))
        _live.discard(self)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        # No lock, no queue, no log here: the collector may run this in the middle of any of them.
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

    def _add(self, client: Client, publisher: Publisher, make: Callable[[Engine], Torrent]) -> Torrent:
        torrent: Torrent = self._call(make)
        self._clients[torrent.metainfo.infohash] = client
        self._publishers[torrent.metainfo.infohash] = publisher
        return torrent

    def _remove(self, torrent: Torrent, timeout: float) -> None:
        """Close one torrent and wait until its trackers were told and its files are closed, or ``timeout``."""
        self._clients.pop(torrent.metainfo.infohash, None)
        self._publishers.pop(torrent.metainfo.infohash, None)
        with contextlib.suppress(BitTorrentError):
            reply = self._loop.reply()
            self._loop.post(lambda: self._engine.remove(torrent, done=lambda: reply.set(None)))
            reply.wait(min(timeout, self.settings.stop_announce_timeout + 1.0))

    def _abandon(self) -> None:
        """Let go without waiting for anything."""
        self._closed = True
        self._disk.abandon()
        self._loop.stop()


def _crashed(publishers: Dict[bytes, Publisher], cause: BaseException) -> None:
    """The network thread failed: every client hears its last event."""
    for publisher in list(publishers.values()):
        publisher.end(f"the network thread failed: {type(cause).__name__}: {cause}")


_live: weakref.WeakSet[Session] = weakref.WeakSet()
"""Sessions that were not closed: the interpreter's end closes them, and a fork makes its copies of them dead."""


def _close_all() -> None:
    """At exit: tell every session first, then wait for all of them together."""
    # No thread can be started any more (CPython 3.12), so this one does both.
    deadline = time.monotonic() + EXIT_TIMEOUT
    told = [(session, session._begin_close()) for session in list(_live) if not session.closed]
    for session, reply in told:
        session._finish_close(reply, deadline)


def _after_fork() -> None:
    for session in list(_live):
        session._closed = True
        session._loop.close_inherited()
        session._lookups.close_inherited()
    _live.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
