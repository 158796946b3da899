"""The memory that a worker fills and a program takes back, in each order."""

from __future__ import annotations

import threading

import pytest
from support.pairs import PATIENCE

from bittorrent_threads.disk.destination import Destination


def fill(view: memoryview) -> int:
    view[:] = b"x" * len(view)
    return len(view)


def test_memory_that_was_filled_belongs_to_the_program_again() -> None:
    memory = bytearray(3)
    destination = Destination(memoryview(memory))
    assert destination.fill(fill) == 3
    memory += b"y"  # fails while somebody may use the memory
    assert memory == b"xxxy"
    destination.take_back()
    assert destination.fill(fill) == 0
    assert memory == b"xxxy"


def test_memory_that_was_taken_back_is_not_filled() -> None:
    memory = bytearray(3)
    destination = Destination(memoryview(memory))
    destination.take_back()
    destination.take_back()
    memory += b"y"
    assert destination.fill(fill) == 0
    assert memory == bytes(3) + b"y"


def test_after_an_error_it_can_be_filled_again() -> None:
    memory = bytearray(3)
    destination = Destination(memoryview(memory))

    def fail(view: memoryview) -> int:
        raise OSError

    with pytest.raises(OSError):
        destination.fill(fail)
    assert destination.fill(lambda view: 0) == 0
    assert destination.fill(fill) == 3
    assert memory == b"xxx"


@pytest.mark.parametrize("failing", [False, True])
def test_a_read_under_way_is_waited_for(failing: bool) -> None:
    memory = bytearray(3)
    destination = Destination(memoryview(memory))
    begun, go_on, events = threading.Event(), threading.Event(), []

    def slow(view: memoryview) -> int:
        begun.set()
        assert go_on.wait(PATIENCE)
        events.append("read")
        return 0 if failing else fill(view)

    def take_back() -> None:
        destination.take_back()
        events.append("taken back")

    threads = [threading.Thread(target=destination.fill, args=[slow]), threading.Thread(target=take_back)]
    threads[0].start()
    assert begun.wait(PATIENCE)
    threads[1].start()
    threads[1].join(0.2)
    assert threads[1].is_alive()
    go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert events == ["read", "taken back"]
    memory += b"y"
    assert destination.fill(fill) == 0
