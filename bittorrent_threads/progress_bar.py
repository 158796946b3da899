"""Progress of a call that waits: a bar, or a line every few seconds, drawn by the thread that waits.

On a terminal and in a notebook it is a bar of ``tqdm`` (extra ``progress``).  Without tqdm, and where standard error is
no terminal, it is plain lines.  No thread is started, no colour is used, and a standard error that is closed or cannot
write a character does not end the call.
"""

from __future__ import annotations

import collections
import contextlib
import importlib.util
import os
import shutil
import sys
import threading
import time
from typing import Any, Callable, Deque, Iterator, NamedTuple, Optional, Protocol, TextIO, Tuple, Union

from .amounts import count_text, duration_text, size_text
from .explanation import explain
from .status import Status
from .text import escaped

PLAIN_INTERVAL = 5.0
"""Seconds between two plain lines."""
BAR_INTERVAL = 0.1
"""Least seconds between two drawings of a bar."""
MAX_TITLE = 40
"""Characters of a title."""

PACE_TIME = 5.0
"""Seconds over which a rate is measured."""
LEAST_PACE_TIME = 0.5
"""Seconds after which a rate is known."""

BYTES = "B"
PIECES = " pieces"


class Report(NamedTuple):
    """The progress at one moment; a function that is given as ``progress`` gets it."""

    done: int
    """Amount that is done, in ``unit``."""
    total: int
    """Amount of all; 0 while it is not known."""
    unit: str = BYTES
    """``"B"`` for bytes, or ``" pieces"``."""
    text: str = ""
    """The peers, and what is waited for."""
    rate: float = 0.0
    """Amount a second of late; 0 if it is not known."""


class Pace:
    """Measures the rate of what reports only how much is done."""

    def __init__(self) -> None:
        self._marks: Deque[Tuple[float, int]] = collections.deque()

    def rate(self, done: int, now: float) -> float:
        """Return the amount a second of the last seconds; 0 if it is not known yet.

        Args:
            done: Amount that is done, of all.
            now: Monotonic seconds.
        """
        marks = self._marks
        while len(marks) > 1 and now - marks[1][0] >= PACE_TIME:
            marks.popleft()
        if not marks or now - marks[-1][0] >= LEAST_PACE_TIME:
            marks.append((now, done))
        since, before = marks[0]
        return max(0.0, (done - before) / (now - since)) if now - since >= LEAST_PACE_TIME else 0.0


Progress = Union[bool, Callable[[Report], object]]
"""False for none, True for a bar or lines, or a function that the waiting thread calls several times a second."""
Show = Callable[[Report], object]
Amounts = Callable[[int, int], object]
"""Gets the bytes that are done, and those of all."""

SHORT = {
    "stopped": "stopped",
    "paused": "paused",
    "disk": "the disk failed",
    "checking": "checking the files",
    "moving": "moving the files",
    "no_peers": "no peers",
    "connecting": "connecting",
    "no_metadata": "no peer sends the metadata",
    "unavailable": "no peer has what is missing",
    "choked": "all peers choke",
    "limit": "limited",
    "snubbed": "peers do not answer",
    "waiting": "waiting for data",
}
"""The causes of ``Explanation`` in a few words."""


def report_of(status: Status) -> Report:
    """Return the progress of a download."""
    facts = explain(status)
    waits = SHORT.get(facts.cause, "")
    if not status.metadata:
        waits = f"fetching the metadata{f', {waits}' if waits else ''}"
    elif status.checking:
        waits = f"checking, {count_text(status.checking, 'piece')} to go"
    text = ", ".join(filter(None, [count_text(status.connected, "peer"), waits]))
    return Report(status.wanted_size - status.left, status.wanted_size, BYTES, text, status.download_rate)


@contextlib.contextmanager
def reporting(progress: Progress, title: str, stream: Optional[TextIO] = None) -> Iterator[Optional[Show]]:
    """Show progress inside the block; the bar is closed at its end, also after an error or an interrupt.

    Args:
        progress: What the caller was given.
        title: What progresses, such as the name of a torrent.
        stream: Where to draw; standard error if it is None.

    Yields:
        A function of a ``Report``; None if nothing is to be shown.

    Raises:
        TypeError: If ``progress`` is neither a bool nor a function.
    """
    check_progress_argument(progress)
    if progress is False:
        yield None
        return
    if progress is not True:
        yield progress
        return
    bar = _bar(escaped(title)[:MAX_TITLE], stream)
    try:
        yield bar.show
    finally:
        with contextlib.suppress(OSError, ValueError):
            bar.close()


@contextlib.contextmanager
def reporting_amounts(progress: Union[bool, Amounts, None], title: str) -> Iterator[Optional[Amounts]]:
    """Show bytes of a known total inside the block, as ``reporting`` does.

    Args:
        progress: True to show them, or a function that gets them.
        title: What progresses.

    Yields:
        A function of the bytes that are done, and of all; None if nothing is to be shown.
    """
    check_progress_argument(progress or False)
    if progress is not True:
        yield progress or None
        return
    with reporting(True, title) as report:
        yield lambda done, total: report and report(Report(done, total))


def check_progress_argument(progress: object) -> None:
    """Check the value of an argument ``progress``.

    Raises:
        TypeError: If it is neither a bool nor a function.
    """
    if not isinstance(progress, bool) and not callable(progress):
        raise TypeError(f"progress must be True, False or a function of a Report, not {progress!r}")


class _Bar(Protocol):
    def show(self, report: Report) -> None:
        """Draw, unless that was done a moment ago."""

    def close(self) -> None:
        """Draw for the last time."""


def _bar(title: str, stream: Optional[TextIO]) -> _Bar:
    """A bar of tqdm where there is one and it can be seen, else lines."""
    stream = sys.stderr if stream is None else stream
    notebook = stream is sys.stderr and _in_notebook()
    if notebook or _is_terminal(stream):
        kind = _tqdm(notebook)
        if kind is not None:
            return _TqdmBar(kind, title, None if notebook else stream)
    return _Lines(title, stream)


def _is_terminal(stream: Any) -> bool:  # noqa: ANN401 - a program may replace standard error by anything
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def _columns(stream: TextIO) -> int:
    """Columns to draw in: those of the terminal without the last one, in which some terminals break the line."""
    columns = 0
    if "COLUMNS" not in os.environ:
        with contextlib.suppress(OSError, ValueError):
            columns = os.get_terminal_size(stream.fileno()).columns
    return max(1, (columns or shutil.get_terminal_size().columns) - 1)


def _in_notebook() -> bool:
    """Whether this is a kernel of IPython, which shows output in a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def _tqdm(notebook: bool) -> Optional[Callable[..., Any]]:
    """The class of tqdm to draw with, without its monitor thread; None if tqdm is not installed."""
    try:
        tqdm: Any = importlib.import_module("tqdm.auto" if notebook and _has_widgets() else "tqdm").tqdm
    except ImportError:
        return None
    # Its own lock, as the default one is a semaphore shared between processes; and no thread beside the one that waits.
    return type("Bar", (tqdm,), {"monitor_interval": 0, "_lock": threading.RLock()})


def _has_widgets() -> bool:
    return importlib.util.find_spec("ipywidgets") is not None


class _TqdmBar:
    """A bar of tqdm; it is made by the first report, so that what was there before does not count for the rate."""

    def __init__(self, kind: Callable[..., Any], title: str, stream: Optional[TextIO]) -> None:
        self._kind = kind
        self._title = title
        self._stream = stream
        self._bar: Any = None
        self._last: Optional[Report] = None
        self._drawn = float("-inf")

    def show(self, report: Report) -> None:
        """Draw, unless that was done a moment ago."""
        self._last, now = report, time.monotonic()
        if now - self._drawn >= BAR_INTERVAL:
            self._drawn = now
            with contextlib.suppress(OSError, ValueError):
                self._draw(report)

    def close(self) -> None:
        """Draw for the last time, and leave the bar there."""
        if self._last is not None:
            self._draw(self._last)
        if self._bar is not None:
            self._bar.close()

    def _draw(self, report: Report) -> None:
        bar = self._bar
        if bar is None:
            sized = {"unit_scale": True, "unit_divisor": 1024} if report.unit == BYTES else {}
            bar = self._bar = self._kind(
                total=report.total or None,
                initial=report.done,
                desc=_encodable(self._title, self._stream),
                unit=report.unit,
                file=self._stream,
                nrows=20,
                mininterval=0,
                leave=True,
                **sized,
            )
        if report.total and bar.total != report.total:
            bar.reset(total=report.total) if hasattr(bar, "container") else setattr(bar, "total", report.total)
            bar.initial = bar.last_print_n = report.done
        bar.n = report.done
        if self._stream is not None:
            bar.ncols = _columns(self._stream)
        bar.set_postfix_str(_encodable(escaped(report.text), self._stream), refresh=False)
        bar.refresh()


class _Lines:
    """A plain line every few seconds, and a last one."""

    def __init__(self, title: str, stream: Any) -> None:  # noqa: ANN401 - a program may replace standard error
        self._title = title
        self._stream = stream
        self._last: Optional[Report] = None
        self._written: Optional[Report] = None
        self._next = float("-inf")
        self._pace = Pace()

    def show(self, report: Report) -> None:
        """Write a line, unless that was done a moment ago."""
        now = time.monotonic()
        self._last = report = report if report.rate else report._replace(rate=self._pace.rate(report.done, now))
        if now >= self._next:
            self._next = now + PLAIN_INTERVAL
            self._write(report)

    def close(self) -> None:
        """Write the last progress, unless it was written."""
        if self._last is not None and self._last != self._written:
            self._write(self._last)

    def _write(self, report: Report) -> None:
        self._written = report
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or None under pythonw
            self._stream.write(_encodable(f"{self._title}: {line(report)}\n", self._stream))
            self._stream.flush()


def line(report: Report) -> str:
    """Return the progress as text, such as ``"12.0% of 4.0 MiB, 1.1 MiB/s, 3.2 s left, 2 peers"``."""
    amount = size_text if report.unit == BYTES else _pieces
    share = f"{report.done / report.total:.1%} of {amount(report.total)}" if report.total else ""
    return ", ".join(filter(None, [share, pace_text(report), escaped(report.text)]))


def pace_text(report: Report) -> str:
    """Return the rate and the time that is left, such as ``"1.1 MiB/s, 3.2 s left"``; empty if they are not known."""
    if report.rate < 1 or report.done >= report.total:
        return ""
    rate = f"{size_text(report.rate)}/s" if report.unit == BYTES else f"{report.rate:.0f}{report.unit}/s"
    return f"{rate}, {duration_text((report.total - report.done) / report.rate)} left"


def _pieces(count: float) -> str:
    return count_text(int(count), "piece")


def _encodable(text: str, stream: Any) -> str:  # noqa: ANN401 - a program may replace standard error by anything
    """The text with escapes for what the encoding of a stream does not have."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
