"""The memory that sockets are read into: nothing borrowed is ever overwritten, and nothing given back is lost."""

from __future__ import annotations

import mmap
import random
from typing import List, Optional, Tuple

from bittorrent_threads.net.intake import Intake, Slab

PAGE = mmap.PAGESIZE
SIZE = 8 * PAGE


def receive(intake: Intake, data: bytes, *, keep: bool) -> Tuple[memoryview, Optional[Slab]]:
    """Read ``data``; what a handler saw, and its loan."""
    seen = intake.room[: len(data)]
    seen[:] = data
    loan = intake.borrow() if keep else None
    intake.passed(len(data))
    return seen, loan


def test_while_nobody_borrows_every_read_goes_to_the_same_place() -> None:
    intake = Intake(SIZE, 4)
    first, _ = receive(intake, b"first", keep=False)
    assert len(intake.room) == SIZE
    receive(intake, b"other", keep=False)
    assert bytes(first) == b"other"


def test_what_is_borrowed_stays_and_the_next_read_begins_a_page_behind_it() -> None:
    intake = Intake(SIZE, 4)
    first, loan = receive(intake, b"a" * (PAGE + 1), keep=True)
    assert loan is not None and len(intake.room) == SIZE - 2 * PAGE
    second, _ = receive(intake, b"b" * PAGE, keep=False)
    receive(intake, b"c" * PAGE, keep=False)
    assert bytes(first) == b"a" * (PAGE + 1)
    assert bytes(second) == b"c" * PAGE, "of that nothing was borrowed"
    intake.give_back([loan])
    assert len(intake.room) == SIZE


def test_each_loan_counts() -> None:
    intake = Intake(SIZE, 4)
    intake.room[:3] = b"abc"
    loans = [intake.borrow(), intake.borrow()]
    intake.passed(3)
    intake.give_back(loans[:1])
    assert len(intake.room) == SIZE - PAGE
    intake.give_back(loans[1:])
    assert len(intake.room) == SIZE


def test_a_slab_is_left_when_little_of_it_is_free_and_used_again_when_all_is_back() -> None:
    intake = Intake(SIZE, 3)
    first, loan = receive(intake, b"a" * (7 * PAGE), keep=True)
    assert len(intake.room) == SIZE, "another slab"
    second, other = receive(intake, b"b" * (7 * PAGE), keep=True)
    assert loan is not other and bytes(first) == b"a" * 7 * PAGE
    intake.give_back([loan])
    third, _ = receive(intake, b"c" * (7 * PAGE), keep=True)
    assert bytes(first) != bytes(third), "in the third slab"
    receive(intake, b"d" * (7 * PAGE), keep=False)
    assert bytes(first) == b"d" * 7 * PAGE and bytes(second) == b"b" * 7 * PAGE


def test_the_last_free_slab_is_not_lent() -> None:
    intake = Intake(SIZE, 2)
    _, loan = receive(intake, b"a" * SIZE, keep=True)
    assert loan is not None and intake.borrow() is None
    receive(intake, b"b" * SIZE, keep=True)
    assert len(intake.room) == SIZE
    intake.give_back([loan])
    assert intake.borrow() is not None


def test_with_one_slab_nothing_is_lent() -> None:
    assert Intake(SIZE).borrow() is None


def test_slabs_smaller_than_a_page() -> None:
    intake = Intake(1000, 3)
    _, loan = receive(intake, b"a" * 10, keep=True)
    assert loan is not None and len(intake.room) == 1000


def test_spare_slabs_can_be_dropped() -> None:
    intake = Intake(SIZE, 3)
    loans = [receive(intake, bytes(SIZE), keep=True)[1] for _ in range(2)]
    assert intake.borrow() is None
    intake.give_back(loans)
    intake.drop_spare()
    assert [receive(intake, bytes(SIZE), keep=True)[1] is None for _ in range(3)] == [False, False, True]


def test_whatever_happens_nothing_borrowed_changes() -> None:
    for seed in range(20):
        chance = random.Random(seed)
        intake = Intake(SIZE, chance.randrange(1, 6))
        held: List[Tuple[memoryview, bytes, Slab]] = []
        for _ in range(300):
            data = chance.randbytes(chance.choice((5, 100, PAGE, 3 * PAGE, SIZE)))[: len(intake.room)]
            seen, loan = receive(intake, data, keep=chance.random() < 0.6)
            if loan is not None:
                held.append((seen, data, loan))
            if chance.random() < 0.5:
                chance.shuffle(held)
                count = chance.randrange(len(held) + 1)
                intake.give_back([loan for _, _, loan in held[:count]])
                del held[:count]
            if chance.random() < 0.05:
                intake.drop_spare()
            assert all(view == data for view, data, _ in held)
            assert len(intake.room) * 4 >= SIZE
