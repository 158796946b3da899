"""The memory that sockets are read into: nothing borrowed is ever overwritten, and nothing given back is lost."""

from __future__ import annotations

import mmap
import random
from typing import List, Tuple

import pytest

from bittorrent_threads.net import intake as intake_module
from bittorrent_threads.net.intake import Intake

PAGE = mmap.PAGESIZE
SIZE = 8 * PAGE


def receive(intake: Intake, data: bytes, *, keep: bool) -> Tuple[memoryview, bool]:
    """Read ``data``; what a handler saw, and whether it may keep that."""
    seen = intake.room[: len(data)]
    seen[:] = data
    kept = keep and intake.borrow(seen)
    intake.passed(len(data))
    return seen, kept


def test_while_nobody_borrows_every_read_goes_to_the_same_place() -> None:
    intake = Intake(SIZE, 4)
    first, _ = receive(intake, b"first", keep=False)
    assert len(intake.room) == SIZE
    receive(intake, b"other", keep=False)
    assert bytes(first) == b"other"


def test_what_is_borrowed_stays_and_the_next_read_begins_a_page_behind_it() -> None:
    intake = Intake(SIZE, 4)
    first, kept = receive(intake, b"a" * (PAGE + 1), keep=True)
    assert kept and len(intake.room) == SIZE - 2 * PAGE
    second, _ = receive(intake, b"b" * PAGE, keep=False)
    receive(intake, b"c" * PAGE, keep=False)
    assert bytes(first) == b"a" * (PAGE + 1)
    assert bytes(second) == b"c" * PAGE, "of that nothing was borrowed"
    intake.give_back([first])
    assert len(intake.room) == SIZE


def test_each_part_of_a_read_is_borrowed_by_itself() -> None:
    intake = Intake(SIZE, 4)
    parts = [intake.room[:3], intake.room[3:6]]
    assert all(map(intake.borrow, parts))
    intake.passed(6)
    intake.give_back(parts[:1])
    assert len(intake.room) == SIZE - PAGE
    intake.give_back(parts[1:])
    assert len(intake.room) == SIZE


def test_what_has_memory_of_its_own_can_be_kept_and_costs_none_here() -> None:
    intake = Intake(SIZE, 2)
    for own in (memoryview(bytearray(b"message")), memoryview(b"leftover")):
        assert intake.borrow(own)
        intake.passed(10)
        assert len(intake.room) == SIZE
        intake.give_back([own])
    assert len(intake.room) == SIZE


def test_a_slab_is_left_when_little_of_it_is_free_and_used_again_when_all_is_back() -> None:
    intake = Intake(SIZE, 3)
    first, _ = receive(intake, b"a" * (7 * PAGE), keep=True)
    assert len(intake.room) == SIZE, "another slab"
    second, _ = receive(intake, b"b" * (7 * PAGE), keep=True)
    assert bytes(first) == b"a" * 7 * PAGE
    intake.give_back([first])
    third, kept = receive(intake, b"c" * (7 * PAGE), keep=True)
    assert kept and bytes(first) == b"a" * 7 * PAGE, "in the third slab"
    receive(intake, b"d" * (7 * PAGE), keep=False)
    assert bytes(first) == b"d" * 7 * PAGE
    assert (bytes(second), bytes(third)) == (b"b" * 7 * PAGE, b"c" * 7 * PAGE)


def test_the_last_free_slab_is_not_lent() -> None:
    intake = Intake(SIZE, 2)
    first, kept = receive(intake, b"a" * SIZE, keep=True)
    assert kept and not receive(intake, b"b" * SIZE, keep=True)[1]
    assert len(intake.room) == SIZE
    intake.give_back([first])
    assert receive(intake, b"c" * SIZE, keep=True)[1]


def test_with_one_slab_nothing_is_lent() -> None:
    intake = Intake(SIZE)
    assert not intake.borrow(intake.room)


@pytest.mark.parametrize("error", [OSError(12, "Cannot allocate memory"), MemoryError()])
def test_without_memory_for_another_slab_nothing_is_lent(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(size: int) -> memoryview:
        raise error

    intake = Intake(SIZE, 9)
    monkeypatch.setattr(intake_module, "aligned", fail)
    assert not receive(intake, b"a" * SIZE, keep=True)[1]
    assert len(intake.room) == SIZE
    monkeypatch.undo()
    assert receive(intake, b"b" * SIZE, keep=True)[1]


def test_slabs_smaller_than_a_page() -> None:
    intake = Intake(1000, 3)
    assert receive(intake, b"a" * 10, keep=True)[1] and len(intake.room) == 1000


def test_what_is_given_back_before_the_read_is_over_is_not_lost() -> None:
    intake = Intake(SIZE, 2)
    for _ in range(5):
        whole = intake.room[:SIZE]
        assert intake.borrow(whole)
        intake.give_back([whole])
        intake.drop_spare()
        intake.passed(SIZE)


def test_spare_slabs_can_be_dropped() -> None:
    intake = Intake(SIZE, 3)
    held = [receive(intake, bytes(SIZE), keep=True)[0] for _ in range(2)]
    assert not intake.borrow(intake.room)
    intake.give_back(held)
    intake.drop_spare()
    assert [receive(intake, bytes(SIZE), keep=True)[1] for _ in range(3)] == [True, True, False]


def test_whatever_happens_nothing_borrowed_changes() -> None:
    for seed in range(20):
        chance = random.Random(seed)
        intake = Intake(SIZE, chance.randrange(1, 6))
        held: List[Tuple[memoryview, bytes]] = []
        for _ in range(300):
            data = chance.randbytes(chance.choice((5, 100, PAGE, 3 * PAGE, SIZE)))[: len(intake.room)]
            seen, kept = receive(intake, data, keep=chance.random() < 0.6)
            if kept:
                held.append((seen, data))
            if chance.random() < 0.5:
                chance.shuffle(held)
                count = chance.randrange(len(held) + 1)
                intake.give_back([view for view, _ in held[:count]])
                del held[:count]
            if chance.random() < 0.05:
                intake.drop_spare()
            assert all(view == data for view, data in held)
            assert len(intake.room) * 4 >= SIZE
