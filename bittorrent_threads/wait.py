"""``Wait``: a wait for a condition of one torrent, which looks at its status and knows when to give up.

It does not wait by itself, so that one thread can wait for several torrents with one latch.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Optional, Tuple

from .conditions import Condition
from .errors import SessionClosed, Stalled, WaitTimeout
from .explanation import explain
from .progress_bar import Progress, Show, report_of, reporting
from .stall import why_stalled
from .status import Status
from .threads.latch import Cancel, check_cancel
from .timeouts import check_timeout
from .torrent_handle import TorrentHandle

FIGURES = ("state", "pieces_have", "piece_count", "left", "downloaded", "connected", "known", "stall")
"""The fields of a status that the exception of a wait contains."""
SHOW_INTERVAL = 0.25
"""Most seconds between two calls of a function that shows the progress."""


class Wait:
    """A wait for a condition of one torrent, which begins when this object is made.

    Args:
        handle: The torrent.
        condition: What to wait for.
        timeout: Most seconds to wait; None for no limit.
        stall_timeout: Most seconds without progress; None for no limit.

    Raises:
        TypeError: If a time limit is no number.
        ValueError: If a time limit is negative.
    """

    def __init__(
        self,
        handle: TorrentHandle,
        condition: Condition,
        timeout: Optional[float] = None,
        stall_timeout: Optional[float] = None,
    ) -> None:
        check_timeout(timeout)
        check_timeout(stall_timeout, "stall_timeout")
        self.changed = handle.changed
        """Wakes latches when the status has changed."""
        self.left: Optional[float] = None
        """Seconds after which to look again without a change, as of the last look; None for no limit."""
        self._handle = handle
        self._condition = condition
        self._timeout = timeout
        self._stall_timeout = stall_timeout
        self._started = self._moved_at = time.monotonic()
        self._moved: Optional[Tuple[int, int, int]] = None
        self._downloaded = 0
        """Bytes received when it moved last."""
        self._judged = handle.status

    @property
    def status(self) -> Status:
        """The newest status."""
        return self._handle.status

    def look(self) -> Optional[Status]:
        """Return the status if it fulfils the condition; None if that is to be waited for.

        Raises:
            WaitTimeout: After ``timeout`` seconds.
            Stalled: After ``stall_timeout`` seconds without progress.
            MetainfoError: If the metadata that came for a magnet link cannot be used.
            SessionClosed: If the client or its session is closed.
        """
        found = self._judge(self._handle.status)
        if found is None and self._over and self._timeout != 0:
            # The newest snapshot may be a second old: what is told, or whether to give up, is decided by a new one.
            found = self._judge(self._handle.look())
        if found is None and self._over:
            raise self._given_up()
        return found

    @property
    def _over(self) -> bool:
        return self.left is not None and self.left <= 0

    def _judge(self, status: Status) -> Optional[Status]:
        """Return the status if it fulfils the condition; None, and when to look again, if not."""
        handle, condition = self._handle, self._condition
        self._judged = status
        if condition.test(status):
            return status
        if status.closed or handle.runtime.closed:
            advice = "make a new Client with the same arguments to go on"
            raise SessionClosed(f"the client was closed before {status.name!r} was {condition.goal}: {advice}")
        handle.torrent.metadata.require_usable()
        handle.reply()  # raises what ended the network thread
        now = time.monotonic()
        received = status.downloaded - status.wasted + status.metadata_received
        marks = (received, status.pieces_have, status.checking)
        if marks != self._moved:
            self._moved, self._moved_at, self._downloaded = marks, now, status.downloaded
        left = [] if condition.look is None else [condition.look]
        if self._timeout is not None:
            left.append(self._started + self._timeout - now)
        if self._stall_timeout is not None:
            left.append(self._moved_at + self._stall_timeout - now)
        self.left = min(left, default=None)
        return None

    def _given_up(self) -> WaitTimeout:
        """The exception of a wait that is late, or saw no progress."""
        status = self._judged
        late = self._timeout is not None and time.monotonic() - self._started >= self._timeout
        if not late and status.receiving and status.downloaded == self._downloaded:
            # Data came in the last second, but none since the wait has seen progress.
            status = dataclasses.replace(status, receiving=False)
            status = dataclasses.replace(status, stall=why_stalled(status).reason)
        figures = {name: getattr(status, name) for name in FIGURES}
        explanation = explain(status)
        why = f": {explanation.reason}" if explanation.reason else ""
        if late:
            said = f"{status.name!r} was not {self._condition.goal} after {self._timeout:g} s{why}"
            return WaitTimeout(said, figures, explanation)
        return Stalled(f"{status.name!r} made no progress for {self._stall_timeout:g} s{why}", figures, explanation)


def wait_for(wait: Wait, cancel: Optional[Cancel] = None, progress: Progress = False) -> Status:
    """Wait.

    Args:
        wait: What to wait for.
        cancel: Ends the wait when it is set.
        progress: How to show the progress.

    Returns:
        The status that fulfils the condition.

    Raises:
        WaitTimeout: After the time limit of the wait.
        Stalled: After its time limit without progress.
        Cancelled: If ``cancel`` was set.
        MetainfoError: If the metadata that came for a magnet link cannot be used.
        SessionClosed: If the client or its session is closed first.
    """
    check_cancel(cancel)
    with reporting(progress, wait.status.name) as report:
        while True:
            latch = wait.changed.add()
            try:
                status = wait.look()
                if report is not None:
                    report(report_of(status or wait.status))
                if status is not None:
                    return status
                latch.wait(soon(wait.left, report), cancel)
            finally:
                wait.changed.remove(latch)


def soon(left: Optional[float], report: Optional[Show]) -> Optional[float]:
    """Return the seconds until the next look; a progress that is shown is looked at several times a second."""
    if report is None:
        return left
    return SHOW_INTERVAL if left is None else min(left, SHOW_INTERVAL)
