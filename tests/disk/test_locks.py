"""Locks that end with their process, and what tells where there are none."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Iterator

import pytest
from support.children import Child

from bittorrent_threads.disk import locks
from bittorrent_threads.disk.locks import Alive, lock, locked_by

HOLDER = """
    import os, sys
    from bittorrent_threads.disk.locks import lock

    assert lock(os.open(sys.argv[1], os.O_RDWR))["locked"]
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"")
    return tmp_path / "file"


@pytest.fixture
def fd(path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_RDWR)
    yield opened
    os.close(opened)


def test_a_lock_is_that_of_one_open_file(path: Path, fd: int) -> None:
    said = lock(fd)
    assert said["locked"]
    assert said["pid"] == os.getpid()
    other = os.open(path, os.O_RDWR)
    assert not lock(other)["locked"]
    assert locked_by(other, said) is Alive.YES
    os.close(other)


def test_a_lock_ends_with_its_process(path: Path, fd: int) -> None:
    with Child(HOLDER, path) as child:
        child.line()
        assert locked_by(fd, {}) is Alive.YES
        child.kill()
        child._process.wait()
        assert locked_by(fd, {}) is Alive.NO


def test_without_locks_process_and_boot_tell(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(fd: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(locks, "_lock", unsupported)
    said = lock(fd)
    assert not said["locked"]
    assert locked_by(fd, said) is Alive.YES
    assert locked_by(fd, {**said, "boot": "another"}) is Alive.NO
    with Child("print()") as child:
        child.end()
    for pid in (child._process.pid, 0, -1, 2**40, "1", None):
        assert locked_by(fd, {**said, "pid": pid}) is Alive.NO
