"""Upkeep: the closing of a session and of its clients, done on the network thread whatever becomes of who asked for it.

A user's thread may be interrupted in the middle of ``close``, or forget the session altogether.  So it only has the
closing begin and waits for its end, as often as it likes; here it goes on.  The rule: nothing that the threads can
reach refers to a ``Session`` or a ``Client``, and one that is gone is closed within ``LOOK_INTERVAL``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, NamedTuple, Optional

from .disk.disk import Disk
from .engine.engine import Engine
from .engine.farewell import Farewell
from .engine.torrent import Torrent
from .net.lookups import Lookups
from .net.loop import Loop
from .publisher import Publisher
from .settings import Settings

if TYPE_CHECKING:
    from .client import Client
    from .session import Session

LOOK_INTERVAL = 1.0
"""Seconds between two looks for a session or a client that nobody has any more."""
FORGOTTEN_TIMEOUT = 5.0
"""Seconds that closing such a one may take."""
MARGIN = 0.5
"""Seconds of the time to close in that are kept for the threads to end."""
LEAST_FAREWELL = 0.1
"""Seconds that trackers and files always get."""


class Member(NamedTuple):
    """A client of the session, as the network thread knows it."""

    torrent: Torrent
    publisher: Publisher
    client: Callable[[], Optional[Client]]
    """A weak reference."""


class Upkeep:
    """``session`` is a weak reference; every method but ``end_inherited`` is called on the network thread."""

    def __init__(
        self,
        session: Callable[[], Optional[Session]],
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
        """Close what was forgotten, now and from time to time."""
        self._running = True
        self._loop.call_later(LOOK_INTERVAL, self.look)
        if self._session() is None:
            self.close(FORGOTTEN_TIMEOUT)
        for member in list(self._members.values()):
            if member.client() is None:
                self.remove(member.publisher, FORGOTTEN_TIMEOUT)

    def add(self, member: Member) -> Torrent:
        """A client has come."""
        self._members[member.torrent.metainfo.infohash] = member
        return member.torrent

    def remove(self, publisher: Publisher, timeout: float) -> None:
        """Close the client of this publisher, and forget it; harmless when it is gone."""
        for infohash, member in list(self._members.items()):
            if member.publisher is publisher and self.engine is not None:
                del self._members[infohash]

                def part() -> None:
                    publisher.finish(_nothing)

                self._loop.call_later(self._farewell(timeout), part)
                self.engine.remove(member.torrent, done=part)
                return
        publisher.finish(_nothing)

    def close(self, timeout: float) -> None:
        """Close everything within ``timeout`` seconds.  The first call counts."""
        if self._closing:
            return
        self._closing = True
        self._loop.call_later(self._farewell(timeout), self._part)
        self._loop.call_later(max(LEAST_FAREWELL, timeout - MARGIN / 2), self._loop.halt)
        if self.engine is None:
            self._part()
        else:
            self.engine.close(self._part)

    def ended(self, cause: Optional[BaseException]) -> None:
        """The network thread ends, well or by ``cause``: let go of all that it cared for."""
        if self._running:
            self._lookups.close()
            self._disk.close()
        reason = "" if cause is None else f"the network thread failed: {type(cause).__name__}: {cause}"
        for member in self._members.values():
            member.publisher.finish(_nothing)
            member.publisher.end(reason)

    def end_inherited(self, reason: str) -> None:
        """In the child of a fork: nothing more will come."""
        for member in list(self._members.values()):
            member.publisher.end(reason)

    def _part(self) -> None:
        """The trackers were told and the files are closed, or their time is over: let the callbacks end, then halt."""
        if self._parting:
            return
        self._parting = True
        over = Farewell()
        over.expect()
        for member in self._members.values():
            over.expect()
            member.publisher.finish(over.answered)
        over.answered()
        over.when_over(self._loop.halt)

    def _farewell(self, timeout: float) -> float:
        """Seconds of ``timeout`` for the trackers and the files."""
        return max(LEAST_FAREWELL, min(timeout - MARGIN, self._settings.stop_announce_timeout + 1.0))


def _nothing() -> None:
    pass
