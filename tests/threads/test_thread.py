from __future__ import annotations

import os
import threading
from typing import Any, Callable, List, Tuple

import pytest
from support.loopback import run_child

from bittorrent_threads.errors import ThreadError
from bittorrent_threads.threads.thread import Thread


def started(target: Callable[[], None]) -> Thread:
    thread = Thread(target, "bittorrent-test")
    thread.start()
    return thread


def test_runs_under_its_name_and_does_not_keep_the_process() -> None:
    seen: List[threading.Thread] = []
    thread = started(lambda: seen.append(threading.current_thread()))
    assert thread.join(30)
    assert (seen[0].name, seen[0].daemon) == ("bittorrent-test", True)
    assert seen[0] not in threading.enumerate(), "what has ended is gone"


def test_started_by_a_thread_that_no_interrupt_reaches() -> None:
    # In the main thread threading.Thread.start would wait for a lock that an interrupt can leave taken.
    starters: List[int] = []
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        starters.append(threading.get_ident())
        real(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert started(lambda: None).join(30)
    assert len(starters) == 1
    assert starters[0] != threading.get_ident()


def test_knows_itself() -> None:
    answers: List[bool] = []
    threads: List[Thread] = []
    go_on = threading.Event()

    def run() -> None:
        go_on.wait(30)
        answers.append(threads[0].current)

    threads.append(started(run))
    assert not threads[0].current
    assert not threads[0].join(0)
    go_on.set()
    assert threads[0].join(30)
    assert answers == [True]


def test_one_that_was_cancelled_never_begins() -> None:
    ran: List[int] = []
    thread = Thread(lambda: ran.append(1), "bittorrent-test")
    assert thread.cancel()
    assert thread.cancel()
    assert thread.join()
    thread.start()
    assert ran == []


def test_one_that_has_begun_cannot_be_cancelled() -> None:
    go_on = threading.Event()
    thread = started(lambda: [go_on.wait(30)].clear())
    assert not thread.cancel()
    go_on.set()
    assert thread.join(30)
    assert not thread.cancel()


@pytest.mark.parametrize(
    "where", ["bittorrent_threads.threads.uninterrupted.start_new_thread", "threading.Thread.start"]
)
def test_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def refuse(*arguments: Any) -> None:
        raise RuntimeError("can't start new thread")

    thread = Thread(lambda: None, "bittorrent-test")
    with monkeypatch.context() as patch:
        patch.setattr(where, refuse)
        with pytest.raises(ThreadError) as caught:
            thread.start()
    assert str(caught.value) == "cannot start the thread bittorrent-test: can't start new thread"
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caught.value.name == "bittorrent-test"
    assert thread.join()


def test_an_error_of_the_target_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: List[Tuple[str, str]] = []

    def hook(arguments: threading.ExceptHookArgs) -> None:
        heard.append((str(arguments.exc_value), arguments.thread.name if arguments.thread else ""))

    monkeypatch.setattr(threading, "excepthook", hook)

    def fail() -> None:
        raise ValueError("a bug")

    assert started(fail).join(30)
    assert heard == [("a bug", "bittorrent-test")]


FORKED = """
import os, threading, warnings
from bittorrent_threads.threads.thread import Thread

warnings.simplefilter("ignore", DeprecationWarning)
go_on = threading.Event()
thread = Thread(lambda: go_on.wait(60) and None, "bittorrent-test")
thread.start()
child = os.fork()
if not child:
    os._exit(0 if thread.inherited and thread.join() and not thread.current else 1)
assert os.waitpid(child, 0)[1] == 0
assert not thread.inherited and not thread.join(0)
go_on.set()
assert thread.join(30)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_in_the_child_of_a_fork_it_has_ended() -> None:
    run_child(FORKED)
