"""Follows a wait on the screen: a card that changes in place in a notebook, lines of text elsewhere.

The thread that waits draws, between two looks at the status.  IPython is used only if it runs the program as a
notebook does; its terminal gets lines.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Protocol

from ..amounts import duration_text, size_text
from ..status import Status
from ..text import escaped

LINE_INTERVAL = 2.0
"""Least seconds between two lines of text."""

Draw = Callable[[Status, str], str]
"""Returns the card of a status with a note."""


class Display(Protocol):
    """Where progress is shown."""

    def show(self, status: Status, note: str, *, last: bool) -> None:
        """Show a status in place of the previous one.

        Args:
            status: The status.
            note: A sentence about the wait; may be empty.
            last: No other follows.
        """


class WatchInterrupted(KeyboardInterrupt):
    """A watch was interrupted; IPython shows one line instead of a traceback."""

    def _render_traceback_(self) -> List[str]:
        return [f"KeyboardInterrupt: {self}"]


INTERRUPTED = "Interrupted: the client goes on. Call watch() to follow it again, or close() to end it."


@contextlib.contextmanager
def watching(display: Display, newest: Callable[[], Status], interval: float) -> Iterator[Callable[[Status], None]]:
    """Show a status while the caller waits.

    Args:
        display: Where.
        newest: Returns the newest status, which is shown at the end.
        interval: Least seconds between two times that it is shown.

    Yields:
        A function to be called with each status that the caller sees.

    Raises:
        WatchInterrupted: In place of KeyboardInterrupt, after a note that says how to go on.
    """
    due = 0.0

    def look(status: Status) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            display.show(status, "", last=False)
            due = time.monotonic() + interval

    note = ""
    try:
        look(newest())
        yield look
    except KeyboardInterrupt as error:
        note = INTERRUPTED
        raise WatchInterrupted(INTERRUPTED) from error
    except Exception as error:
        note = str(error)
        raise
    finally:
        display.show(newest(), note, last=True)


def display_for(draw: Draw) -> Display:
    """Return the display of this program.

    Args:
        draw: Makes a card.
    """
    shell = _notebook()
    return Lines() if shell is None else Card(draw)


def _notebook() -> object:
    """Return the shell of IPython if it runs in a kernel, whose displays can be changed."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = None if get_ipython is None else get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


class Card:
    """A card in the output of a cell."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._handle: Optional[Any] = None

    def show(self, status: Status, note: str, *, last: bool) -> None:
        """Show a status in place of the previous one."""
        display: Any = importlib.import_module("IPython.display").display
        bundle: Dict[str, str] = {"text/html": self._draw(status, note), "text/plain": line_of(status)}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


class Lines:
    """Lines on standard output: one every ``LINE_INTERVAL`` seconds if it differs, and the last one."""

    def __init__(self) -> None:
        self._line = ""
        self._due = 0.0

    def show(self, status: Status, note: str, *, last: bool) -> None:
        """Write a line."""
        now, line = time.monotonic(), line_of(status)
        if line != self._line and (last or now >= self._due):
            print(escaped(line), flush=True)
            self._line, self._due = line, now + LINE_INTERVAL


def line_of(status: Status) -> str:
    """Return a line about a status."""
    done = f"{status.progress:.1%} of {size_text(status.size)}" if status.metadata else "fetching the metadata"
    parts = [f"{status.name}: {done}"]
    if status.checking:
        parts.append(f"checking the files, {status.checking} pieces to go")
    if status.download_rate >= 1:
        parts.append(f"down {size_text(status.download_rate)}/s")
    if status.upload_rate >= 1:
        parts.append(f"up {size_text(status.upload_rate)}/s")
    parts.append(f"{status.connected} peer{'' if status.connected == 1 else 's'}")
    if status.left and status.download_rate >= 1:
        parts.append(f"{duration_text(status.left / status.download_rate)} left")
    elif status.stall:
        parts.append(status.stall)
    return ", ".join(parts)
