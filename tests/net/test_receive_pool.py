"""The memory that sockets are read into: nothing borrowed is ever overwritten, and nothing given back is lost."""

from __future__ import annotations

import mmap
import random
from typing import Any, List, Tuple

import pytest

from bittorrent_threads.buffers import OwnedBuffer
from bittorrent_threads.net import receive_pool as module
from bittorrent_threads.net.receive_pool import ReceivePool

PAGE = mmap.PAGESIZE
SIZE = 8 * PAGE


def receive(receive_pool: ReceivePool, data: bytes, *, keep: bool) -> Tuple[memoryview, bool]:
    """Read ``data``; what a handler saw, and whether it may keep that."""
    seen = receive_pool.room[: len(data)]
    seen[:] = data
    kept = keep and receive_pool.borrow(seen)
    receive_pool.end_read(len(data))
    return seen, kept


def test_while_nothing_is_borrowed_every_read_goes_to_the_same_place() -> None:
    receive_pool = ReceivePool(SIZE, 4)
    first, _ = receive(receive_pool, b"first", keep=False)
    assert len(receive_pool.room) == SIZE
    receive(receive_pool, b"other", keep=False)
    assert bytes(first) == b"other"


def test_what_is_borrowed_stays_and_the_next_read_begins_a_page_behind_it() -> None:
    receive_pool = ReceivePool(SIZE, 4)
    first, kept = receive(receive_pool, b"a" * (PAGE + 1), keep=True)
    assert kept
    assert len(receive_pool.room) == SIZE - 2 * PAGE
    second, _ = receive(receive_pool, b"b" * PAGE, keep=False)
    receive(receive_pool, b"c" * PAGE, keep=False)
    assert bytes(first) == b"a" * (PAGE + 1)
    assert bytes(second) == b"c" * PAGE, "of that nothing was borrowed"
    receive_pool.give_back([first])
    assert len(receive_pool.room) == SIZE


def test_each_part_of_a_read_is_borrowed_by_itself() -> None:
    receive_pool = ReceivePool(SIZE, 4)
    parts = [receive_pool.room[:3], receive_pool.room[3:6]]
    assert all(map(receive_pool.borrow, parts))
    receive_pool.end_read(6)
    receive_pool.give_back(parts[:1])
    assert len(receive_pool.room) == SIZE - PAGE
    receive_pool.give_back(parts[1:])
    assert len(receive_pool.room) == SIZE


def test_a_message_that_came_in_several_reads_can_be_kept_and_costs_no_slab() -> None:
    receive_pool = ReceivePool(SIZE, 2)
    own = memoryview(OwnedBuffer(b"message"))
    assert receive_pool.borrow(own)
    receive_pool.end_read(10)
    assert len(receive_pool.room) == SIZE
    receive_pool.give_back([own])
    assert len(receive_pool.room) == SIZE


@pytest.mark.parametrize("memory", [bytearray(b"decrypted"), b"held back", mmap.mmap(-1, 10)])
def test_memory_of_another_owner_must_be_copied(memory: Any) -> None:
    receive_pool = ReceivePool(SIZE, 2)
    with memoryview(memory) as view:
        assert not receive_pool.borrow(view)
    receive_pool.end_read(10)
    assert len(receive_pool.room) == SIZE


def test_a_slab_is_left_when_little_of_it_is_free_and_used_again_when_all_is_back() -> None:
    receive_pool = ReceivePool(SIZE, 3)
    first, _ = receive(receive_pool, b"a" * (7 * PAGE), keep=True)
    assert len(receive_pool.room) == SIZE, "another slab"
    second, _ = receive(receive_pool, b"b" * (7 * PAGE), keep=True)
    assert bytes(first) == b"a" * 7 * PAGE
    receive_pool.give_back([first])
    third, kept = receive(receive_pool, b"c" * (7 * PAGE), keep=True)
    assert kept
    assert bytes(first) == b"a" * 7 * PAGE, "in the third slab"
    receive(receive_pool, b"d" * (7 * PAGE), keep=False)
    assert bytes(first) == b"d" * 7 * PAGE
    assert (bytes(second), bytes(third)) == (b"b" * 7 * PAGE, b"c" * 7 * PAGE)


def test_the_last_free_slab_is_not_lent() -> None:
    receive_pool = ReceivePool(SIZE, 2)
    first, kept = receive(receive_pool, b"a" * SIZE, keep=True)
    assert kept
    assert not receive(receive_pool, b"b" * SIZE, keep=True)[1]
    assert len(receive_pool.room) == SIZE
    receive_pool.give_back([first])
    assert receive(receive_pool, b"c" * SIZE, keep=True)[1]


def test_with_one_slab_nothing_is_lent() -> None:
    receive_pool = ReceivePool(SIZE)
    assert not receive_pool.borrow(receive_pool.room)


@pytest.mark.parametrize("error", [OSError(12, "Cannot allocate memory"), MemoryError()])
def test_without_memory_for_another_slab_nothing_is_lent(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(size: int) -> memoryview:
        raise error

    receive_pool = ReceivePool(SIZE, 9)
    monkeypatch.setattr(module, "aligned", fail)
    assert not receive(receive_pool, b"a" * SIZE, keep=True)[1]
    assert len(receive_pool.room) == SIZE
    monkeypatch.undo()
    assert receive(receive_pool, b"b" * SIZE, keep=True)[1]


def test_slabs_smaller_than_a_page() -> None:
    receive_pool = ReceivePool(1000, 3)
    assert receive(receive_pool, b"a" * 10, keep=True)[1]
    assert len(receive_pool.room) == 1000


def test_what_is_given_back_before_the_read_is_over_is_not_lost() -> None:
    receive_pool = ReceivePool(SIZE, 2)
    for _ in range(5):
        whole = receive_pool.room[:SIZE]
        assert receive_pool.borrow(whole)
        receive_pool.give_back([whole])
        receive_pool.drop_spare()
        receive_pool.end_read(SIZE)


def test_spare_slabs_can_be_dropped() -> None:
    receive_pool = ReceivePool(SIZE, 3)
    held = [receive(receive_pool, bytes(SIZE), keep=True)[0] for _ in range(2)]
    assert not receive_pool.borrow(receive_pool.room)
    receive_pool.give_back(held)
    receive_pool.drop_spare()
    assert [receive(receive_pool, bytes(SIZE), keep=True)[1] for _ in range(3)] == [True, True, False]


def test_whatever_happens_nothing_borrowed_changes() -> None:
    for seed in range(20):
        chance = random.Random(seed)
        receive_pool = ReceivePool(SIZE, chance.randrange(1, 6))
        held: List[Tuple[memoryview, bytes]] = []
        for _ in range(300):
            data = chance.randbytes(chance.choice((5, 100, PAGE, 3 * PAGE, SIZE)))[: len(receive_pool.room)]
            seen, kept = receive(receive_pool, data, keep=chance.random() < 0.6)
            if kept:
                held.append((seen, data))
            if chance.random() < 0.5:
                chance.shuffle(held)
                count = chance.randrange(len(held) + 1)
                receive_pool.give_back([view for view, _ in held[:count]])
                del held[:count]
            if chance.random() < 0.05:
                receive_pool.drop_spare()
            assert all(view == data for view, data in held)
            assert len(receive_pool.room) * 4 >= SIZE
