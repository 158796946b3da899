"""Memory cut into pieces, and each thread with its own."""

from __future__ import annotations

import threading
from typing import List

import pytest

from bittorrent_threads.disk.hash_buffer import CHUNK, MAX_PARTS, HashBuffer, HashBuffers


def test_short_pieces_are_cut_a_thousand_at_a_time() -> None:
    assert len(HashBuffer().parts(1, MAX_PARTS)) == MAX_PARTS
    assert b"".join(HashBuffer().parts(3, 3 * MAX_PARTS)) == bytes(3 * MAX_PARTS)


@pytest.mark.parametrize("piece_length", [16384, 30000, CHUNK])
def test_parts_lie_one_behind_the_other_in_the_view(piece_length: int) -> None:
    hash_buffer = HashBuffer()
    hash_buffer.view[:] = bytes(range(256)) * (CHUNK // 256)
    whole = CHUNK // piece_length * piece_length
    for size in (1, piece_length - 1, piece_length, min(CHUNK, 3 * piece_length + 5), whole):
        parts = hash_buffer.parts(piece_length, size)
        assert b"".join(parts) == hash_buffer.view[:size]
        assert all(len(part) == piece_length for part in parts[:-1])


def test_another_piece_length_cuts_anew() -> None:
    hash_buffer = HashBuffer()
    assert [len(part) for part in hash_buffer.parts(10, 25)] == [10, 10, 5]
    assert [len(part) for part in hash_buffer.parts(20, 25)] == [20, 5]
    assert [len(part) for part in hash_buffer.parts(10, 25)] == [10, 10, 5]


def test_each_thread_has_its_own() -> None:
    hash_buffers = HashBuffers()
    found: List[HashBuffer] = []
    thread = threading.Thread(target=lambda: found.append(hash_buffers.own))
    thread.start()
    thread.join()
    assert found[0] is not hash_buffers.own
    assert hash_buffers.own is hash_buffers.own
