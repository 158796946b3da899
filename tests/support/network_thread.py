"""The network thread, played by the test: what workers post waits until the test makes the calls."""

from __future__ import annotations

import queue
from typing import Any, Callable, List

from bittorrent_threads.errors import SessionClosed

TIMEOUT = 30.0


class NetworkThread:
    """``post`` is what ``Loop.post`` is; ``ask`` is a question and its answer."""

    def __init__(self) -> None:
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.closed = False

    def post(self, callback: Callable[[], None]) -> None:
        """From any thread."""
        if self.closed:
            raise SessionClosed()
        self._posted.put(callback)

    def turn(self) -> None:
        """Make the next call, as soon as there is one."""
        self._posted.get(timeout=TIMEOUT)()

    def turn_until(self, done: Callable[[], bool]) -> None:
        """Make calls until ``done``."""
        while not done():
            self.turn()

    @property
    def idle(self) -> bool:
        """Nothing waits to be called."""
        return self._posted.empty()

    def ask(self, question: Callable[..., None], *arguments: Any) -> Any:
        """What ``question(*arguments, deliver)`` is answered."""
        answers: List[Any] = []
        question(*arguments, answers.append)
        assert not answers, "the answer came from inside the call"
        self.turn_until(lambda: bool(answers))
        return answers[0]
