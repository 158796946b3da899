from __future__ import annotations

import os
from pathlib import Path
from typing import List

from support.system import System

from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.open_folders import MOST, OpenFolders


def opened(*paths: str) -> OpenFolders:
    folders = OpenFolders(closed.append)
    for number, path in enumerate(("", *paths)):
        folders.descriptors[tuple(path)] = number
    return folders


closed: List[int] = []


def test_the_last_open_folder_on_a_path_is_found() -> None:
    assert OpenFolders(closed.append).depth(("a",)) == -1
    folders = opened("a", "ab")
    assert [folders.depth(tuple(path)) for path in ("", "x", "a", "ax", "ab", "abcd")] == [0, 0, 1, 1, 2, 2]


def test_folders_stay_open_until_there_are_too_many() -> None:
    closed.clear()
    folders = opened("a", "ab", "ac", "ad", "ae", "af")
    folders.make_room(tuple("ag"), 1)
    assert closed == [], "there is room for one more"
    folders.descriptors[tuple("ag")] = 7
    assert len(folders.descriptors) == MOST
    folders.users = 1
    folders.make_room(tuple("ah"), 1)
    assert closed == [], "none while one is in use"
    folders.users = 0
    folders.make_room(tuple("ah"), 1)
    assert sorted(folders.descriptors) == [(), ("a",)]
    assert closed == [2, 3, 4, 5, 6, 7]


def test_what_was_removed_is_closed_with_all_below() -> None:
    closed.clear()
    folders = opened("a", "ab", "abc", "b")
    folders.forget(tuple("ab"))
    assert sorted(folders.descriptors) == [(), ("a",), ("b",)]
    folders.forget(())
    assert closed == [2, 3, 0, 1, 4]


def test_files_in_turns_in_two_folders_open_each_folder_once(tmp_path: Path) -> None:
    system = System()
    folder = Folder(str(tmp_path), system=system)
    with folder.keep_folders_open():
        for name in ("x", "y", "z"):
            os.close(folder.open(("t", "old", name), os.O_RDWR, create=True))
            folder.link(("t", "old", name), folder, ("t", "new", name))
            folder.remove(("t", "old", name))
            assert folder.stat(("t", "new", name)) is not None
    assert len(system.named("open")) - 3 == len([".", "t", "t/old", "t/new"]) + 3, "three had to be made first"


def test_a_folder_that_was_pruned_is_made_again(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with folder.keep_folders_open():
        for name in ("x", "y"):
            os.close(folder.open(("t", "old", name), os.O_RDWR, create=True))
            folder.replace(("t", "old", name), (name,), create=True)
            folder.prune(("t", "old", name))
            assert not (tmp_path / "t").exists()
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]


def test_no_folder_in_use_is_closed_for_another(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    before = len(os.listdir("/dev/fd"))
    deep = tuple("abcdef")
    with folder.keep_folders_open():
        os.close(folder.open((*deep, "x"), os.O_RDWR, create=True))
        folder.link((*deep, "x"), folder, tuple("ghijklm"))
        folder.replace((*deep, "x"), tuple("nopqrst"), create=True)
        assert folder.stat(tuple("ghijklm")) is not None
        assert len(os.listdir("/dev/fd")) <= before + MOST
    assert (tmp_path.joinpath(*"nopqrst")).exists()
    assert len(os.listdir("/dev/fd")) == before
