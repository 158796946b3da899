"""Buffers begin a page; parts of bytes in many buffers."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import random

import pytest

from bittorrent_threads.buffers import aligned, cut


@pytest.mark.parametrize("size", [1, mmap.PAGESIZE, 3 * mmap.PAGESIZE + 1])
def test_a_buffer_begins_a_page_and_is_zero(size: int) -> None:
    view = aligned(size)
    assert bytes(view) == bytes(size)
    assert ctypes.addressof(ctypes.c_char.from_buffer(view)) % mmap.PAGESIZE == 0
    view[-1:] = b"x"
    assert view[size - 1] == ord("x")


def test_a_part_of_many_buffers_is_the_same_bytes() -> None:
    chance = random.Random(5)
    for _ in range(200):
        buffers = [memoryview(chance.randbytes(chance.randrange(5))) for _ in range(chance.randrange(1, 8))]
        whole = b"".join(buffers)
        ends = list(itertools.accumulate(map(len, buffers)))
        start = chance.randrange(len(whole) + 1)
        length = chance.randrange(len(whole) - start + 1)
        assert b"".join(cut(buffers, ends, start, length)) == whole[start : start + length]
