"""The hashes of the pieces of a new torrent, computed by threads that end with the call."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import List, Tuple

import pytest

from bittorrent_threads.disk.piece_hashing import JOB_BYTES, MAX_THREADS, PieceHashing, check_threads, processors
from bittorrent_threads.disk.source_files import Exclusion, Found
from bittorrent_threads.errors import SettingsError
from bittorrent_threads.metainfo.layout import Layout
from bittorrent_threads.testing.sample_torrent import KIB


@pytest.mark.parametrize("piece_length", [16 * KIB, JOB_BYTES, 4 * JOB_BYTES])
@pytest.mark.parametrize("threads", [1, 3])
def test_hashes_and_progress_in_bytes(tmp_path: Path, piece_length: int, threads: int) -> None:
    data = os.urandom(2 * JOB_BYTES + 5)
    (tmp_path / "a").write_bytes(data[:100])
    (tmp_path / "b").write_bytes(data[100:])
    sources = Found(str(tmp_path), Exclusion((), None)).files
    told: List[Tuple[int, int]] = []
    hashing = PieceHashing(sources, Layout([source.size for source in sources], piece_length))
    found = hashing.run(threads, lambda done, total: told.append((done, total)))
    pieces = [data[begin : begin + piece_length] for begin in range(0, len(data), piece_length)]
    assert found == b"".join(hashlib.sha1(piece).digest() for piece in pieces)
    assert told[-1] == (len(data), len(data))
    assert told == sorted(told)


def test_the_number_of_threads_has_bounds() -> None:
    assert 1 <= processors() <= MAX_THREADS
    for number in (None, 1, MAX_THREADS):
        check_threads(number)
    for number in (0, -1, MAX_THREADS + 1):
        with pytest.raises(SettingsError, match=f"threads: must be from 1 to 64, not {number}"):
            check_threads(number)
