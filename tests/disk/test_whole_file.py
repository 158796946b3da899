"""Files that are replaced as a whole: there is the earlier content or the new one, and no draft stays."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from support.system import System

from bittorrent_threads.disk import whole_file
from bittorrent_threads.disk.folder import Folder

PARTS = ("below", "file")


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path), system=System())
    for data in (b"first", b"", b"second"):
        whole_file.replace(folder, PARTS, data)
        assert whole_file.read(folder, PARTS, 100) == data
    assert whole_file.read(folder, PARTS, 3) == b"sec"
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["file"]


def test_a_draft_that_was_left_behind_is_written_anew(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path), system=System())
    whole_file.write_new(folder, whole_file.draft_of(PARTS), b"half of a longer")
    whole_file.replace(folder, PARTS, b"whole")
    assert whole_file.read(folder, PARTS, 100) == b"whole"


@pytest.mark.parametrize("call", ["open", "pwritev", "fdatasync", "replace", "fsync"])
def test_a_fault_leaves_no_draft(tmp_path: Path, call: str) -> None:
    system = System()
    folder = Folder(str(tmp_path), system=system)
    whole_file.replace(folder, PARTS, b"before")
    system.fail(call, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        whole_file.replace(folder, PARTS, b"new")
    assert (tmp_path / "below" / "file").read_bytes() in (b"before", b"new")
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["file"]


def test_a_new_file_takes_the_place_of_none(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path), system=System())
    stat = whole_file.write_new(folder, PARTS, b"one")
    assert stat.size == 3
    with pytest.raises(FileExistsError):
        whole_file.write_new(folder, PARTS, b"two")
    assert whole_file.read(folder, PARTS, 100) == b"one"
