"""A network thread that the test drives: posted calls wait until the test runs them."""

from __future__ import annotations

import queue
from typing import Any, Callable, List

from bittorrent_threads.errors import SessionClosed

TIMEOUT = 30.0


class NetworkThread:
    """``post`` replaces ``Loop.post``; ``ask`` runs a request and returns its result."""

    def __init__(self) -> None:
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.closed = False

    def post(self, callback: Callable[[], None]) -> None:
        """Queue a call, from any thread."""
        if self.closed:
            raise SessionClosed()
        self._posted.put(callback)

    def turn(self) -> None:
        """Run the next call; wait until there is one."""
        self._posted.get(timeout=TIMEOUT)()

    def turn_until(self, done: Callable[[], bool]) -> None:
        """Run calls until ``done()`` is true."""
        while not done():
            self.turn()

    @property
    def idle(self) -> bool:
        """Whether no call is queued."""
        return self._posted.empty()

    def ask(self, question: Callable[..., None], *arguments: Any) -> Any:
        """Call ``question(*arguments, deliver)``, and return the delivered result."""
        answers: List[Any] = []
        question(*arguments, answers.append)
        assert not answers, "the answer came from inside the call"
        self.turn_until(lambda: bool(answers))
        return answers[0]
