from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import List, Set

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.contents import FILES, A, B, Bench, C, D
from support.system import System
from support.torrents import torrent

from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 70), st.booleans()), min_size=1, max_size=8),
    st.integers(1, 50),
)
def test_the_pieces_present_are_those_with_a_byte_in_a_file(files: List[tuple[int, int, bool]], length: int) -> None:
    """Each file has a length, a size on disk, and may not exist."""
    t = torrent([(f"{index}", wanted) for index, (wanted, _, _) in enumerate(files)], length)
    layout = t.metainfo.layout
    bytes_there: Set[int] = set()
    with tempfile.TemporaryDirectory() as root:
        for index, (wanted, size, exists) in enumerate(files):
            if exists:
                path = t.path(Path(root), index)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(bytes(size))
                begin = layout.file_offset(index)
                bytes_there.update(range(begin, begin + min(size, wanted)))
        pool = FilePool(2)
        checked = Content(t.metainfo, Folder(root), pool).check_files()
        pool.close()
    assert checked.present == tuple(sorted({offset // length for offset in bytes_there}))
    assert [stat is not None and stat.size for stat in checked.files] == [exists and size for _, size, exists in files]
    assert (checked.error, checked.unseen, checked.parted) == (None, (), ())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, torrent(FILES, 100), FilePool(4), System())


def test_a_file_that_cannot_be_checked_is_unseen(bench: Bench) -> None:
    bench.t.seed(bench.root)
    path = bench.t.path(bench.root, B)
    path.unlink()
    path.mkdir()
    checked = bench.content.check_files()
    assert checked.unseen == (B,)
    assert checked.error is not None
    assert checked.error.path == str(path)
    assert checked.files[A] is not None
    assert checked.files[B] is None
    assert checked.present == (0, 1, 4, 5, 6, 7)


def test_if_no_file_can_be_checked_nothing_is_known_of_any(bench: Bench) -> None:
    bench.t.seed(bench.root)
    for index in (A, B, C, D):
        os.unlink(bench.t.path(bench.root, index))
        bench.t.path(bench.root, index).mkdir()
    checked = bench.content.check_files()
    assert checked.files == ()
    assert checked.error is not None


def test_if_the_part_file_cannot_be_checked_nothing_is_known_of_any(bench: Bench) -> None:
    bench.t.seed(bench.root)
    bench.parts.mkdir(parents=True)
    checked = bench.content.check_files()
    assert checked.files == ()
    assert checked.error is not None
    assert checked.error.path == str(bench.parts)
    assert checked.present == tuple(range(8)), "that a hash check can find"
    assert checked.error.errno in (0, errno.EISDIR)
