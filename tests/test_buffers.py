"""Buffers begin a page."""

from __future__ import annotations

import ctypes
import mmap

import pytest

from bittorrent_threads.buffers import aligned


@pytest.mark.parametrize("size", [1, mmap.PAGESIZE, 3 * mmap.PAGESIZE + 1])
def test_a_buffer_begins_a_page_and_is_zero(size: int) -> None:
    view = aligned(size)
    assert bytes(view) == bytes(size)
    assert ctypes.addressof(ctypes.c_char.from_buffer(view)) % mmap.PAGESIZE == 0
    view[-1:] = b"x"
    assert view[size - 1] == ord("x")
