"""The length of the pieces of a new torrent."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from bittorrent_threads.errors import SettingsError
from bittorrent_threads.metainfo.piece_length import check_piece_length, chosen_piece_length, reason_of_choice
from bittorrent_threads.testing.sample_torrent import KIB, MIB


@pytest.mark.parametrize(
    ("size", "length"),
    [
        (1, 16 * KIB),
        (2000 * 16 * KIB, 16 * KIB),
        (2000 * 16 * KIB + 1, 32 * KIB),
        (700 * MIB, 512 * KIB),
        (10_000 * MIB, 8 * MIB),
        (10**13, 16 * MIB),
    ],
)
def test_chosen_piece_length(size: int, length: int) -> None:
    assert chosen_piece_length(size) == length


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (1, "the shortest there is, as the data is small"),
        (700 * MIB, "the shortest power of two that makes at most 2,000 pieces"),
        (10**13, "the longest that is chosen, as longer pieces are passed on too late"),
    ],
)
def test_the_choice_has_a_reason(size: int, reason: str) -> None:
    assert reason_of_choice(chosen_piece_length(size)) == reason


@pytest.mark.parametrize("length", [None, 16 * KIB, 512 * MIB])
def test_lengths_that_may_be_given(length: Optional[int]) -> None:
    check_piece_length(length)


@pytest.mark.parametrize("length", [0, -16 * KIB, 8 * KIB, 16 * KIB + 1, 48 * KIB, 1024 * MIB])
def test_lengths_that_may_not_be_given(length: int) -> None:
    reason = f"piece_length: must be a power of two from 16384 to 536870912, not {length}"
    with pytest.raises(SettingsError, match=reason):
        check_piece_length(length)


def test_what_is_no_length_at_all() -> None:
    wrong: Any
    for wrong in ("16K", 16384.0, True):
        with pytest.raises(SettingsError, match="piece_length: must be an integer"):
            check_piece_length(wrong)
