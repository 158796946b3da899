"""What is known of one file."""

from __future__ import annotations

import os
from pathlib import Path

from bittorrent_threads.disk.file import File, FileStat, Gone, Missing
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError


def test_a_file_is_named_and_not_met(tmp_path: Path) -> None:
    file = File(Folder(str(tmp_path)), ("a", "b"))
    assert file.path == str(tmp_path / "a" / "b")
    assert not file.seen
    assert file.stat is None
    assert file.changes == 0
    file.identity = (0, 1)
    assert file.seen


def test_what_tells_a_file_from_a_changed_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    found = os.stat(path)
    before = FileStat.of(found)
    assert before == (3, found.st_mtime_ns, found.st_ino)
    os.utime(path, ns=(0, 1))
    assert FileStat.of(os.stat(path)) != before


def test_both_ways_of_missing_are_storage_errors() -> None:
    for kind in (Gone, Missing):
        error = kind("why", "/path", 2)
        assert isinstance(error, StorageError)
        assert (error.reason, error.path, error.errno) == ("why", "/path", 2)
