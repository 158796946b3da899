from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bittorrent_threads.disk.file import File, Missing
from bittorrent_threads.disk.file_errors import require_length, storage_errors
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError


def test_an_error_of_the_system_gets_the_path_of_the_file(tmp_path: Path) -> None:
    file = File(Folder(str(tmp_path)), ("a", "b"))
    with pytest.raises(StorageError) as caught, storage_errors(file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert (caught.value.path, caught.value.errno) == (str(tmp_path / "a" / "b"), errno.EIO)
    with pytest.raises(StorageError), storage_errors(file):
        os.stat("a\0b")
    with pytest.raises(KeyError), storage_errors(file):
        raise KeyError


def test_a_read_that_the_end_of_the_file_cut_off_is_an_error(tmp_path: Path) -> None:
    file = File(Folder(str(tmp_path)), ("a",))
    require_length(file, 5, 10, 10)
    with pytest.raises(Missing, match="ends at byte 14, 10 bytes from 5 on") as caught:
        require_length(file, 5, 10, 9)
    assert caught.value.errno == errno.ESTALE
