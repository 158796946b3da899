"""Priorities and completion of files; lengths in pieces of 4 bytes."""

from __future__ import annotations

from typing import Any, Iterable, List

import pytest

from bittorrent_threads.metainfo.layout import Layout
from bittorrent_threads.swarm.file_progress import FileProgress
from bittorrent_threads.swarm.picker import ON_DEMAND

LENGTHS = (6, 0, 6, 3)
"""Piece 0 is of file 0, piece 1 of files 0 and 2, piece 2 of file 2, piece 3 (3 bytes) of file 3."""


def make(have: Iterable[int] = (), made: Iterable[int] = range(4)) -> FileProgress:
    files = FileProgress(Layout(LENGTHS, 4))
    files.passed(have)
    files.made(made)
    return files


def test_a_boundary_piece_has_the_higher_priority() -> None:
    files = make()
    files.set_priorities([1, 1, 0, 5])
    assert files.piece_priorities() == [1, 1, 0, 5]
    files.set_priorities([0, 0, 7, 0])
    assert files.piece_priorities() == [0, 7, 7, 0]
    assert files.wanted == [False, False, True, False]


@pytest.mark.parametrize("priorities", [[1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 8], [-1, 1, 1, 1]])
def test_bad_priorities(priorities: List[int]) -> None:
    with pytest.raises(ValueError, match="priorit"):
        make().set_priorities(priorities)


@pytest.mark.parametrize("priority", ["1", 1.0, None, True])
def test_a_priority_that_is_no_integer(priority: Any) -> None:
    with pytest.raises(TypeError, match="of file 3 is no integer"):
        make().set_priorities([1, 1, 1, priority])


def test_the_last_piece_completes_a_file() -> None:
    files = make()
    assert files.passed([0]) == []
    assert files.passed([1]) == [0]
    assert files.passed([3]) == [3]
    assert files.passed([2]) == [2]


def test_a_lost_piece_makes_it_incomplete_again() -> None:
    files = make(range(4))
    files.lost([1])
    assert files.passed([1]) == [0, 2]


def test_one_piece_completes_all_its_files() -> None:
    files = FileProgress(Layout([2, 2], 4))
    files.made([0, 1])
    assert files.passed([0]) == [0, 1]


def test_a_file_that_was_not_made_is_not_complete() -> None:
    files = make(made=[0])
    assert files.passed([0, 1, 2, 3]) == [0]
    assert files.made([2]) == [2]
    assert files.made([2, 3]) == [3], "each once"
    files.lost([1])
    assert files.made([0, 2]) == []
    assert files.passed([1]) == [0, 2]


def test_a_file_made_before_its_last_piece_waits_for_that() -> None:
    files = make([0], made=[])
    assert files.made([0, 2]) == []
    assert files.passed([1]) == [0]


def test_a_file_without_a_byte_is_nothing_to_tell() -> None:
    assert make(range(4), made=[]).made([0, 1, 2, 3]) == [0, 2, 3]


def test_many_pieces_at_once() -> None:
    files = make()
    assert files.passed([0, 1, 3]) == [0, 3]
    files.lost([1, 0])
    assert files.passed([2]) == []
    assert files.passed([1, 0]) == [2, 0]


def test_a_file_that_went_away_is_complete_when_it_is_made_again() -> None:
    files = make([1, 3])
    assert files.unmade([1, 2])
    assert not files.unmade([2])
    files.lost([1])
    assert files.passed([0, 1, 2]) == [0], "of 2 there may be something in the part file alone"
    assert files.made([2]) == [2]


def test_a_file_is_begun_with_its_first_piece() -> None:
    files = FileProgress(Layout([10, 20], 10))
    assert not files.begun(0)
    assert not files.begun(1)
    files.passed([1])
    assert not files.begun(0)
    assert files.begun(1)


def test_a_file_that_is_read_is_wanted_on_demand() -> None:
    files = FileProgress(Layout([20, 20, 20], 10))
    files.set_priorities([0, 2, 0])
    assert files.read(0) is True
    assert files.read(0) is False
    assert files.read(1) is False
    assert files.wanted == [True, True, False]
    assert files.piece_priorities() == [ON_DEMAND, ON_DEMAND, 2, 2, 0, 0]
    assert files.unread(0) is False
    assert files.unread(0) is True
    assert files.unread(1) is False
    assert files.wanted == [False, True, False]
    assert files.piece_priorities() == [0, 0, 2, 2, 0, 0]


def test_a_piece_of_two_files_has_the_higher_priority() -> None:
    files = FileProgress(Layout([5, 5], 10))
    for priorities in ([7, 2], [2, 7]):
        files.set_priorities(priorities)
        assert files.piece_priorities() == [7]


def test_the_priority_of_a_file_that_is_read_may_change() -> None:
    files = FileProgress(Layout([20], 10))
    files.set_priorities([0])
    files.read(0)
    files.set_priorities([3])
    assert files.piece_priorities() == [3, 3]
    assert files.unread(0) is False
