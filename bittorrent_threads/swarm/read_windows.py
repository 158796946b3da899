"""The parts of files that are being read: a window for each reader, which moves with its position.

A piece in a window has a deadline: the time at which the reader gets to it.  Readers share the sources fairly, because
pieces are requested in the order of their distance from the position, whichever reader they are for.

The window begins small, as a reader that jumps through a file (the directory of an archive, the footer of a table)
needs little of each place, and it grows with what is read in sequence, so that a reader that reads on is never slower
than the sources.
"""

from __future__ import annotations

import math
from typing import Dict, List, NamedTuple, Optional

from .rate import Rate

FIRST_WINDOW = 128 * 1024
"""Bytes of the window of a reader that has jumped."""

GROWTH = 2
"""Times the bytes that were read in sequence, which the window has."""

STEPS = 4
"""A window grows at its end by one in so many parts of itself, so that requests for it leave in few messages."""

STEADY = 1024 * 1024
"""Bytes that were read in sequence after which a reader is not expected to jump."""

LEAST_PACE = 1024 * 1024
"""Bytes a second at which a reader is taken to read at least: how it goes on is not known."""

MAX_PIECES = 512
"""Pieces of a window that are looked at: they are looked at for every read."""

LINGER = 0.05
"""Seconds after a wait for which a reader is expected to wait again: that long only windows are requested.

A program that follows the pointers in a file does little between two reads.
"""


IDLE = 2.0
"""Seconds after which a file that is open and not read does not slow down the download of the rest any more.

A file that was opened and never read made a download take 2.1 times as long.
"""


class ReadWindow:
    """What one reader needs.

    Args:
        begin: First byte of the file, counted from the begin of the torrent.
        end: The byte behind its last one.
        most: Most bytes of the window.
        readahead: Bytes of the window, if they are given.
    """

    __slots__ = ("_end", "_most", "_pace", "_readahead", "_run", "begin", "given", "lingers", "position", "since",
                 "size", "stop", "used")  # fmt: skip

    def __init__(self, begin: int, end: int, *, most: int, readahead: Optional[int] = None) -> None:
        self.begin = begin
        self.position = begin
        """Where the reader reads, counted from the begin of the torrent."""
        self.size = 0
        """Bytes of the window from there on."""
        self.stop = begin
        """The byte behind the window."""
        self.given = 0
        """Bytes of the answer to the last read."""
        self.since: Optional[float] = None
        """Since when the reader waits for the piece at its position; None if it does not."""
        self.lingers = -math.inf
        """Until when it is expected to wait again."""
        self.used = -math.inf
        """When the reader read last, or was opened."""
        self._end = end
        self._most = most
        self._readahead = readahead
        self._run = 0
        """Bytes that were read in sequence."""
        self._pace = Rate()

    def move(self, position: int, wanted: int, now: float) -> bool:
        """Take the news that the reader reads on.

        Args:
            position: Where, counted from the begin of the torrent.
            wanted: Bytes that it asks for.
            now: Monotonic seconds.

        Returns:
            Whether that is a jump.
        """
        self.used = now
        step = position - self.position
        jump = not 0 <= step <= max(self.size, self.given)
        if jump:
            self._run = 0
        elif step:
            self._run += step
            self._pace.add(step, now)
        self.position = position
        size = max(FIRST_WINDOW, GROWTH * self._run) if self._readahead is None else self._readahead
        self.size = min(max(size, min(wanted, self._most)), self._end - position)
        if self._readahead is None:
            self.size = min(self.size, self._most)
        stop = position + self.size
        needed = min(position + min(wanted, self._most), stop)
        if jump or stop == self._end or (stop - self.stop) * STEPS >= self.size or self.stop < needed:
            self.stop = stop
        self.size = self.stop - position
        return jump

    def pace(self, now: float) -> float:
        """Bytes a second at which the reader reads."""
        return max(LEAST_PACE, self._pace.value(now))

    @property
    def steady(self) -> int:
        """Bytes of the window, but no more than were read in sequence: it begins anew with each jump."""
        return min(self.size, self._run)


class Due(NamedTuple):
    """A piece that a reader needs."""

    distance: int
    """Bytes from the position of the reader to the begin of the piece; 0 for the piece at the position."""
    index: int  # type: ignore[assignment]  # a field may well be named like a method of tuple
    deadline: float
    """When the reader gets to it, in monotonic seconds."""


class ReadWindows:
    """The windows of all readers of a torrent; false if there are none.

    Args:
        piece_length: Bytes of a piece.
    """

    def __init__(self, piece_length: int) -> None:
        self._piece_length = piece_length
        self._windows: Dict[ReadWindow, None] = {}
        self._due: Optional[List[Due]] = None

    def __bool__(self) -> bool:
        return bool(self._windows)

    def add(self, window: ReadWindow, now: float) -> None:
        """Take a reader."""
        window.used = now
        self._windows[window] = None
        self._due = None

    def remove(self, window: ReadWindow) -> None:
        """Forget a reader; without effect if there is none such."""
        self._windows.pop(window, None)
        self._due = None

    def move(self, window: ReadWindow, position: int, wanted: int, now: float) -> bool:
        """Take the news that a reader reads on; as ``ReadWindow.move``."""
        self._due = None
        return window.move(position, wanted, now)

    def wait(self, window: ReadWindow, now: float) -> None:
        """Take the news that a reader waits for the piece at its position."""
        window.since = now

    def served(self, window: ReadWindow, now: float) -> None:
        """Take the news that a reader does not wait any more; it is expected to wait again unless it is steady."""
        if window.since is not None:
            window.since = None
            if window.steady < STEADY:
                window.lingers = now + LINGER

    def in_use(self, now: float) -> bool:
        """Whether a reader waits, or has read a moment ago."""
        return bool(self._used(now))

    def steady(self, now: float) -> int:
        """Bytes by which every reader in use that has read in sequence is ahead; 0 after a jump of one."""
        return min([window.steady for window in self._used(now)], default=0)

    def _used(self, now: float) -> List[ReadWindow]:
        return [window for window in self._windows if window.since is not None or now < window.used + IDLE]

    @property
    def waiting(self) -> bool:
        """Whether a reader waits."""
        return any(window.since is not None for window in self._windows)

    def awaited(self, now: float) -> List[int]:
        """The pieces for which readers wait, and those at the positions of readers that will wait again at once."""
        length = self._piece_length
        return [
            window.position // length for window in self._windows if window.since is not None or now < window.lingers
        ]

    def late(self, now: float, patience: float) -> List[int]:
        """The pieces for which a reader has waited for ``patience`` seconds."""
        length = self._piece_length
        windows = [window for window in self._windows if window.since is not None and now - window.since >= patience]
        return [window.position // length for window in windows]

    def due(self, now: float) -> List[Due]:
        """The pieces of all windows, each once, the nearest first.

        The caller may take pieces out that are requested or there; ``look_again`` brings them back.
        """
        if self._due is None:
            found = [each for window in self._windows for each in self._of(window, now)]
            if len(self._windows) > 1:
                nearest: Dict[int, Due] = {}
                for each in sorted(found):
                    nearest.setdefault(each.index, each)
                found = list(nearest.values())
            self._due = found
        return self._due

    def look_again(self) -> None:
        """What was requested may not have come: the pieces of all windows are due again."""
        self._due = None

    def includes(self, index: int) -> bool:
        """Whether a piece is in a window."""
        begin = index * self._piece_length
        end = begin + self._piece_length
        return any(window.position < end and begin < window.stop for window in self._windows)

    def _of(self, window: ReadWindow, now: float) -> List[Due]:
        length, position, pace = self._piece_length, window.position, window.pace(now)
        first = position // length
        pieces = range(first + 1, min(-(-window.stop // length), first + MAX_PIECES))
        rest = [Due(index * length - position, index, now + (index * length - position) / pace) for index in pieces]
        return [Due(0, first, now), *rest] if window.size > 0 else []
