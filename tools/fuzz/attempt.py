"""``attempt`` runs one input of one target: an exception, too much time or too much memory is a finding."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import sys
import sysconfig
import traceback
from pathlib import Path
from types import FrameType
from typing import Iterator, Optional

from .target import Target, Violation

MAX_SECONDS = 5.0
"""Limit of processor time for one input; the slowest valid inputs take 0.1 seconds with coverage."""
MAX_GROWTH = 64 * 1024 * 1024
"""Bytes by which one input may raise the peak memory of the process; inputs have a few thousand bytes at most."""

_LIBRARY = sysconfig.get_path("stdlib")
_TIMED = hasattr(signal, "setitimer")  # Windows has no such timer: no time limit there


class Endless(BaseException):
    """The time limit of an input was reached.  A ``BaseException``, so that the tested code does not catch it."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """An input that failed."""

    data: bytes
    place: str
    """Exception type and source line; findings with the same place count as the same bug."""
    text: str
    """The traceback."""


@contextlib.contextmanager
def alarmed() -> Iterator[None]:
    """Install the signal handler for the time limit of :func:`attempt`, and remove it on exit."""
    if not _TIMED:
        yield
        return
    previous = signal.signal(signal.SIGVTALRM, _late)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def attempt(target: Target, data: bytes) -> Optional[Finding]:
    """Run ``check`` with one input, within :func:`alarmed`; return the finding, or None."""
    before = _most_memory()
    try:
        if _TIMED:
            # Processor time does not depend on the load of the machine.  The next input restarts the timer.
            signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
        target.check(data)
        grown = _most_memory() - before
        if grown > MAX_GROWTH:
            raise Violation(f"took {grown} bytes for {len(data)}")
    except (Exception, Endless) as error:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return Finding(data, _place(error), text)
    return None


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    # ``require``, the signal handler and the standard library raise for many causes: the innermost line outside of
    # them identifies the bug.
    own = (__file__, str(Path(__file__).with_name("target.py")), _LIBRARY)
    frame = next((frame for frame in reversed(frames) if not frame.filename.startswith(own)), frames[-1])
    line = 0 if isinstance(error, Endless) else frame.lineno
    return f"{type(error).__name__} at {Path(frame.filename).name}:{line}"


def _late(number: int, frame: Optional[FrameType]) -> None:
    raise Endless(f"not done after {MAX_SECONDS:g} seconds of processor time")


def _most_memory() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
