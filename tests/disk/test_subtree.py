from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Callable, Dict, List, Optional

import pytest
from support.system import WINDOWS_LACKS, System

from bittorrent_threads.disk.file import File
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.subtree import Subtree

NAMES = ["t/a", "t/sub/b", "t/sub/deep/c", "alone"]


class Tree:
    def __init__(self, root: Path, system: System) -> None:
        self.root, self.system = root, system
        self.source, self.target = (Folder(str(root / name), system=system) for name in ("old", "new"))
        self.files: List[File] = []
        pool = FilePool(8)
        for name in NAMES:
            path = root / "old" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
            file = File(self.source, tuple(name.split("/")))
            pool.adopt(file)
            self.files.append(file)

    def find(self) -> Optional[Subtree]:
        return Subtree.find(self.files, self.source, self.target)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path, System())


def test_all_below_the_folder_is_moved_by_one_call(tree: Tree) -> None:
    subtree = tree.find()
    assert subtree is not None
    assert set(subtree.files) == set(tree.files[:3])
    assert subtree.move()
    subtree.sync()
    assert tree.system.named("rename", "link", "unlink") == ["rename"]
    assert sorted(str(p.relative_to(tree.root)) for p in tree.root.rglob("*") if p.is_file()) == [
        "new/t/a",
        "new/t/sub/b",
        "new/t/sub/deep/c",
        "old/alone",
    ]


@pytest.mark.parametrize("place", ["t/x", "t/sub/x", "t/sub/deep/x"])
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_not_of_the_torrent_stays_with_its_folder(tree: Tree, place: str, kind: str) -> None:
    path = tree.root / "old" / place
    makers: Dict[str, Callable[[], object]] = {
        "file": path.touch,
        "folder": path.mkdir,
        "link": lambda: path.symlink_to("a"),
    }
    makers[kind]()
    assert tree.find() is None


@pytest.mark.parametrize("change", ["gone", "replaced", "changed", "link"])
def test_a_file_that_is_not_as_it_was_is_not_moved(tree: Tree, change: str) -> None:
    path = tree.root / "old" / "t" / "sub" / "b"
    if change == "changed":
        path.write_bytes(b"other and longer")
    else:
        path.rename(tree.root / "kept")
    if change == "replaced":
        path.write_bytes(b"t/sub/b")
    elif change == "link":
        path.symlink_to(tree.root / "kept")
    assert tree.find() is None


@pytest.mark.parametrize("what", ["file", "folder", "full folder"])
def test_nothing_at_the_new_place_is_replaced(tree: Tree, what: str) -> None:
    place = tree.root / "new" / "t"
    place.parent.mkdir()
    place.touch() if what == "file" else place.mkdir()
    if what == "full folder":
        (place / "precious").touch()
    before = place.stat().st_ino
    subtree = tree.find()
    assert subtree is not None
    assert not subtree.move()
    assert place.stat().st_ino == before
    assert (tree.root / "old" / "t" / "a").exists()


def test_a_link_at_the_new_place_leads_nowhere(tree: Tree) -> None:
    (tree.root / "new").mkdir()
    (tree.root / "outside").mkdir()
    (tree.root / "new" / "t").symlink_to(tree.root / "outside")
    subtree = tree.find()
    assert subtree is not None
    assert not subtree.move()
    assert not list((tree.root / "outside").iterdir())


@pytest.mark.parametrize("call", ["scandir", "rename", "open"])
def test_what_the_system_refuses_is_no_error(tree: Tree, call: str) -> None:
    tree.system.fail(call, errno.EIO)
    subtree = tree.find()
    assert subtree is None or not subtree.move()
    assert (tree.root / "old" / "t" / "a").exists()


def test_without_dir_fd_files_are_moved_one_by_one(tmp_path: Path) -> None:
    assert Tree(tmp_path, System(without=WINDOWS_LACKS)).find() is None


def test_files_beside_each_other_have_no_folder(tmp_path: Path) -> None:
    tree = Tree(tmp_path, System())
    tree.files = tree.files[3:]
    assert tree.find() is None


def test_no_descriptor_is_left(tree: Tree) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    subtree = tree.find()
    assert subtree is not None
    assert subtree.move()
    assert not before or len(os.listdir("/proc/self/fd")) == before
