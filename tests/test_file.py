"""``File``: what a rename of one of many files costs."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path
from typing import Any, Tuple

from support.pairs import LOCAL, PATIENCE

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

RENAMED = 20


def work(tmp_path: Path, count: int) -> Tuple[int, int]:
    """Function calls of all threads for renames in a torrent of so many files, and bytes that each took at most."""
    content = SampleTorrent({f"{index}": 1 for index in range(count)}, piece_length=16 * KIB, name="many")
    folder = tmp_path / f"{count}"
    content.write(folder)
    calls = 0

    def counting(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event.endswith("call")

    threading.setprofile(counting)
    try:
        with bt.Client(content.metainfo(), folder, settings=LOCAL) as client:
            client.wait("seed", timeout=PATIENCE)
            files = client.files
            for file in files[: 2 * RENAMED]:  # resume data is stored, and tables are made
                file.rename(f"many/before/{file.index}")
            taken = 0
            tracemalloc.start()
            try:
                begin = calls
                for file in files[:RENAMED]:
                    tracemalloc.reset_peak()
                    before, _ = tracemalloc.get_traced_memory()
                    file.rename(f"many/renamed/{file.index}")
                    taken = max(taken, tracemalloc.get_traced_memory()[1] - before)
                found = calls - begin
            finally:
                tracemalloc.stop()
    finally:
        threading.setprofile(None)
    return found, taken


def test_a_rename_takes_no_more_work_where_there_are_more_files(tmp_path: Path) -> None:
    few, bytes_of_few = work(tmp_path, 100)
    many, bytes_of_many = work(tmp_path, 5000)
    assert few > 100 * RENAMED, "of the threads too"
    assert many < 1.3 * few
    assert bytes_of_many < bytes_of_few + 20_000, "a table of 5,000 files was copied, which takes 40,000 bytes"
