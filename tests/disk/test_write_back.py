from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
from support.system import System

from bittorrent_threads.disk import write_back as module
from bittorrent_threads.disk.deadline import Deadline
from bittorrent_threads.disk.descriptor import Descriptor
from bittorrent_threads.disk.linux import Calls
from bittorrent_threads.disk.write_back import WRITE_BACK_BYTES, write_back

SIZE = 2 * WRITE_BACK_BYTES + 1


class Kernel:
    """Notes what it is to write, and answers with an errno."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: List[Tuple[int, int]] = []
        self.answers: List[int] = []
        self.deadline = Deadline()
        self.last = 0
        """The call after which the time is over; 0 for none."""
        calls = Calls(lambda fd: 0, lambda fd: True, self._write_back, True)
        monkeypatch.setattr(module, "calls", lambda: calls)

    def _write_back(self, fd: int, offset: int, size: int) -> int:
        self.asked.append((offset, size))
        if len(self.asked) == self.last:
            self.deadline.set(0.0)
        return self.answers.pop(0) if self.answers else 0


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


@pytest.fixture
def file(tmp_path: Path, system: System) -> Iterator[Descriptor]:
    file = Descriptor(os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT), system)
    yield file
    file.close()


def test_all_parts_are_written_and_what_came_meanwhile(file: Descriptor, kernel: Kernel) -> None:
    write_back(file, SIZE, kernel.deadline)
    offsets = [0, WRITE_BACK_BYTES, 2 * WRITE_BACK_BYTES]
    assert kernel.asked == [(offset, WRITE_BACK_BYTES) for offset in offsets * 2]


@pytest.mark.parametrize("last", [1, 4])
def test_it_ends_between_two_parts(file: Descriptor, kernel: Kernel, last: int) -> None:
    kernel.last = last
    write_back(file, SIZE, kernel.deadline)
    assert len(kernel.asked) == last


def test_no_time_writes_nothing(file: Descriptor, kernel: Kernel) -> None:
    kernel.deadline.set(0.0)
    write_back(file, SIZE, kernel.deadline)
    assert kernel.asked == []


def test_an_error_is_raised_and_what_was_not_written_is_dropped(
    file: Descriptor, kernel: Kernel, system: System
) -> None:
    kernel.answers = [0, errno.EIO]
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as caught:
        write_back(file, SIZE, kernel.deadline)
    assert caught.value.errno == errno.EIO
    assert len(kernel.asked) == 2
    if hasattr(os, "posix_fadvise"):
        assert system.named("posix_fadvise") == ["posix_fadvise"]


def test_another_system_has_no_such_call(file: Descriptor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    os.close(file.fd)
    write_back(file, SIZE, Deadline())
    file.fd = os.open(os.devnull, os.O_RDONLY)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sync_file_range is a call of Linux")
def test_the_real_call(file: Descriptor) -> None:
    os.pwrite(file.fd, b"x" * 100_000, WRITE_BACK_BYTES)
    write_back(file, WRITE_BACK_BYTES + 100_000, Deadline())
    os.close(file.fd)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        write_back(file, SIZE, Deadline())
    file.fd = os.open(os.devnull, os.O_RDONLY)
