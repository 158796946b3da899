"""The content of a torrent of a few files; a module that tests another kind of content has fixtures of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from support.contents import FILES, Bench
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.file_pool import FilePool


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


@pytest.fixture
def pool() -> Iterator[FilePool]:
    pool = FilePool(4)
    yield pool
    pool.close()


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def bench(tmp_path: Path, t: Torrent, pool: FilePool, system: System) -> Bench:
    return Bench(tmp_path, t, pool, system)
