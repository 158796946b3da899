"""The budget for pieces."""

from __future__ import annotations

from bittorrent_threads.swarm.buffer_pool import BufferPool


def test_reserve_within_the_limit_and_forced() -> None:
    memory = BufferPool(100)
    assert memory.reserve(60)
    assert not memory.reserve(60)
    assert memory.reserved == 60
    assert memory.reserve(60, forced=True)
    assert memory.reserved == 120
    memory.release(60)
    assert memory.reserved == 60


def test_buffers_are_used_again() -> None:
    memory = BufferPool(1000)
    first = memory.take(100)
    assert len(first) == 100
    memory.give([first])
    assert memory.take(100) is first
    assert memory.take(100) is not first


def test_all_buffers_together_stay_within_the_limit() -> None:
    memory = BufferPool(1000)
    buffers = [memory.take(100) for _ in range(12)]  # more than the limit, as when one was forced
    memory.give(buffers)
    again = [memory.take(100) for _ in range(12)]
    assert sum(any(new is old for old in buffers) for new in again) == 10
    memory.give(again)
    assert len(memory.take(50)) == 50, "another size takes the place of what is spare"
    assert all(memory.take(100) is not old for old in again)


def test_drop_spare() -> None:
    memory = BufferPool(1000)
    buffer = memory.take(100)
    memory.give([buffer])
    memory.drop_spare()
    assert memory.take(100) is not buffer


def test_congested_when_half_of_it_waits_for_the_disk() -> None:
    memory = BufferPool(100)
    memory.saving = 50
    assert not memory.congested
    memory.saving = 51
    assert memory.congested


def test_who_found_too_little_hears_of_room() -> None:
    told = []
    memory = BufferPool(100, lambda: told.append(memory.reserved))
    assert memory.affordable(30) == 3
    memory.reserve(90)
    memory.release(30)
    assert told == [], "no caller lacked memory"
    memory.reserve(30)
    assert memory.affordable(30) == 0
    memory.release(30)
    memory.release(30)
    assert told == [60], "once"
    assert not memory.reserve(80)
    memory.release(10)
    assert told == [60, 20]


def test_room_is_told_when_the_disk_has_caught_up() -> None:
    told = []
    memory = BufferPool(100, lambda: told.append(memory.saving))
    memory.reserve(90)
    memory.saving = 90
    assert memory.congested
    assert memory.affordable(5) == 0
    memory.saving = 60
    memory.release(30)
    assert told == []
    memory.saving = 50
    memory.release(10)
    assert told == [50]
