"""What other programs do to a file of a torrent."""

from __future__ import annotations

import os
from pathlib import Path

from bittorrent_threads.disk.file import File


def gone(x: File) -> None:
    os.unlink(x.path)


def replaced(x: File) -> None:
    Path(x.path + ".new").write_bytes(Path(x.path).read_bytes())
    os.replace(x.path + ".new", x.path)


def cut(x: File) -> None:
    os.truncate(x.path, 2)


def changed(x: File) -> None:
    with open(x.path, "r+b") as other:
        other.write(b"Z")
    os.utime(x.path, ns=(1, os.stat(x.path).st_mtime_ns + 10**9))


def a_folder(x: File) -> None:
    os.unlink(x.path)
    os.mkdir(x.path)
