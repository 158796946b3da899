"""What happens to files behind a client's back, and what is really there."""

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

from .content import Content

E = TypeVar("E", bound=events.Event)


def truncate(path: Path) -> None:
    """Cut a file to a third."""
    os.truncate(path, path.stat().st_size // 3)


def replace(path: Path) -> None:
    """Put another file of the same length in the place of a file."""
    other = path.with_name(path.name + ".other")
    other.write_bytes(inverted(path.read_bytes()))
    os.replace(other, path)


def overwrite(path: Path) -> None:
    """Change every byte of a file where it is."""
    data = inverted(path.read_bytes())
    with open(path, "r+b") as file:
        file.write(data)


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def inverted(data: bytes) -> bytes:
    """Bytes of which none is right."""
    return data.translate(bytes(byte ^ 0xFF for byte in range(256)))


def right_pieces(content: Content, folder: Path) -> List[int]:
    """The pieces that are whole and right in the files below a folder, hashed here and not by the library."""
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
    """The pieces of a bitfield."""
    return [index for index in range(len(bits) * 8) if bits[index >> 3] & (0x80 >> (index & 7))]


class Watched:
    """Every event of a client so far; ``happened`` waits for one."""

    def __init__(self, client: bt.Client) -> None:
        self._client = client
        self._seen: List[Any] = []

    def seen(self, kind: Type[E]) -> List[E]:
        """The events of a kind, those not taken yet included."""
        queue = self._client.events
        while not queue.empty():
            self._seen.append(queue.get())
        return [event for event in self._seen if isinstance(event, kind)]

    def happened(self, kind: Type[E], timeout: float = 30.0) -> E:
        """The first event of a kind; waits for it."""
        self._client.wait(lambda status: bool(self.seen(kind)), timeout=timeout)
        return self.seen(kind)[0]


@contextlib.contextmanager
def mounted(folder: Path, *, size: Optional[int] = None) -> Iterator[Path]:
    """A small file system in memory at ``folder``, which is made; skips the test where it cannot be mounted."""
    folder.mkdir()
    options = "mode=0755" + (f",size={size}" if size else "")
    if not _ran("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)):
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        _ran("umount", "-l", str(folder))


def make_read_only(folder: Path, *, on: bool = True) -> None:
    """Have a mounted file system refuse every write, or take them again."""
    assert _ran("mount", "-o", "remount,ro" if on else "remount,rw", str(folder))


def _ran(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    except OSError:
        return False


def snapshot(folder: Path, *but: Path) -> Dict[str, Tuple[object, ...]]:
    """All that can be told of what is below a folder, itself included, but for what is below some."""
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
