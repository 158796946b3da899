"""The windows of readers: how they grow, and in which order their pieces are due."""

from __future__ import annotations

from typing import List

import pytest

from bittorrent_threads.swarm.read_windows import (
    FIRST_WINDOW,
    IDLE,
    LEAST_PACE,
    LINGER,
    MAX_PIECES,
    STEADY,
    STEPS,
    ReadWindow,
    ReadWindows,
)

KIB = 1024
PIECE = 64 * KIB
MIB = 1024 * KIB


def window(begin: int = 0, end: int = 100 * MIB, *, most: int = 8 * MIB, readahead: int = -1) -> ReadWindow:
    return ReadWindow(begin, end, most=most, readahead=None if readahead < 0 else readahead)


def indexes(windows: ReadWindows, now: float = 0.0) -> List[int]:
    return [due.index for due in windows.due(now)]


def test_a_window_grows_with_what_is_read_in_sequence_and_begins_anew_after_a_jump() -> None:
    reader = window()
    assert reader.move(0, 10, 0.0) is False
    assert reader.size == FIRST_WINDOW
    sizes = []
    position = 0
    for _ in range(9):
        position += reader.size
        assert reader.move(position, 10, 1.0) is False
        sizes.append(reader.size)
    assert sizes == sorted(sizes)
    assert sizes[-1] == 8 * MIB
    assert reader.move(position - 1, 10, 2.0) is True
    assert reader.size == FIRST_WINDOW
    assert reader.move(position + reader.size, 10, 2.0) is True
    assert reader.size == FIRST_WINDOW


def test_the_end_of_a_window_moves_in_steps_that_are_worth_a_request() -> None:
    reader = window(readahead=MIB)
    reader.move(0, 10, 0.0)
    stops = []
    for number in range(1, 2 * STEPS + 1):
        reader.move(number * MIB // STEPS // 2, 10, 0.0)
        stops.append(reader.stop)
        assert reader.size == reader.stop - reader.position
    assert len(set(stops)) == STEPS + 1
    assert reader.stop == 2 * MIB
    reader.move(reader.position + 1, MIB, 0.0)
    assert reader.stop == 2 * MIB + 1  # what is wanted is in the window in any case


def test_a_step_over_what_the_answer_had_is_no_jump() -> None:
    reader = window()
    reader.move(0, 10, 0.0)
    reader.given = 2 * FIRST_WINDOW
    assert reader.move(2 * FIRST_WINDOW, 10, 0.0) is False
    assert reader.move(10 * FIRST_WINDOW, 10, 0.0) is True


def test_only_a_reader_that_may_jump_is_expected_to_wait_again_at_once() -> None:
    windows = ReadWindows(PIECE)
    assert windows.steady(0.0) == 0
    reader = window(readahead=2 * STEADY)
    windows.add(reader, 0.0)
    windows.move(reader, 0, 10, 0.0)
    for position, again in ((0, True), (STEADY - 1, True), (STEADY, False)):
        windows.move(reader, position, 10, 1.0 * position)
        windows.wait(reader, 1.0 * position)
        assert windows.awaited(1.0 * position) == [position // PIECE]
        windows.served(reader, 1.0 * position)
        assert windows.steady(1.0 * position) == position
        assert bool(windows.awaited(1.0 * position)) is again
    windows.add(window(), 1.0 * STEADY)
    assert windows.steady(1.0 * STEADY) == 0


def test_a_reader_that_does_not_read_is_idle() -> None:
    windows = ReadWindows(PIECE)
    assert not windows.in_use(0.0)
    reader, other = window(readahead=2 * STEADY), window()
    windows.add(other, 0.0)
    assert windows.in_use(IDLE - 0.1)
    assert not windows.in_use(IDLE)
    windows.add(reader, 10.0)
    windows.move(reader, STEADY, 10, 11.0)
    windows.move(reader, STEADY + 10, 10, 12.0)
    assert windows.in_use(11.9 + IDLE)
    assert windows.steady(12.0) == 10, "the other one is not read"
    windows.wait(other, 12.0)
    assert windows.steady(12.0) == 0
    windows.wait(reader, 12.0)
    assert windows.in_use(99.0), "a reader that waits"


def test_to_read_the_same_place_again_changes_nothing() -> None:
    reader = window()
    reader.move(0, 10, 0.0)
    reader.move(FIRST_WINDOW, 10, 0.0)
    size = reader.size
    assert reader.move(FIRST_WINDOW, 10, 0.0) is False
    assert reader.size == size


@pytest.mark.parametrize(
    ("wanted", "readahead", "size"),
    [
        (10, -1, FIRST_WINDOW),
        (MIB, -1, MIB),
        (50 * MIB, -1, 8 * MIB),
        (10, 0, 10),
        (10, 3 * MIB, 3 * MIB),
        (10, 20 * MIB, 20 * MIB),
        (4 * MIB, 3 * MIB, 4 * MIB),
    ],
)
def test_a_window_has_what_is_wanted_and_what_was_asked_for(wanted: int, readahead: int, size: int) -> None:
    reader = window(readahead=readahead)
    reader.move(0, wanted, 0.0)
    assert (reader.size, reader.stop) == (size, size)


def test_a_window_ends_with_its_file() -> None:
    reader = window(PIECE, 3 * PIECE + 5)
    reader.move(3 * PIECE, 10, 0.0)
    assert (reader.size, reader.stop) == (5, 3 * PIECE + 5)


def test_pieces_are_due_by_their_distance_whichever_reader_they_are_for() -> None:
    windows = ReadWindows(PIECE)
    assert not windows
    assert indexes(windows) == []
    near, far = window(), window()
    for reader, position in ((near, 10), (far, 10 * PIECE)):
        windows.add(reader, 0.0)
        windows.move(reader, position, 10, 0.0)
    assert windows
    assert indexes(windows) == [0, 10, 1, 11, 2]
    windows.move(far, PIECE, 10, 0.0)
    assert indexes(windows) == [0, 1, 2], "each once, as of the nearest reader"
    assert [due.distance for due in windows.due(0.0)] == [0, 0, PIECE]
    windows.move(near, 2 * PIECE, 10, 0.0)
    windows.move(far, PIECE, 10, 0.0)
    assert {due.index: due.distance for due in windows.due(0.0)}[2] == 0, "as of the first reader"
    windows.move(near, 10, 10, 0.0)
    windows.remove(far)
    assert indexes(windows) == [0, 1, 2]
    assert [due.distance for due in windows.due(0.0)] == [0, PIECE - 10, 2 * PIECE - 10]
    windows.remove(near)
    windows.remove(near)
    assert indexes(windows) == []


def test_a_deadline_follows_from_the_pace_of_the_reader() -> None:
    windows = ReadWindows(PIECE)
    reader = window(readahead=2 * MIB)
    windows.add(reader, 0.0)
    windows.move(reader, 0, 10, 0.0)
    assert windows.due(0.0)[16].deadline == MIB / LEAST_PACE
    for second in range(1, 4):
        windows.move(reader, 2 * MIB * second, 10, float(second))
    assert windows.due(3.0)[16].deadline == pytest.approx(3.5, abs=0.05)
    assert reader.pace(3.0) == pytest.approx(2 * MIB, rel=0.1)


def test_a_wait_is_urgent_and_late_after_a_while() -> None:
    windows = ReadWindows(PIECE)
    reader, other = window(), window()
    windows.add(other, 0.0)
    windows.add(reader, 0.0)
    windows.move(reader, 5 * PIECE, 10, 0.0)
    assert not windows.waiting
    assert not windows.awaited(0.0)
    windows.wait(reader, 1.0)
    assert windows.waiting
    assert windows.awaited(9.0) == [5]
    assert windows.late(1.4, 0.5) == []
    assert windows.late(1.5, 0.5) == [5]


def test_after_a_wait_the_next_one_is_expected_for_a_moment() -> None:
    windows = ReadWindows(PIECE)
    reader = window()
    windows.add(reader, 0.0)
    windows.served(reader, 1.0)
    assert not windows.awaited(1.0)
    windows.wait(reader, 1.0)
    windows.served(reader, 2.0)
    assert windows.awaited(2.0 + LINGER / 2) == [0]
    assert not windows.awaited(2.0 + LINGER)


def test_pieces_that_were_taken_out_come_back() -> None:
    windows = ReadWindows(PIECE)
    reader = window()
    windows.add(reader, 0.0)
    assert indexes(windows) == []
    windows.move(reader, 0, 10, 0.0)
    windows.due(0.0)[:] = []
    assert indexes(windows) == []
    windows.look_again()
    assert indexes(windows) == [0, 1]


def test_the_pieces_of_a_long_window_are_not_all_looked_at() -> None:
    windows = ReadWindows(1024)
    reader = window(readahead=MIB)
    windows.add(reader, 0.0)
    windows.move(reader, 0, 10, 0.0)
    assert indexes(windows) == list(range(MAX_PIECES))
    assert windows.includes(1023)
    assert not windows.includes(1024)
