from __future__ import annotations

import threading
from typing import Any

import pytest

from bittorrent_threads.errors import ThreadError
from bittorrent_threads.threads import uninterrupted
from bittorrent_threads.threads.latch import Latch
from bittorrent_threads.threads.uninterrupted import run_uninterrupted


def test_gives_what_the_call_gives_from_a_thread_that_signals_do_not_reach() -> None:
    assert run_uninterrupted(threading.get_ident, "test") != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        run_uninterrupted(lambda: 1 / 0, "test")


def test_needs_no_thread_where_no_signal_comes() -> None:
    idents = []
    thread = threading.Thread(target=lambda: idents.append(run_uninterrupted(threading.get_ident, "test")))
    thread.start()
    thread.join()
    assert idents == [thread.ident]


def test_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr("bittorrent_threads.threads.uninterrupted.start_new_thread", refuse)
        with pytest.raises(ThreadError, match="cannot start the thread test: can't start new thread"):
            run_uninterrupted(int, "test")


def test_an_interrupted_call_ends_and_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Latch):
        def wait(self, timeout: Any = None, cancel: Any = None) -> bool:
            raise KeyboardInterrupt

    made, go_on = threading.Event(), threading.Event()

    class Thing:
        def __init__(self) -> None:
            go_on.wait(30)

        def __del__(self) -> None:
            made.set()

    with monkeypatch.context() as patch:
        patch.setattr(uninterrupted, "Latch", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_uninterrupted(Thing, "test")
    go_on.set()
    assert made.wait(30)
