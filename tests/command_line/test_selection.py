"""Which files the options ``--select`` and ``--file`` mean."""

from __future__ import annotations

from typing import List

import pytest
from support.torrents import torrent

from bittorrent_threads.command_line.selection import selected
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.metainfo.path_patterns import PathPatterns
from bittorrent_threads.testing.sample_torrent import SampleTorrent

FILES = torrent([("a.mp4", 5), (".pad/3", 3), ("sub/b.mp4", 5), ("sub/7", 5)], 16 * 1024).metainfo


@pytest.mark.parametrize(
    ("patterns", "indexes"),
    [
        (["*.mp4"], [0, 2]),
        (["sub"], [2, 3]),
        (["sub/7", "a.mp4"], [0, 3]),
        (["t"], []),
        (["t/*"], []),
        (["*"], [0, 2, 3]),
        (["3"], []),
    ],
)
def test_what_patterns_select(patterns: List[str], indexes: List[int]) -> None:
    assert selected(FILES, PathPatterns("select", patterns)) == indexes


def test_the_name_of_a_single_file_is_its_path() -> None:
    single = Metainfo.parse(SampleTorrent(5, name="single").metainfo())
    assert not single.multi_file
    assert selected(single, PathPatterns("select", ["single"])) == [0]
