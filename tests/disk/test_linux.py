from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bittorrent_threads.disk import linux
from bittorrent_threads.disk.flush import Flush
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.linux import calls, file_system_of


def test_a_file_system_is_found_by_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "40 22 0:35 / /home/me/far rw,nosuid - fuse.sshfs far: rw\n"
    )
    monkeypatch.setattr(linux, "_MOUNTS", str(mounts))
    assert file_system_of(os.makedev(254, 0)) == "ext4"
    assert file_system_of(os.makedev(0, 35)) == "fuse.sshfs"
    assert file_system_of(os.makedev(9, 9)) == ""


def test_no_mounts_to_read_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "_MOUNTS", str(tmp_path / "none"))
    assert Flush.begin(Folder(str(tmp_path))) is None


def test_another_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert calls() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="these are calls of Linux")
def test_data_is_written_back(tmp_path: Path) -> None:
    known = calls()
    assert known is not None
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"x" * 10_000)
    assert known.write_back(fd, 0, 5000) == 0
    assert known.write_back(fd, 5000, 100_000) == 0
    assert known.written(fd)
    assert known.syncfs(fd) == 0
    os.close(fd)
    assert known.write_back(fd, 0, 5000) != 0
    assert not known.written(fd)
