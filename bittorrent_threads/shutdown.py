"""Closes a session and its clients, on the network thread.

A thread of the user may be interrupted in ``close``, or the session may be garbage-collected without it.  So ``close``
only begins the closing and waits for its end, and the closing goes on here.  Nothing that the background threads can
reach refers to a ``Session`` or a ``Client``, and one that was garbage-collected is closed within ``LOOK_INTERVAL``.
"""

from __future__ import annotations

import functools
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

from .disk.disk import Disk
from .engine.engine import Engine
from .engine.torrent import Torrent
from .engine.wait_group import WaitGroup
from .event_dispatcher import EventDispatcher
from .net.lookups import Lookups
from .net.loop import Loop
from .settings import Settings

LOOK_INTERVAL = 1.0
"""Seconds between two looks for a session or a client that was garbage-collected."""
COLLECTED_TIMEOUT = 5.0
"""Seconds that closing it may take."""
MARGIN = 0.5
"""Seconds of the time for closing that are reserved for the end of the threads."""
LEAST_TIMEOUT = 0.1
"""Least seconds for the trackers and the files."""


class Member(NamedTuple):
    """A client of the session."""

    torrent: Torrent
    event_dispatcher: EventDispatcher
    client: Callable[[], Optional[object]]
    """A weak reference to the client."""


class Shutdown:
    """The closing of one session.  Every method but ``end_inherited`` is called on the network thread.

    Args:
        session: A weak reference to the session.
        settings: The settings of the session.
        loop: The network thread.
        disk: The disk threads.
        lookups: The lookup threads.
    """

    def __init__(
        self,
        session: Callable[[], Optional[object]],
        settings: Settings,
        loop: Loop,
        disk: Disk,
        lookups: Lookups,
    ) -> None:
        self.engine: Optional[Engine] = None
        self._session = session
        self._settings = settings
        self._loop = loop
        self._disk = disk
        self._lookups = lookups
        self._members: Dict[bytes, Member] = {}
        self._leaving: List[Member] = []
        """Clients that were removed, and whose last event is not in the queue yet."""
        self._running = False
        self._closing = False
        self._finishing = False

    def look(self) -> None:
        """Close what was garbage-collected, now and every ``LOOK_INTERVAL`` seconds."""
        self._running = True
        self._loop.call_later(LOOK_INTERVAL, self.look)
        if self._session() is None:
            self.close(COLLECTED_TIMEOUT)
        for member in list(self._members.values()):
            if member.client() is None:
                self.remove(member.event_dispatcher, COLLECTED_TIMEOUT)

    def add(self, member: Member) -> Torrent:
        """Add a client; return its torrent."""
        self._members[member.torrent.infohash] = member
        return member.torrent

    def remove(self, event_dispatcher: EventDispatcher, timeout: float) -> None:
        """Close the client of this dispatcher; harmless if it is closed."""
        for infohash, member in list(self._members.items()):
            if member.event_dispatcher is event_dispatcher and self.engine is not None:
                del self._members[infohash]
                self._leaving.append(member)
                finish = functools.partial(self._left, member, timeout)
                self._call_when_stored(timeout, [member.torrent], finish)
                self.engine.remove(member.torrent, done=finish)
                return
        event_dispatcher.finish(_nothing)

    def close(self, timeout: float) -> None:
        """Close everything within ``timeout`` seconds.  Only the first call counts."""
        if self._closing:
            return
        self._closing = True

        def finish() -> None:
            self._finish_events(timeout)

        self._call_when_stored(timeout, [member.torrent for member in self._members.values()], finish)
        self._loop.call_later(max(LEAST_TIMEOUT, timeout - MARGIN / 2), self._loop.halt)
        if self.engine is None:
            finish()
        else:
            self.engine.close(finish)

    def ended(self, cause: Optional[BaseException]) -> None:
        """End everything else when the network thread ends; ``cause`` is its error, or None."""
        if self._running:
            self._lookups.close()
            self._disk.close()
        reason = "" if cause is None else f"the network thread failed: {type(cause).__name__}: {cause}"
        for member in [*self._members.values(), *self._leaving]:
            member.event_dispatcher.finish(_nothing)
            member.event_dispatcher.end(reason)

    def end_inherited(self, reason: str) -> None:
        """In the child of a fork: put the last event into every queue."""
        for member in list(self._members.values()):
            member.event_dispatcher.end(reason)

    def _left(self, member: Member, timeout: float) -> None:
        """A client that was removed is done with its files and trackers, or has no more time for them."""
        if member in self._leaving:
            self._leaving.remove(member)
            member.event_dispatcher.finish(_nothing, _not_stored(member.torrent, timeout))

    def _finish_events(self, timeout: float) -> None:
        """Wait for the callbacks, put the last event into every queue, and then end the network thread."""
        if self._finishing:
            return
        self._finishing = True
        over = WaitGroup()
        over.expect()
        for member in self._members.values():
            over.expect()
            member.event_dispatcher.finish(over.answered, _not_stored(member.torrent, timeout))
        over.answered()
        over.when_over(self._loop.halt)

    def _call_when_stored(self, timeout: float, torrents: Sequence[Torrent], finish: Callable[[], None]) -> None:
        """Call ``finish`` when the data of the torrents is stored, or before ``timeout`` seconds are over.

        The trackers get ``Settings.stop_announce_timeout`` before that, even if nothing is to be stored.
        """
        most = max(LEAST_TIMEOUT, timeout - MARGIN)
        trackers = min(most, max(LEAST_TIMEOUT, self._settings.stop_announce_timeout + 1.0))
        deadline = self._loop.now() + most

        def check() -> None:
            left = deadline - self._loop.now()
            if left > 0 and not all([torrent.stowing.over for torrent in torrents]):
                self._loop.call_later(min(LEAST_TIMEOUT, left), check)
            else:
                finish()

        self._loop.call_later(trackers, check)


def _not_stored(torrent: Torrent, timeout: float) -> str:
    """Return why the data of a torrent is not stored; empty if it is."""
    if torrent.stowing.over:
        return ""
    return f"what is there was not stored within {timeout:g} s, and is hashed at the next start: give close more time"


def _nothing() -> None:
    pass
