"""``TorrentHandle``: how the threads of a user reach one torrent of the network thread.

Calls are posted to the network thread, and their results come back.  The status is a snapshot that any thread reads.
"""

from __future__ import annotations

import contextlib
import time
from typing import Callable, Dict, Mapping, Optional, Tuple, TypeVar

from .engine.torrent import Torrent
from .errors import BitTorrentError, SessionClosed, Stalled, StorageError, WaitTimeout
from .event_dispatcher import EventDispatcher
from .net.reply import Reply
from .runtime import Runtime
from .status import Status
from .threads.latch import Cancel

Condition = Callable[[Status], bool]
Moved = Callable[[Optional[StorageError]], None]
"""Called on the network thread when files were moved, or with the error if they were not."""
T = TypeVar("T")

CONDITIONS: Dict[str, Condition] = {
    "complete": lambda status: status.complete and not status.checking,
    "seed": lambda status: status.seed and not status.checking,
    "checked": lambda status: status.metadata and not status.checking,
    "metadata": lambda status: status.metadata,
}
"""The conditions of ``Client.wait`` that have a name."""
FIGURES = ("state", "pieces_have", "piece_count", "left", "downloaded", "connected", "known", "stall")
"""The fields of a status that the exception of a wait contains."""


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
        self._dispatcher = dispatcher

    @property
    def status(self) -> Status:
        """The newest snapshot."""
        return self.torrent.status

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
            TypeError: If a priority is no integer.
            ValueError: If a priority is not 0 to 7.
            SessionClosed: If the client or its session is closed.
        """
        count = len(self.torrent.content.metainfo.files)
        for index in priorities:
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
            SessionClosed: If the client or its session is closed.
        """
        reply = self.reply()

        def moved(error: Optional[StorageError]) -> None:
            if error is None:
                reply.set(None)
            else:
                reply.fail(error)

        self.call(lambda: begin(moved))
        try:
            reply.wait(timeout)
        except (KeyboardInterrupt, WaitTimeout):
            with contextlib.suppress(BitTorrentError):
                self.call(self.torrent.content.move_storage.cancel)
            raise

    def wait(
        self,
        condition: Condition,
        goal: str,
        timeout: Optional[float],
        stall_timeout: Optional[float],
        cancel: Optional[Cancel],
        look: Optional[float] = None,
    ) -> Status:
        """Wait until a condition is true of the status.

        Args:
            condition: Called whenever the status has changed.
            goal: What is waited for, for messages.
            timeout: Most seconds to wait; None for no limit.
            stall_timeout: Most seconds without progress; None for no limit.
            cancel: Ends the wait when it is set.
            look: Seconds after which ``condition`` is called again without a change; None for never.

        Returns:
            The status of which the condition is true.

        Raises:
            WaitTimeout: After ``timeout`` seconds.
            Stalled: After ``stall_timeout`` seconds without progress.
            Cancelled: If ``cancel`` was set.
            MetainfoError: If the metadata that came for a magnet link cannot be used.
            SessionClosed: If the client or its session is closed first.
        """
        started = moved_at = time.monotonic()
        moved: Optional[Tuple[int, int, int]] = None
        changed = self._dispatcher.changed
        while True:
            latch = changed.add()
            try:
                status = self.status
                if condition(status):
                    return status
                if status.closed or self.runtime.closed:
                    raise SessionClosed(f"the client was closed before {status.name!r} was {goal}")
                self.torrent.metadata.require_usable()
                self.reply()  # raises what ended the network thread
                now = time.monotonic()
                received = status.downloaded - status.wasted + status.metadata_received
                marks = (received, status.pieces_have, status.checking)
                if marks != moved:
                    moved, moved_at = marks, now
                left = [] if look is None else [look]
                if timeout is not None:
                    left.append(started + timeout - now)
                if stall_timeout is not None:
                    left.append(moved_at + stall_timeout - now)
                if min(left, default=1.0) <= 0:
                    late = timeout is not None and now - started >= timeout
                    raise _gave_up(status, goal, timeout if late else None, stall_timeout)
                latch.wait(min(left, default=None), cancel)
            finally:
                changed.remove(latch)

    def detach(self, timeout: float) -> None:
        """End the client: wait for its last event and its last callback, at most ``timeout`` seconds."""
        self.closed = True
        if not self._dispatcher.join(timeout):
            self._dispatcher.end("")


def _gave_up(status: Status, goal: str, timeout: Optional[float], stall_timeout: Optional[float]) -> WaitTimeout:
    """The exception of a wait that took ``timeout`` seconds or, if that is None, saw no progress."""
    figures = {name: getattr(status, name) for name in FIGURES}
    why = f": {status.stall}" if status.stall else ""
    if timeout is not None:
        return WaitTimeout(f"{status.name!r} was not {goal} after {timeout:g} s{why}", figures)
    return Stalled(f"{status.name!r} made no progress for {stall_timeout:g} s{why}", figures)
