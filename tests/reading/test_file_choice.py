"""Which file a name means, and what the error of a wrong one says."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.reading.file_choice import file_index
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

MANY = Metainfo.parse(
    SampleTorrent({"a.csv": 5, "b/part-0.bin": 7, "b/part-1.bin": 9}, piece_length=32 * KIB, name="set").metainfo()
)
ONE = Metainfo.parse(SampleTorrent(5, piece_length=32 * KIB, name="data.zip").metainfo())


@pytest.mark.parametrize(
    ("name", "index"),
    [
        (0, 0),
        (2, 2),
        ("a.csv", 0),
        ("set/a.csv", 0),
        ("b/part-1.bin", 2),
        (pathlib.PurePosixPath("b/part-0.bin"), 1),
        (pathlib.PureWindowsPath("b\\part-0.bin"), 1),
    ],
)
def test_a_file_is_found_by_index_and_by_path(name: Any, index: int) -> None:
    assert file_index(MANY, name) == index


def test_the_only_file_has_the_name_of_the_torrent() -> None:
    assert file_index(ONE, "data.zip") == 0
    with pytest.raises(FileNotFoundError, match=r"no such file, but 'data\.zip'"):
        file_index(ONE, "data.zip/data.zip")


def test_a_wrong_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        file_index(MANY, "b/part-7.bin")
    assert caught.value.filename == "b/part-7.bin"
    assert "'set/b/part-0.bin'" in str(caught.value)
    assert "and 1 more" in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"but 'set/a\.csv', 'set/b/part-0\.bin'"):
        file_index(MANY, "zzzz")


@pytest.mark.parametrize(("name", "error"), [(3, IndexError), (-1, IndexError), (True, TypeError), (None, TypeError),
                                             (b"a.csv", TypeError), (1.0, TypeError)])  # fmt: skip
def test_what_names_no_file_raises(name: Any, error: type) -> None:
    with pytest.raises(error):
        file_index(MANY, name)
