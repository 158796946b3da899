"""Output of the command line: messages and progress to standard error, the result to standard output.

Names and reasons come from torrents, trackers and peers, so ``escaped`` replaces their control characters before they
are written to a terminal.  A standard error that is closed (a broken pipe) does not end a download.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import sys
import time
from typing import Dict, Optional, TextIO

from ..plain_data import jsonable
from ..swarm.bans import remember
from ..text import escaped

PLAIN_INTERVAL = 1.0
"""Least seconds between two progress lines if standard error is not a terminal."""
PLAIN_SILENCE = 60.0
"""Most seconds between two such lines while the percentage is unchanged."""
REPEAT_INTERVAL = 60.0
"""Least seconds between two times that the same news is written."""
MAX_NEWS = 100
"""News that are remembered for that."""
MAX_BAR = 60
"""Most characters of the bar on a terminal."""
TERMINAL_INTERVAL = 0.05
"""Least seconds between two progress lines on a terminal."""


def bar(share: float, width: int) -> str:
    """Return a bar for a share, 0 to 1, such as ``[====>     ]``, of ``width`` characters."""
    room = max(1, width - 2)
    done = int(min(1.0, share) * room)
    return f"[{'=' * done}{'>' if done < room else ''}{' ' * (room - done - 1)}]"


class Console:
    """The output of one command; with ``as_json`` standard output is one JSON document."""

    def __init__(
        self, as_json: bool = False, *, stdout: Optional[TextIO] = None, stderr: Optional[TextIO] = None
    ) -> None:
        self._as_json = as_json
        self._stdout = sys.stdout if stdout is None else stdout
        self._stderr = sys.stderr if stderr is None else stderr
        self.terminal = self._stderr.isatty()
        """Standard error is a terminal: each progress line overwrites the one before."""
        self._news: Dict[str, float] = {}
        """When each text was written last, the oldest first."""
        self._progress = ""
        self._progress_time = float("-inf")
        self._progress_share = -1

    def message(self, text: str) -> None:
        """Write a line to standard error."""
        self._write(f"{self._erase()}{escaped(text)}\n{self._progress}")

    def news(self, text: str) -> None:
        """Write a line to standard error, unless the same was written a moment ago: what fails is tried again often."""
        now = time.monotonic()
        if now - self._news.get(text, -math.inf) >= REPEAT_INTERVAL:
            self._news.pop(text, None)
            remember(self._news, text, now, limit=MAX_NEWS)
            self.message(text)

    def progress(self, text: str, share: float) -> None:
        """Show the progress: on a terminal with a bar, if something is done.

        Args:
            text: One line or several.
            share: The share that is done, 0 to 1.  If standard error is not a terminal, a line is written when the
                share changed by a hundredth, or after ``PLAIN_SILENCE`` seconds.
        """
        now, percent = time.monotonic(), int(share * 100)
        passed = now - self._progress_time
        if self.terminal:
            if passed >= TERMINAL_INTERVAL:
                erase, width = self._erase(), shutil.get_terminal_size().columns - 1
                lines = [bar(share, min(width, MAX_BAR))] if share > 0 else []
                lines += [escaped(line)[:width] for line in text.split("\n")]
                self._progress = "\n".join(lines)
                self._progress_time = now
                self._write(erase + self._progress)
        elif passed >= (PLAIN_INTERVAL if percent != self._progress_share else PLAIN_SILENCE):
            self._progress_time, self._progress_share = now, percent
            self.message(text)

    def end_progress(self) -> None:
        """Erase the progress line from a terminal."""
        erase, self._progress = self._erase(), ""
        self._progress_time, self._progress_share = float("-inf"), -1
        if erase:
            self._write(erase)

    def result(self, document: object, text: str) -> None:
        """Write the result to standard output.

        Args:
            document: The result for ``--json``.
            text: The result otherwise.

        Raises:
            OSError: If standard output cannot be written.
        """
        self.end_progress()
        lines = [json.dumps(jsonable(document), indent=2)] if self._as_json else map(escaped, text.split("\n"))
        text = "\n".join(lines)
        try:
            self._stdout.write(text + "\n")
            self._stdout.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, "standard output") from error  # EPIPE: BrokenPipeError again

    def failure(self, message: str, document: object, text: str = "") -> None:
        """Write a line to standard error, and then the result as ``result`` does, if there is one."""
        self.end_progress()
        self.message(message)
        if self._as_json or text:
            self.result(document, text)

    def _erase(self) -> str:
        if not self._progress:
            return ""
        return "\r\x1b[K" + "\x1b[A\x1b[K" * self._progress.count("\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream was closed in this process
            self._stderr.write(text)
            self._stderr.flush()
