"""Where files are: as the metainfo has them, as the disk chose, as the user renamed them."""

from __future__ import annotations

import os

from bittorrent_threads.engine.file_paths import FilePaths
from bittorrent_threads.metainfo.file_list import TorrentFile


def paths() -> FilePaths:
    names = [("all", "first"), ("all", "second"), ("all", "third")]
    return FilePaths([TorrentFile(name, 1) for name in names], os.path.join(os.sep, "data"))


def test_a_path_is_below_the_folder_which_may_change() -> None:
    found = paths()
    assert found.path(1) == os.path.join(os.sep, "data", "all", "second")
    found.basedir = os.path.join(os.sep, "moved")
    assert found.path(1) == os.path.join(os.sep, "moved", "all", "second")


def test_the_name_of_the_user_counts_before_that_of_the_disk_and_that_before_the_first() -> None:
    found = paths()
    found.chosen = {0: ("all", "FIRST"), 1: ("all", "SECOND")}
    found.renamed = {1: ("other",)}
    assert [found.parts(index) for index in range(3)] == [("all", "FIRST"), ("other",), ("all", "third")]
    assert found.path(1) == os.path.join(os.sep, "data", "other")


def test_only_paths_that_may_be_in_the_way_are_near() -> None:
    found = paths()
    everything = [("all", "second"), ("all", "third")]
    for near in ("ALL/Second", "all", "all/first", "all/third/below"):
        assert found.near(tuple(near.split("/")), 0) == everything
    for far in ("second", "al", "all/fourth", "all/sec", "all/second2", "other/all/second"):
        assert found.near(tuple(far.split("/")), 0) == []
    found.chosen = {1: ("all", "SECOND")}
    found.renamed = {2: ("other",), 0: ("mine",)}
    assert found.near(("all", "fourth"), 0) == [("all", "SECOND"), ("other",)]
