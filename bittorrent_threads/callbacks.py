"""The thread that runs a user's callbacks, so that a slow one delays nothing but the callbacks after it."""

from __future__ import annotations

import logging
import queue
import threading
import traceback
from typing import Any, Callable, Optional, Tuple

_log = logging.getLogger(__name__)


class Callbacks:
    """Runs calls one after another; ``failed(name, error)`` hears of those that raise.

    The thread starts with the first callback that is set, and is a daemon: a callback that never returns does not keep
    the process alive.
    """

    def __init__(self, failed: Callable[[str, str], None]) -> None:
        self._failed = failed
        self._calls: queue.SimpleQueue[Optional[Tuple[str, Callable[..., Any], Tuple[Any, ...]]]] = (
            queue.SimpleQueue()
        )
        self._thread: Optional[threading.Thread] = None

    def start(self) -> None:
        """Start the thread unless it runs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="bittorrent-callbacks", daemon=True)
            self._thread.start()

    def call(self, name: str, function: Callable[..., Any], *args: Any) -> None:
        """Run ``function`` after the calls before it; never waits."""
        self._calls.put((name, function, args))

    def close(self, timeout: float) -> bool:
        """Run what was asked for and end; False when that took longer than ``timeout`` seconds."""
        thread = self._thread
        if thread is None:
            return True
        self._calls.put(None)
        if thread is threading.current_thread():
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            name, function, args = call
            try:
                function(*args)
            except BaseException as error:
                # A SystemExit in a callback ends nothing either: it is not the user's main thread.
                _log.error("the callback %s raised", name, exc_info=error)
                self._failed(name, traceback.format_exception_only(type(error), error)[-1].strip())
