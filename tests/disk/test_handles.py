from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest

from bittorrent_threads.disk.file import File
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.handles import Handle, Handles


@pytest.fixture
def handles() -> Iterator[Handles]:
    handles = Handles(2)
    yield handles
    handles.close()


def opened(folder: Path, name: str, *, writable: bool = False) -> Handle:
    path = folder / name
    path.touch()
    return Handle(os.open(path, os.O_RDWR), path.stat(), os, writable=writable)


def is_open(handle: Handle) -> bool:
    try:
        os.fstat(handle.fd)
    except OSError:
        return False
    return True


def kept(handles: Handles, folder: Path, name: str) -> tuple[File, Handle]:
    file, handle = File(Folder(str(folder)), (name,)), opened(folder, name)
    handles.keep(file, handle)
    handles.leave(handle)
    return file, handle


def test_the_one_unused_longest_is_closed_first(handles: Handles, tmp_path: Path) -> None:
    x, x_handle = kept(handles, tmp_path, "x")
    y, y_handle = kept(handles, tmp_path, "y")
    assert handles.take(x, writable=False) is x_handle
    handles.leave(x_handle)
    z, _ = kept(handles, tmp_path, "z")
    assert not is_open(y_handle)
    assert is_open(x_handle)
    assert (x in handles, y in handles, z in handles, len(handles)) == (True, False, True, 2)


def test_what_is_in_use_is_closed_by_its_last_user(handles: Handles, tmp_path: Path) -> None:
    x, handle = kept(handles, tmp_path, "x")
    for _ in range(2):
        assert handles.take(x, writable=False) is handle
    handles.close()
    assert x not in handles
    assert is_open(handle)
    handles.leave(handle)
    assert is_open(handle)
    handles.leave(handle)
    assert not is_open(handle)


def test_a_handle_that_was_never_kept_is_closed_when_it_is_left(handles: Handles, tmp_path: Path) -> None:
    handle = opened(tmp_path, "x")
    handles.leave(handle)
    assert not is_open(handle)
    assert len(handles) == 0


def test_of_two_for_one_file_the_later_is_kept(handles: Handles, tmp_path: Path) -> None:
    x, first = kept(handles, tmp_path, "x")
    assert handles.take(x, writable=True) is None, "it was opened to be read only"
    second = opened(tmp_path, "x", writable=True)
    handles.keep(x, second)
    handles.leave(second)
    assert not is_open(first)
    assert handles.take(x, writable=True) is second
    handles.leave(second)


def test_a_handle_is_dropped_unless_it_is_the_file_that_was_found(handles: Handles, tmp_path: Path) -> None:
    x, handle = kept(handles, tmp_path, "x")
    handles.drop(x, unless=handle.identity)
    assert x in handles
    handles.drop(x, unless=(0, 0))
    assert x not in handles
    assert not is_open(handle)
    handles.drop(x)


def test_only_a_file_without_users_is_given_back_to_the_system(handles: Handles, tmp_path: Path) -> None:
    x, handle = kept(handles, tmp_path, "x")
    assert handles.take(x, writable=False) is handle
    assert not handles.relieve()
    handles.leave(handle)
    assert handles.relieve()
    assert not is_open(handle)
    assert not handles.relieve()
