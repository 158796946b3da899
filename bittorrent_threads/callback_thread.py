"""The thread that runs the callbacks of one client; a slow callback delays only those after it."""

from __future__ import annotations

import contextlib
import logging
import traceback
from _queue import SimpleQueue
from functools import partial
from typing import Any, Callable, Optional, Tuple

from .errors import SessionClosed, ThreadError
from .threads.thread import Thread

_log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]


class CallbackThread:
    """Runs calls one after another, in a daemon thread that starts with the first call.

    Args:
        failed: Called on the network thread with the name and the error of a callback that raised.
        post: Makes a call on the network thread; raises SessionClosed if there is none any more.
    """

    def __init__(self, failed: Callable[[str, str], None], post: Post) -> None:
        self._failed = failed
        self._post = post
        self._calls: SimpleQueue[Optional[Callable[[], Any]]] = SimpleQueue()
        self._thread: Optional[Thread] = None

    @property
    def current(self) -> bool:
        """The calling thread is the callback thread."""
        return self._thread is not None and self._thread.current

    def call(self, name: str, function: Callable[..., Any], *args: object) -> None:
        """Run a function after the calls before it; the network thread calls this, and does not wait."""
        self._calls.put(partial(self._run_one, name, function, args))
        if self._thread is None:
            self._thread = Thread(self._run, "bittorrent-callbacks")  # set before the first callback reads it
            try:
                self._thread.start()
            except ThreadError as error:
                self._thread = None
                _log.error("the callback %s waits for a thread", name, exc_info=error)
                self._failed(name, str(error))

    def close(self, done: Callable[[], None]) -> None:
        """Run the remaining calls, end, and then call ``done``; both on the network thread."""
        if self._thread is None:
            done()
        else:
            self._calls.put(partial(self._tell, done))
            self._calls.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the end of the thread, at most ``timeout`` seconds; return whether it ended or never started."""
        return self._thread is None or self._thread.join(timeout)

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            call()

    def _run_one(self, name: str, function: Callable[..., Any], args: Tuple[object, ...]) -> None:
        try:
            function(*args)
        except BaseException as error:
            # SystemExit too: this is not the main thread, and the next callback must run.
            _log.error("the callback %s raised", name, exc_info=error)
            text = traceback.format_exception_only(type(error), error)[-1].strip()
            self._tell(partial(self._failed, name, text))

    def _tell(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(SessionClosed):  # the session ended, after its last event
            self._post(call)
