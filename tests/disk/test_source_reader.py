"""The files of a new torrent as one run of bytes; a file that changes meanwhile is an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from bittorrent_threads.disk import source_reader as module
from bittorrent_threads.disk.create import create
from bittorrent_threads.disk.source_files import Exclusion, Found
from bittorrent_threads.disk.source_reader import SourceReader
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.layout import Layout
from bittorrent_threads.testing.sample_torrent import MIB

CHANGES: Dict[str, Callable[[str], None]] = {
    "shorter": lambda path: os.truncate(path, 10),
    "longer": lambda path: os.truncate(path, 9_000_001),
    "written": lambda path: os.utime(path, ns=(1, 1)),
}


def failed(path: Path, **options: Any) -> StorageError:
    with pytest.raises(StorageError) as caught:
        create(path, **options)
    return caught.value


def test_files_are_one_run_of_bytes(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name * 3 if name != "b" else "")
    sources = Found(str(tmp_path), Exclusion((), None)).files
    layout = Layout([source.size for source in sources], 16384)
    with SourceReader(sources, layout) as reader:
        assert bytes(reader.read(1, 4)) == b"aacc"
        assert bytes(reader.read(0, 6)) == b"aaaccc"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("shorter", "became shorter while it was hashed"),
        ("longer", "had 9000000 bytes and has 9000001: it is being written"),
        ("written", "was written to while it was hashed"),
    ],
)
def test_files_that_change_while_they_are_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, reason: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(9_000_000))
    read = SourceReader.read
    reads: List[int] = []

    def read_and_change(reader: Any, offset: int, size: int) -> memoryview:
        reads.append(offset)
        if len(reads) == 3:
            CHANGES[change](str(path))
        return read(reader, offset, size)

    monkeypatch.setattr(SourceReader, "read", read_and_change)
    error = failed(path, piece_length=MIB, threads=1)
    assert (error.path, error.reason) == (str(path), reason)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"a")

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(module, "_open", refuse)
    error = failed(tmp_path)
    assert (error.errno, error.path, error.reason) == (13, str(tmp_path / "a"), "Permission denied")
