"""``Thread``: a daemon thread; waits for its start and its end can be interrupted and repeated.

``threading.Thread.start`` waits for a lock which an interrupt can leave acquired, and then the thread never runs.  A
``threading.Thread`` whose ``join`` is interrupted is taken for dead while it runs.  So the main thread starts threads
with ``run_uninterrupted``, and waits for latches only.

The rule: a thread begins once or never; ``cancel`` and the thread itself agree which of the two it is.
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
from .uninterrupted import run_uninterrupted

_BEGUN, _CANCELLED = "begun", "cancelled"
_EXIT_CHECKS = 100
_EXIT_CHECK_INTERVAL = 0.0002
"""How often, and in which interval in seconds, ``join`` checks that the system thread has exited."""


class Thread:
    """Runs ``target`` once in a daemon thread.

    ``threading.enumerate()`` lists it under its name, unless ``threading`` is patched.
    """

    def __init__(self, target: Callable[[], None], name: str) -> None:
        self.name = name
        self.ident: Optional[int] = None
        """The unpatched ``threading.get_ident()`` of the thread, once it has begun."""
        self._target = target
        self._outcomes: List[str] = []
        """The first entry tells whether the thread begins or is cancelled: appending to a list is atomic."""
        self._begun = Latch()
        self._ended = Latch()
        self._process = os.getpid()

    @property
    def current(self) -> bool:
        """True in the thread itself."""
        return self.ident == get_ident() and not self._ended.is_set

    @property
    def inherited(self) -> bool:
        """True in the child of a fork, where the thread of the parent does not run."""
        return self._process != os.getpid()

    def start(self) -> None:
        """Start the thread and wait until it has begun.

        After an interrupt it is not known whether the thread begins; ``cancel`` or ``join`` decides that.

        Raises:
            ThreadError: The system has no thread to give.
        """
        try:
            run_uninterrupted(self._launch, self.name)
        except RuntimeError as error:
            self.cancel()
            raise ThreadError(self.name, str(error)) from error
        except ThreadError:
            self.cancel()
            raise
        self._begun.wait()

    def cancel(self) -> bool:
        """Keep the thread from beginning; return false if it has begun already."""
        self._outcomes.append(_CANCELLED)
        return self._outcomes[0] is _CANCELLED

    def join(self, timeout: Optional[float] = None) -> bool:
        """Wait for the end of the thread; a thread that has not begun is cancelled.

        Args:
            timeout: Seconds to wait at most; None waits without limit.

        Returns:
            True if the thread has ended, false after ``timeout``.
        """
        if self.inherited or self.cancel():
            return True
        if not self._ended.wait(timeout):
            return False
        for _ in range(_EXIT_CHECKS):
            if self.ident not in sys._current_frames():
                break
            sleep(_EXIT_CHECK_INTERVAL)
        return True

    def _launch(self) -> None:
        if patched():  # ``threading`` would start a greenlet
            start_new_thread(self._run, ())
        else:
            threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def _run(self) -> None:
        self.ident = get_ident()
        self._outcomes.append(_BEGUN)
        self._begun.set()
        if self._outcomes[0] is not _BEGUN:
            return
        try:
            self._target()
        finally:
            try:
                close_event_loop()
            finally:
                self._ended.set()
