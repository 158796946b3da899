from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
from typing import Iterator

import pytest

from bittorrent_threads.net.wakeup import Wakeup


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    wakeup = Wakeup()
    yield wakeup
    wakeup.close()


def readable(wakeup: Wakeup) -> bool:
    return bool(select.select([wakeup.reader], [], [], 0)[0])


def test_wakes_who_waits(wakeup: Wakeup) -> None:
    wakeup.arm()
    thread = threading.Thread(target=wakeup.set)
    thread.start()
    assert select.select([wakeup.reader], [], [], 30)[0]
    thread.join()


def test_sends_nothing_to_who_is_awake(wakeup: Wakeup) -> None:
    wakeup.set()
    assert not readable(wakeup)
    wakeup.arm()
    wakeup.disarm()
    wakeup.set()
    assert not readable(wakeup)


def test_one_byte_for_each_arming(wakeup: Wakeup) -> None:
    wakeup.arm()
    for _ in range(100_000):
        wakeup.set()
    assert wakeup.reader.recv(100) == b"\0"
    assert not readable(wakeup)


def test_draining_empties_it_and_it_wakes_again(wakeup: Wakeup) -> None:
    for _ in range(200):
        wakeup.arm()
        wakeup.set()
    wakeup.on_readable()
    assert not readable(wakeup)
    wakeup.on_readable()
    wakeup.arm()
    wakeup.set()
    assert readable(wakeup)


def test_never_waits_when_the_pair_is_full(wakeup: Wakeup) -> None:
    with contextlib.suppress(BlockingIOError):
        while wakeup._writer.send(b"\0" * 65536):
            pass
    wakeup.arm()
    wakeup.set()
    wakeup.on_readable()
    assert not readable(wakeup)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="POSIX signals")
def test_may_be_set_by_a_signal_handler(wakeup: Wakeup) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: wakeup.set())
    try:
        wakeup.arm()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert select.select([wakeup.reader], [], [], 30)[0]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_tolerates_being_closed() -> None:
    wakeup = Wakeup()
    wakeup.arm()
    wakeup.close()
    wakeup.arm()
    wakeup.set()
    wakeup.on_readable()
    wakeup.close()


def test_neither_end_waits(wakeup: Wakeup) -> None:
    ends = [wakeup.reader, wakeup._writer]
    assert [end.getblocking() for end in ends] == [False, False]
    assert all(isinstance(end, socket.socket) for end in ends)
