"""A hash check that was asked for: wait for it, watch it, cancel it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Iterable, List, NamedTuple, Optional, Tuple, Union

from .errors import StorageError
from .net.reply import Reply
from .threads.latch import Cancel

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
    """What ``hashcheck(wait=False)`` returns."""

    def __init__(self, reply: Reply, cancel: Callable[[], None]) -> None:
        self._reply = reply
        self._cancel = cancel

    @property
    def done(self) -> bool:
        """The result is there."""
        return self._reply.done

    def wait(self, timeout: Optional[float] = None, *, cancel: Optional[Cancel] = None) -> HashcheckResult:
        """The result; raises WaitTimeout after ``timeout`` seconds, SessionClosed when the session ended first.

        Raises Cancelled soon after ``cancel``, a ``threading.Event``, was set; the check itself goes on.
        """
        result: HashcheckResult = self._reply.wait(timeout, cancel)
        return result

    def cancel(self) -> None:
        """Stop soon; ``wait`` returns what is known by then."""
        if not self.done:
            self._cancel()


def result_of(check: Check) -> HashcheckResult:
    """The result of a check that ended."""
    return HashcheckResult(tuple(sorted(check.passed)), tuple(sorted(check.failed)), check.cancelled, check.error)


def piece_indexes(pieces: Tuple[Union[int, Iterable[int]], ...], count: int) -> List[int]:
    """What the caller named: integers, iterables of integers, or nothing for all; each once, in the order named.

    Raises TypeError for anything else and IndexError for a piece that the torrent does not have.
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
