"""A hash check of a client: its result, and a way to wait for it and to cancel it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Iterable, List, NamedTuple, Optional, Tuple, Union

from .errors import StorageError
from .net.reply import Reply
from .threads.latch import Cancel, check_cancel
from .timeouts import check_timeout

if TYPE_CHECKING:
    from .engine.checks import Check


class HashcheckResult(NamedTuple):
    """The result of a hash check."""

    passed: Tuple[int, ...]
    """Indexes of the pieces with the right hash, ascending."""
    failed: Tuple[int, ...]
    """Indexes of the pieces that are missing or wrong, ascending."""
    cancelled: bool
    """The check was cancelled: pieces that were not checked are in neither."""
    error: Optional[StorageError]
    """The first error of a file; None if there was none.  A missing file is no error: its pieces fail."""


class Hashcheck:
    """A hash check that may be under way; ``Client.hashcheck(wait=False)`` returns it."""

    def __init__(self, reply: Reply, cancel: Callable[[], None]) -> None:
        self._reply = reply
        self._cancel = cancel

    @property
    def done(self) -> bool:
        """The check ended."""
        return self._reply.done

    def wait(self, timeout: Optional[float] = None, *, cancel: Optional[Cancel] = None) -> HashcheckResult:
        """Wait for the result.

        Args:
            timeout: Most seconds to wait; None for no limit.
            cancel: Ends the wait when it is set, such as a ``threading.Event``.  The check goes on.

        Returns:
            The result.

        Raises:
            WaitTimeout: After ``timeout`` seconds.
            Cancelled: If ``cancel`` was set.
            ValueError: If ``timeout`` is negative.
            SessionClosed: If the session is closed first.
        """
        check_timeout(timeout)
        check_cancel(cancel)
        result: HashcheckResult = self._reply.wait(timeout, cancel)
        return result

    def cancel(self) -> None:
        """End the check soon; ``wait`` returns the result of the pieces that were checked.

        Raises:
            SessionClosed: If the session is closed.
        """
        if not self.done:
            self._cancel()


def result_of(check: Check) -> HashcheckResult:
    """Return the result of a check that ended."""
    return HashcheckResult(tuple(sorted(check.passed)), tuple(sorted(check.failed)), check.cancelled, check.error)


def piece_indexes(pieces: Tuple[Union[int, Iterable[int]], ...], count: int) -> List[int]:
    """Return the indexes that a caller of ``hashcheck`` gave, each once, in the given order.

    Args:
        pieces: Indexes, or iterables of indexes; all pieces if there are none.
        count: Number of pieces of the torrent.

    Raises:
        IndexError: If the torrent does not have a piece.
        TypeError: If a piece is no index.
    """
    if not pieces:
        return list(range(count))
    named: List[int] = []
    for item in pieces:
        if isinstance(item, int):
            named.append(item)
        elif isinstance(item, Iterable) and not isinstance(item, (str, bytes)):
            named.extend(item)
        else:
            raise TypeError(f"a piece is an integer or an iterable of integers, not {item!r}")
    for index in named:
        if not isinstance(index, int) or isinstance(index, bool):
            raise TypeError(f"a piece is an integer, not {index!r}")
        if not 0 <= index < count:
            raise IndexError(f"there is no piece {index}: the torrent has {count}")
    return list(dict.fromkeys(named))
