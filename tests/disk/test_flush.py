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
from bittorrent_threads.disk.linux import Calls

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="syncfs is a call of Linux")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """The file system that the tests run on, taken for one that is trusted."""
    kinds = ["ext4"]
    monkeypatch.setattr(flush, "file_system_of", lambda device: kinds[0])
    return kinds


@linux
def test_a_file_is_asked_after_the_file_system_wrote_all(tmp_path: Path, known: List[str]) -> None:
    path = tmp_path / "file"
    found = Flush.begin(Folder(str(tmp_path)))
    path.write_bytes(b"data")
    assert found is not None
    assert found.device == path.stat().st_dev
    assert found.run()
    fd = os.open(path, os.O_RDONLY)
    assert found.check(fd)
    os.close(fd)
    assert not found.check(fd)
    found.close()
    found.close()
    assert not found.run()


@linux
@pytest.mark.parametrize(
    ("release", "complete"), [("5.7.19", False), ("5.8.0-1-amd64", True), ("6.1", True), ("x", False)]
)
def test_the_kernel_tells_whether_files_have_to_be_asked(
    tmp_path: Path, known: List[str], monkeypatch: pytest.MonkeyPatch, release: str, complete: bool
) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "", release, "", "")))
    found = Flush.begin(Folder(str(tmp_path)))
    assert found is not None
    assert found.complete is complete
    found.close()


@linux
def test_only_file_systems_that_are_known_are_trusted(tmp_path: Path, known: List[str]) -> None:
    known[0] = "fuse.sshfs"
    assert Flush.begin(Folder(str(tmp_path))) is None


@linux
def test_what_could_not_be_written_is_told(tmp_path: Path, known: List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "calls", lambda: Calls(lambda fd: -1, lambda fd: True, lambda fd, offset, size: 0, True))
    found = Flush.begin(Folder(str(tmp_path)))
    assert found is not None
    assert not found.run()
    found.close()


@pytest.mark.parametrize("call", ["open", "fstat"])
def test_what_the_system_refuses_is_no_error(tmp_path: Path, known: List[str], call: str) -> None:
    system = System()
    system.fail(call, errno.EIO)
    assert Flush.begin(Folder(str(tmp_path), system=system)) is None


def test_a_library_without_the_calls_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        def __init__(self, name: Any, **options: Any) -> None:
            pass

    monkeypatch.setattr(ctypes, "CDLL", Library)
    assert Flush.begin(Folder(str(tmp_path))) is None


def test_another_system_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert Flush.begin(Folder(str(tmp_path))) is None
