"""Computed content: any part equals the whole's part, and no two places are alike."""

from __future__ import annotations

import random

from bittorrent_threads.testing.simulation.content import UNIT, Content


def test_any_part_is_that_part_of_the_whole() -> None:
    size = 5 * UNIT + 777
    content = Content(3, size)
    whole = content.read(0, size)
    assert len(whole) == size
    chance = random.Random(1)
    for _ in range(200):
        offset, length = chance.randrange(size), chance.randrange(size)
        assert content.read(offset, length) == whole[offset : offset + length]


def test_nothing_is_beyond_the_end() -> None:
    content = Content(3, 100)
    assert len(content.read(90, 50)) == 10
    assert content.read(100, 5) == content.read(10**12, 5) == b""


def test_units_and_seeds_differ() -> None:
    units = {Content(3, 10**12).read(number * UNIT, 64) for number in range(1000)}
    assert len(units) == 1000
    assert Content(4, 100).read(0, 100) != Content(3, 100).read(0, 100)
