"""Where files are: as the metainfo has them, as the disk chose, as the user renamed them."""

from __future__ import annotations

import os
import random

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
    found.choose([(0, ("all", "FIRST")), (1, ("all", "SECOND"))])
    found.recall([(1, ("other",))])
    assert [found.parts(index) for index in range(3)] == [("all", "FIRST"), ("other",), ("all", "third")]
    assert found.path(1) == os.path.join(os.sep, "data", "other")


def test_only_paths_that_may_be_in_the_way_are_near() -> None:
    found = paths()
    everything = [("all", "second"), ("all", "third")]
    assert found.near(("ALL",), 0) == everything
    assert found.near(("ALL", "Second"), 0) == [("all", "second")]
    assert found.near(("all", "Third", "below"), 0) == [("all", "third")]
    for far in ("all/first", "second", "al", "all/fourth", "all/sec", "all/second2", "other/all/second"):
        assert found.near(tuple(far.split("/")), 0) == []
    found.choose([(1, ("all", "THIRD"))])
    found.recall([(2, ("other",)), (0, ("mine",))])
    assert found.near(("all", "second"), 0) == []
    assert found.near(("all", "third"), 0) == found.near(("all",), 0)[:1] == [("all", "THIRD")]
    assert found.near(("mine",), 0) == found.near(("all", "third"), 1) == []


def test_files_with_paths_that_are_equal_on_some_systems_are_all_near() -> None:
    found = paths()
    found.recall([(1, ("ALL", "THIRD"))])
    assert found.near(("all", "third"), 0) == [("ALL", "THIRD"), ("all", "third")]
    found.rename(2, ("x",))
    assert found.near(("all", "third"), 0) == [("ALL", "THIRD")]


def test_after_renames_in_any_order_the_same_is_near_as_if_all_were_new() -> None:
    chance = random.Random("paths")
    names = [tuple(chance.choices("abAB", k=chance.randint(1, 4))) for _ in range(40)]
    entries = [TorrentFile(path, 1) for path in names[:10]]
    found = FilePaths(entries, os.sep)
    for number in range(300):
        found.rename(chance.randrange(10), chance.choice(names))
        if number == 150:
            found.choose([(0, ("chosen",))])
        anew = FilePaths(entries, os.sep)
        anew.recall((index, found.parts(index)) for index in range(10))
        for path in chance.sample(names, 5):
            assert found.near(path, number % 10) == anew.near(path, number % 10)
