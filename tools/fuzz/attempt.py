"""One input of one target: does ``check`` raise, take too long, or take memory?"""

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
"""Processor time of one input; the slowest valid ones take some hundredths, with coverage a tenth."""
MAX_GROWTH = 64 * 1024 * 1024
"""Bytes that one input may add to the most memory the process ever had; inputs have at most some thousand bytes."""

_LIBRARY = sysconfig.get_path("stdlib")
_TIMED = hasattr(signal, "setitimer")  # Windows has no such alarm, and goes without


class Endless(BaseException):
    """The processor time of an input is over; no ``Exception``, so that nothing takes it for a failure of its own."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """An input that failed."""

    data: bytes
    place: str
    """The exception, and the line that raised it: findings of one place are taken for the same."""
    text: str
    """The traceback."""


@contextlib.contextmanager
def alarmed() -> Iterator[None]:
    """Where inputs are tried: the alarm of :func:`attempt` is heard here, and afterwards it is off."""
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
    """Run ``check`` with one input; what was wrong, or None.  Call it within :func:`alarmed`."""
    before = _most_memory()
    try:
        if _TIMED:
            # Processor time, which a busy machine does not use up; the next input sets it anew.
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
    # A violation is raised by ``require``, an endless loop by the alarm, much else by the standard library: the line
    # that led there tells them apart.
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
