"""``Thread``: a daemon thread whose start and end may be waited for, given up, and waited for again.

A ``threading.Thread`` that is started by the main thread waits for a lock which an interrupt can leave taken, and then
never runs; one whose ``join`` is interrupted is taken for dead while it runs.  So it is started in a shelter, and the
main thread waits for latches only.

The rule: a thread begins once, or never begins; ``cancel`` and the thread itself agree on which it is.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Callable, List, Optional

from ..errors import ThreadError
from .greenlets import close_event_loop
from .latch import Latch
from .original import get_ident, patched, sleep, start_new_thread
from .shelter import sheltered

_BEGUN, _CANCELLED = "begun", "cancelled"
_SETTLING = 100
_SETTLING_PAUSE = 0.0002
"""How often, and after how many seconds each, a thread that has ended is looked for among those that the system has."""


class Thread:
    """Runs ``target`` once; ``threading.enumerate()`` shows it under its name, unless that module is patched."""

    def __init__(self, target: Callable[[], None], name: str) -> None:
        self.name = name
        self.ident: Optional[int] = None
        """``threading.get_ident()`` in it, once it has begun."""
        self._target = target
        self._fates: List[str] = []
        """What became of it; the first entry counts."""
        self._begun = Latch()
        self._ended = Latch()
        self._process = os.getpid()

    @property
    def current(self) -> bool:
        """This is the thread that asks."""
        return self.ident == get_ident() and not self._ended.is_set

    @property
    def inherited(self) -> bool:
        """The process was forked: the thread runs in its parent, if anywhere."""
        return self._process != os.getpid()

    def start(self) -> None:
        """Start it, and wait until it has begun.  Raises ThreadError when the system has no thread for it.

        After an interrupt it may begin as well as not; ``cancel`` or ``join`` decides it.
        """
        try:
            sheltered(self._launch, self.name)
        except RuntimeError as error:
            self.cancel()
            raise ThreadError(self.name, str(error)) from error
        except ThreadError:
            self.cancel()
            raise
        self._begun.wait()

    def cancel(self) -> bool:
        """Whether it has not begun; then it never will."""
        self._fates.append(_CANCELLED)
        return self._fates[0] is _CANCELLED

    def join(self, timeout: Optional[float] = None) -> bool:
        """Wait for its end, at most ``timeout`` seconds; whether it ended.  One that has not begun never will."""
        if self.inherited or self.cancel():
            return True
        if not self._ended.wait(timeout):
            return False
        for _ in range(_SETTLING):
            if self.ident not in sys._current_frames():
                break
            sleep(_SETTLING_PAUSE)
        return True

    def _launch(self) -> None:
        if patched():  # ``threading`` would make a greenlet
            start_new_thread(self._run, ())
        else:
            threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def _run(self) -> None:
        self.ident = get_ident()
        self._fates.append(_BEGUN)
        self._begun.set()
        if self._fates[0] is not _BEGUN:
            return
        try:
            self._target()
        finally:
            try:
                close_event_loop()
            finally:
                self._ended.set()
