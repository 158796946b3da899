"""Closes a session and its clients, on the network thread.

A thread of the user may be interrupted in ``close``, or the session may be garbage-collected without it.  So ``close``
only begins the closing and waits for its end, and the closing goes on here.  Nothing that the background threads can
reach refers to a ``Session`` or a ``Client``, and one that was garbage-collected is closed within ``LOOK_INTERVAL``.
"""

from __future__ import annotations

import functools
from typing import Callable, Dict, NamedTuple, Optional, Sequence

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
FORGOTTEN_TIMEOUT = 5.0
"""Seconds that closing it may take."""
MARGIN = 0.5
"""Seconds of the time for closing that are reserved for the end of the threads."""
LEAST_FAREWELL = 0.1
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
        self._running = False
        self._closing = False
        self._parting = False

    def look(self) -> None:
        """Close what was garbage-collected, now and every ``LOOK_INTERVAL`` seconds."""
        self._running = True
        self._loop.call_later(LOOK_INTERVAL, self.look)
        if self._session() is None:
            self.close(FORGOTTEN_TIMEOUT)
        for member in list(self._members.values()):
            if member.client() is None:
                self.remove(member.event_dispatcher, FORGOTTEN_TIMEOUT)

    def add(self, member: Member) -> Torrent:
        """Add a client; return its torrent."""
        self._members[member.torrent.infohash] = member
        return member.torrent

    def remove(self, event_dispatcher: EventDispatcher, timeout: float) -> None:
        """Close the client of this dispatcher; harmless if it is closed."""
        for infohash, member in list(self._members.items()):
            if member.event_dispatcher is event_dispatcher and self.engine is not None:
                del self._members[infohash]
                part = functools.partial(_part_from, member, timeout)
                self._call_at_the_end(timeout, [member.torrent], part)
                self.engine.remove(member.torrent, done=part)
                return
        event_dispatcher.finish(_nothing)

    def close(self, timeout: float) -> None:
        """Close everything within ``timeout`` seconds.  Only the first call counts."""
        if self._closing:
            return
        self._closing = True

        def part() -> None:
            self._part(timeout)

        self._call_at_the_end(timeout, [member.torrent for member in self._members.values()], part)
        self._loop.call_later(max(LEAST_FAREWELL, timeout - MARGIN / 2), self._loop.halt)
        if self.engine is None:
            part()
        else:
            self.engine.close(part)

    def ended(self, cause: Optional[BaseException]) -> None:
        """End everything else when the network thread ends; ``cause`` is its error, or None."""
        if self._running:
            self._lookups.close()
            self._disk.close()
        reason = "" if cause is None else f"the network thread failed: {type(cause).__name__}: {cause}"
        for member in self._members.values():
            member.event_dispatcher.finish(_nothing)
            member.event_dispatcher.end(reason)

    def end_inherited(self, reason: str) -> None:
        """In the child of a fork: put the last event into every queue."""
        for member in list(self._members.values()):
            member.event_dispatcher.end(reason)

    def _part(self, timeout: float) -> None:
        """The trackers were told and the files are closed, or their time is over: let the callbacks end, then halt."""
        if self._parting:
            return
        self._parting = True
        over = WaitGroup()
        over.expect()
        for member in self._members.values():
            over.expect()
            member.event_dispatcher.finish(over.answered, _left_behind(member.torrent, timeout))
        over.answered()
        over.when_over(self._loop.halt)

    def _call_at_the_end(self, timeout: float, torrents: Sequence[Torrent], part: Callable[[], None]) -> None:
        """Call ``part`` when the trackers had their time, and the files theirs: as much of ``timeout`` as they need."""
        most = max(LEAST_FAREWELL, timeout - MARGIN)
        trackers = min(most, max(LEAST_FAREWELL, self._settings.stop_announce_timeout + 1.0))
        deadline = self._loop.now() + most

        def look() -> None:
            left = deadline - self._loop.now()
            if left > 0 and not all([torrent.stowing.over for torrent in torrents]):
                self._loop.call_later(min(LEAST_FAREWELL, left), look)
            else:
                part()

        self._loop.call_later(trackers, look)


def _part_from(member: Member, timeout: float) -> None:
    member.event_dispatcher.finish(_nothing, _left_behind(member.torrent, timeout))


def _left_behind(torrent: Torrent, timeout: float) -> str:
    """What of a torrent could not be stored in the time there was; empty for one with nothing to store."""
    if torrent.stowing.over:
        return ""
    return f"what is there was not stored within {timeout:g} s, and is hashed at the next start: give close more time"


def _nothing() -> None:
    pass
