"""A process under measurement: what it prints, what it is told, its CPU time and its peak of memory.

The rule: figures come from the system, not from the process itself, so that they mean the same for every program.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Match, NamedTuple, Optional, Sequence, Type

START_TIMEOUT = 60.0
"""Seconds from the start of a program until it is ready; a seeder may have to hash all its files."""
END_TIMEOUT = 20.0
"""Seconds a program may take to leave, before it is killed."""
SEARCH_PATH = os.pathsep.join([str(Path(__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
"""Where a child in Python finds this package."""
SHOWN = 20
"""Last lines that a failure shows."""


class ChildFailed(Exception):
    """A program did not do what was to be measured; the text ends with what it printed."""


class Times(NamedTuple):
    """Processor seconds of a process: in its own code, and in the kernel for it."""

    user: float
    system: float

    @property
    def whole(self) -> float:
        """Both together."""
        return self.user + self.system

    def since(self, earlier: Times) -> Times:
        """What was added after ``earlier``."""
        return Times(self.user - earlier.user, self.system - earlier.system)


NO_TIME = Times(0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Usage:
    """What a process took.

    Attributes:
        until_lap: Processor seconds from ``mark`` to ``lap``; the same as ``whole`` if there was no lap.
        whole: Processor seconds from ``mark`` to the end of the process.
        peak: The most bytes of its memory that were resident.
    """

    until_lap: Times
    whole: Times
    peak: int

    @property
    def cpu(self) -> float:
        """Processor seconds from ``mark`` to the end of the process."""
        return self.whole.whole


class Child:
    """One run of ``command``; both its streams are read as lines of text.

    A context manager: the process is killed at the end of the block unless ``finish`` ended it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self._read = b""
        self._lines: List[str] = []
        self._mark = NO_TIME
        self._lap: Optional[Times] = None

    def __enter__(self) -> Child:
        self._scratch = tempfile.TemporaryDirectory(prefix="bench-child-")
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._scratch.name,
            env={**os.environ, "PYTHONPATH": SEARCH_PATH},
        )
        self.pid = self._process.pid
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._scratch.cleanup()

    def expect(self, pattern: str, timeout: float) -> Match[str]:
        """The first line that matches, of those not yet passed by; raises ChildFailed."""
        regex = re.compile(pattern)
        deadline = time.monotonic() + timeout
        while True:
            line = self._line(deadline)
            if line is None:
                raise ChildFailed(f"{Path(self.command[0]).name} did not print {pattern!r}\n{self._tail()}")
            match = regex.search(line)
            if match is not None:
                return match

    def answer(self, timeout: float = START_TIMEOUT) -> Dict[str, Any]:
        """The next JSON document that the child printed; raises ChildFailed."""
        document: Dict[str, Any] = json.loads(self.expect(r"^\{.*\}$", timeout)[0])
        return document

    def tell(self, **command: Any) -> None:
        """Give the child a line of JSON; raises ChildFailed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildFailed(f"{Path(self.command[0]).name} has ended\n{self._tail()}") from None

    def mark(self) -> None:
        """From here on CPU time is counted; from the start of the process if this is never called."""
        self._mark = process_times(self.pid)

    def lap(self) -> None:
        """Remember the processor time used so far: what follows is the end of the program, its last sync included."""
        self._lap = process_times(self.pid)

    def finish(self, *, number: int = signal.SIGTERM, **command: Any) -> Usage:
        """Tell the child to end, by a command or a signal, and return what it took; raises ChildFailed."""
        peak = peak_memory(self.pid)
        if command:
            self.tell(**command)
        else:
            self._process.send_signal(number)
        deadline = time.monotonic() + END_TIMEOUT
        while self._line(deadline) is not None:
            pass
        times = self._reap(deadline)
        lap = times if self._lap is None else self._lap
        return Usage(lap.since(self._mark), times.since(self._mark), peak)

    def _reap(self, deadline: float) -> Times:
        # Not Popen.wait: the CPU time of one child is only known to who reaps it.
        while True:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._process.returncode = status
                return Times(usage.ru_utime, usage.ru_stime)
            if time.monotonic() > deadline:
                raise ChildFailed(f"{Path(self.command[0]).name} did not end\n{self._tail()}")
            time.sleep(0.002)

    def _line(self, deadline: float) -> Optional[str]:
        # The next line; None at the end of the output, or of the time.
        assert self._process.stdout is not None
        stream = self._process.stdout.fileno()
        while True:
            line, newline, rest = self._read.replace(b"\r", b"\n").partition(b"\n")
            if newline:
                self._read = rest
                text = line.decode(errors="replace")
                self._lines = [*self._lines[-SHOWN:], text]
                return text
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                return None
            data = os.read(stream, 65536)
            if not data:
                return None
            self._read += data

    def _tail(self) -> str:
        return "\n".join([f"--- {' '.join(self.command)}", *self._lines])


def python(module: str, **options: Any) -> List[str]:
    """The command of a child that is a module of this package."""
    return [sys.executable, "-m", f"benchmarks.{module}", json.dumps(options)]


def process_times(pid: int) -> Times:
    """Processor seconds that all threads of a process used so far: exact in all, user and system by ticks of 10 ms."""
    # proc(5): fields 14 and 15; the name in parentheses before them may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    whole = process_clock(pid)
    share = user / (user + system) if user + system else 1.0
    return Times(whole * share, whole * (1 - share))


def peak_memory(pid: int) -> int:
    """Most bytes resident so far.  Not ``ru_maxrss``: Linux hands a child the peak of its parent."""
    return _status(pid, "VmHWM")


def memory(pid: int) -> int:
    """Bytes resident now."""
    return _status(pid, "VmRSS")


def _status(pid: int, field: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    found = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def interpreter_memory() -> int:
    """Peak of an interpreter that does nothing, in bytes: what every program in Python has."""
    with Child([sys.executable, "-c", "print('{}', flush=True); input()"]) as child:
        child.answer()
        return child.finish(done=True).peak


def process_clock(pid: int) -> float:
    """Processor seconds that all threads of a process used so far, to the nanosecond."""
    # What clock_getcpuclockid(3) answers on Linux: the complement of the number above CPUCLOCK_SCHED.
    return time.clock_gettime(~pid << 3 | 2)
