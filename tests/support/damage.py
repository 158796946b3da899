"""Changes to files that a client does not make itself, and checks of what is on disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Type, TypeVar

import pytest

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.testing.sample_torrent import SampleTorrent

E = TypeVar("E", bound=events.Event)


def truncate(path: Path) -> None:
    """Truncate a file to a third."""
    os.truncate(path, path.stat().st_size // 3)


def replace(path: Path) -> None:
    """Replace a file by another of the same length."""
    other = path.with_name(path.name + ".other")
    other.write_bytes(inverted(path.read_bytes()))
    os.replace(other, path)


def overwrite(path: Path) -> None:
    """Change every byte of a file in place."""
    data = inverted(path.read_bytes())
    with open(path, "r+b") as file:
        file.write(data)


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def inverted(data: bytes) -> bytes:
    """Return bytes that are all wrong."""
    return data.translate(bytes(byte ^ 0xFF for byte in range(256)))


def right_pieces(content: SampleTorrent, folder: Path) -> List[int]:
    """Return the indexes of the right pieces below a folder, hashed without the library."""
    stream = bytearray()
    for path, length in content.files:
        file = content.path(folder, path)
        data = file.read_bytes()[:length] if file.is_file() else b""
        stream += data + b"\0" * (length - len(data))
    digests = content.info()["pieces"]
    size = content.piece_length
    return [
        index
        for index in range(content.piece_count)
        if hashlib.sha1(stream[index * size : (index + 1) * size]).digest() == digests[20 * index : 20 * index + 20]
    ]


def indexes(bits: bytes) -> List[int]:
    """Return the piece indexes of a bitfield."""
    return [index for index in range(len(bits) * 8) if bits[index >> 3] & (0x80 >> (index & 7))]


class Watched:
    """All events of a client so far; ``happened`` waits for one."""

    def __init__(self, client: bt.Client) -> None:
        self._client = client
        self._seen: List[Any] = []

    def seen(self, kind: Type[E]) -> List[E]:
        """Return the events of one type, with those that are still in the queue."""
        queue = self._client.events
        while not queue.empty():
            self._seen.append(queue.get())
        return [event for event in self._seen if isinstance(event, kind)]

    def happened(self, kind: Type[E], timeout: float = 30.0) -> E:
        """Wait for the first event of one type, and return it."""
        self._client.wait(lambda status: bool(self.seen(kind)), timeout=timeout)
        return self.seen(kind)[0]


@contextlib.contextmanager
def mounted(folder: Path, *, size: Optional[int] = None) -> Iterator[Path]:
    """Mount a small file system in memory at ``folder``; skip the test where that is impossible."""
    folder.mkdir()
    options = "mode=0755" + (f",size={size}" if size else "")
    if not _ran("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)):
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        _ran("umount", "-l", str(folder))


def make_read_only(folder: Path, *, on: bool = True) -> None:
    """Mount a file system again, read-only or writable."""
    assert _ran("mount", "-o", "remount,ro" if on else "remount,rw", str(folder))


def _ran(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except OSError:
        return False


def snapshot(folder: Path, *but: Path) -> Dict[str, Tuple[object, ...]]:
    """Return names, types, contents and times below a folder, except below some folders."""
    found: Dict[str, Tuple[object, ...]] = {}
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        known = path.lstat()
        content = b""
        if path.is_symlink():
            content = os.fsencode(os.readlink(path))
        elif path.is_dir():
            waiting.extend(path.iterdir())
        else:
            content = path.read_bytes()
        found[str(path)] = (known.st_mode, known.st_size, known.st_mtime_ns, known.st_nlink, known.st_ino, content)
        waiting = [each for each in waiting if each not in but]
    return found
