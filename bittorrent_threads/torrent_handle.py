"""``TorrentHandle``: how the threads of a user reach one torrent of the network thread.

Calls are posted to the network thread, and their results come back.  The status is a snapshot that any thread reads.
"""

from __future__ import annotations

import contextlib
from typing import Callable, Mapping, Optional, TypeVar

from .engine.torrent import Torrent
from .errors import BitTorrentError, SessionClosed, StorageError, WaitTimeout
from .event_dispatcher import EventDispatcher
from .net.reply import Reply
from .runtime import Runtime
from .status import Status
from .timeouts import check_timeout

Moved = Callable[[Optional[StorageError]], None]
"""Called on the network thread when files were moved, or with the error if they were not."""
T = TypeVar("T")
LOOK_TIMEOUT = 0.5
"""Most seconds to wait for a status of this moment."""


class TorrentHandle:
    """One torrent of a session.

    Args:
        runtime: The threads of the session.
        dispatcher: The dispatcher of the events of the torrent.
        torrent: The torrent; only the network thread uses it, apart from its snapshots and rate limits.
    """

    def __init__(self, runtime: Runtime, dispatcher: EventDispatcher, torrent: Torrent) -> None:
        self.runtime = runtime
        self.torrent = torrent
        self.closed = False
        """The client is closed, or is being closed by its own ``close``."""
        self.changed = dispatcher.changed
        """Wakes latches when the status has changed."""

    @property
    def status(self) -> Status:
        """The newest snapshot."""
        return self.torrent.status

    def look(self) -> Status:
        """Return the status of this moment, or the newest snapshot if the network thread does not answer soon."""
        with contextlib.suppress(BitTorrentError):
            return self.runtime._look(self.torrent, LOOK_TIMEOUT)
        return self.status

    def call(self, function: Callable[[], T]) -> T:
        """Return the result of a call on the network thread.

        Raises:
            SessionClosed: If the client or its session is closed.
        """
        if self.closed:
            raise SessionClosed("the client is closed")
        return self.runtime._call(lambda engine: function())

    def post(self, function: Callable[[], None]) -> None:
        """Have the network thread make a call, without waiting for it; takes no lock.

        Raises:
            SessionClosed: If the client or its session is closed.
        """
        if self.closed or self.runtime.closed:
            raise SessionClosed("the client is closed")
        self.runtime._loop.post(function)

    def reply(self) -> Reply:
        """Return a reply that fails with SessionClosed if the network thread ends first."""
        return self.runtime._reply()

    def set_priorities(self, priorities: Mapping[int, int]) -> None:
        """Change the priorities of some files, by their index.

        Raises:
            IndexError: If there is no such file.
            TypeError: If an index or a priority is no integer.
            ValueError: If a priority is not 0 to 7.
            SessionClosed: If the client or its session is closed.
        """
        count = len(self.torrent.content.metainfo.files)
        if not isinstance(priorities, Mapping):
            raise TypeError(f"priorities must be a dictionary from the indexes of files, not {priorities!r}")
        for index in priorities:
            if not isinstance(index, int) or isinstance(index, bool):
                raise TypeError(f"a file is given by its index, not as {index!r}")
            if not 0 <= index < count:
                raise IndexError(f"there is no file {index}: the torrent has {count}")
        self.call(lambda: self.torrent.content.change_priorities(priorities))

    def move_files(self, begin: Callable[[Moved], None], timeout: Optional[float]) -> None:
        """Move or rename files, and wait for it.

        Args:
            begin: Begins it, on the network thread.
            timeout: Seconds after which it is undone; None for no limit.

        Raises:
            StorageError: If it failed.
            WaitTimeout: If it took too long.
            ValueError: If ``timeout`` is negative.
            SessionClosed: If the client or its session is closed.
        """
        check_timeout(timeout)
        reply = self.reply()

        def moved(error: Optional[StorageError]) -> None:
            if error is None:
                reply.set(None)
            else:
                reply.fail(error)

        def begun() -> None:
            try:
                begin(moved)
            except Exception as error:
                reply.fail(error)

        self.post(begun)
        try:
            reply.wait(timeout)
        except (KeyboardInterrupt, WaitTimeout):
            with contextlib.suppress(BitTorrentError):
                self.call(self.torrent.content.move_storage.cancel)
            raise
