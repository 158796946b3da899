from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path
from typing import Any, List

import pytest
from support.system import System

from bittorrent_threads.disk import flush
from bittorrent_threads.disk.flush import Flush
from bittorrent_threads.disk.folder import Folder

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="syncfs is a call of Linux")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """The file system that the tests run on, taken for one that is trusted."""
    kinds = ["ext4"]
    monkeypatch.setattr(flush, "_kind", lambda device: kinds[0])
    return kinds


@linux
def test_a_file_is_asked_after_the_file_system_wrote_all(tmp_path: Path, known: List[str]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"data")
    found = Flush.of(Folder(str(tmp_path)))
    assert found is not None and found.device == path.stat().st_dev
    fd = os.open(path, os.O_RDONLY)
    assert found.check(fd)
    os.close(fd)
    assert not found.check(fd)


@linux
def test_only_file_systems_that_are_known_are_trusted(tmp_path: Path, known: List[str]) -> None:
    known[0] = "fuse.sshfs"
    assert Flush.of(Folder(str(tmp_path))) is None


@linux
def test_a_call_that_fails_is_none(tmp_path: Path, known: List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "_calls", lambda: flush._Calls(lambda fd: -1, lambda fd: True))
    assert Flush.of(Folder(str(tmp_path))) is None


@pytest.mark.parametrize("call", ["open", "fstat"])
def test_what_the_system_refuses_is_no_error(tmp_path: Path, known: List[str], call: str) -> None:
    system = System()
    system.fail(call, errno.EIO)
    assert Flush.of(Folder(str(tmp_path), system=system)) is None


def test_no_mounts_to_read_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "_MOUNTS", str(tmp_path / "none"))
    assert Flush.of(Folder(str(tmp_path))) is None


def test_a_library_without_the_calls_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        def __init__(self, name: Any) -> None:
            pass

    monkeypatch.setattr(ctypes, "CDLL", Library)
    assert Flush.of(Folder(str(tmp_path))) is None


def test_another_system_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert Flush.of(Folder(str(tmp_path))) is None


def test_the_kind_is_that_of_the_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "40 22 0:35 / /home/me/far rw,nosuid - fuse.sshfs far: rw\n"
    )
    monkeypatch.setattr(flush, "_MOUNTS", str(mounts))
    assert flush._kind(os.makedev(254, 0)) == "ext4" and flush._kind(os.makedev(0, 35)) == "fuse.sshfs"
    assert flush._kind(os.makedev(9, 9)) == ""
