"""The thread that runs a user's callbacks, so that a slow one delays nothing but the callbacks after it."""

from __future__ import annotations

import contextlib
import logging
import traceback
from _queue import SimpleQueue
from functools import partial
from typing import Any, Callable, Optional

from .errors import SessionClosed, ThreadError
from .threads.thread import Thread

_log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]


class Callbacks:
    """Runs calls one after another; ``failed(name, error)`` hears of those that raise, on the network thread.

    ``post`` has a call made there.  The thread starts with the first call, and is a daemon: a callback that never
    returns does not keep the process alive.
    """

    def __init__(self, failed: Callable[[str, str], None], post: Post) -> None:
        self._failed = failed
        self._post = post
        self._calls: SimpleQueue[Optional[Callable[[], Any]]] = SimpleQueue()
        self._thread: Optional[Thread] = None

    @property
    def current(self) -> bool:
        """Asked in a callback."""
        return self._thread is not None and self._thread.current

    def call(self, name: str, function: Callable[..., Any], *args: Any) -> None:
        """Run ``function`` after the calls before it; on the network thread, never waits."""
        self._calls.put(partial(self._run_one, name, function, args))
        if self._thread is None:
            self._thread = Thread(self._run, "bittorrent-callbacks")  # known before the first callback asks for it
            try:
                self._thread.start()
            except ThreadError as error:
                self._thread = None
                _log.error("the callback %s waits for a thread", name, exc_info=error)
                self._failed(name, str(error))

    def close(self, done: Callable[[], None]) -> None:
        """Run what was asked for, end, and have ``done`` called on the network thread, which this is called on."""
        if self._thread is None:
            done()
        else:
            self._calls.put(partial(self._tell, done))
            self._calls.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread, at most ``timeout`` seconds; whether there is none any more."""
        return self._thread is None or self._thread.join(timeout)

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            call()

    def _run_one(self, name: str, function: Callable[..., Any], args: Any) -> None:
        try:
            function(*args)
        except BaseException as error:
            # A SystemExit in a callback ends nothing either: it is not the user's main thread.
            _log.error("the callback %s raised", name, exc_info=error)
            text = traceback.format_exception_only(type(error), error)[-1].strip()
            self._tell(partial(self._failed, name, text))

    def _tell(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(SessionClosed):  # the session ended, and its last event is out
            self._post(call)
