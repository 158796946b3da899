"""Files under chosen names: made, found again, and given other names by file systems that store fewer."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, List

import pytest
from support.filesystems import case_insensitive, refusing
from support.system import System

from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.torrent_files import TorrentFiles
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.layout import Span
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.testing.bencode import bencode


def opened(root: Path, pool: FilePool, *paths: str, names: str = "native", system: Any = None) -> TorrentFiles:
    files = [{"length": 10, "path": path.split("/")} for path in paths]
    info = {"name": "t", "piece length": 16384, "pieces": bytes(20), "files": files}
    folder = Folder(str(root), system=system or System())
    made = TorrentFiles(Metainfo.parse(bencode({"info": info})), folder, pool, names=names, on_changed=lambda: None)
    made.choose_names()
    return made


def below(root: Path) -> List[str]:
    return sorted(str(path.relative_to(root / "t")) for path in root.rglob("*") if path.is_file())


def test_native_names_are_made_where_they_are_wanted(tmp_path: Path, pool: FilePool) -> None:
    for names, expected in (("native", ["a", "x: y/b?"]), ("portable", ["a", "x_ y/b_"])):
        files = opened(tmp_path / names, pool, "a", "x: y/b?", names=names)
        files.create([0, 1])
        assert below(tmp_path / names) == expected
        assert files.names == {1: ("t", *expected[1].split("/"))} == dict(files.chosen)


def test_every_byte_goes_to_its_file(tmp_path: Path, pool: FilePool) -> None:
    files = opened(tmp_path, pool, "A?", "a?", system=case_insensitive())
    files.create([0, 1])
    for index in (0, 1):
        files.write(Span(index, 0, 10), [memoryview(bytes([index]) * 10)])
    assert [files.read(Span(index, 0, 10)) for index in (0, 1)] == [bytes(10), bytes([1]) * 10]
    assert len(below(tmp_path)) == 2


def test_names_that_are_not_made_yet_are_chosen_anew(tmp_path: Path, pool: FilePool) -> None:
    files = opened(tmp_path, pool, "x?", names="portable")
    assert files[0].parts == ("t", "x_")
    assert files.names == {}
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "x?").write_bytes(bytes(10))
    files.choose_names()
    assert files[0].parts == ("t", "x?")
    pool.adopt(files[0])
    (tmp_path / "t" / "x_").write_bytes(bytes(10))
    files.choose_names()
    assert files[0].parts == ("t", "x?")
    assert files.names == {0: ("t", "x?")}, "a file that was met stays"


def test_known_names_are_not_chosen(tmp_path: Path, pool: FilePool) -> None:
    files = opened(tmp_path, pool, "x?", "y?")
    files.name([(0, ("t", "renamed"))])
    files.choose_names()
    assert files.chosen == ((1, ("t", "y?")),)
    assert files.names == {0: ("t", "renamed")}
    files.create([0, 1])
    assert below(tmp_path) == ["renamed", "y?"]


def test_a_file_system_that_refuses_names(tmp_path: Path, pool: FilePool) -> None:
    files = opened(tmp_path, pool, "a", "x/b?", "c:", "d", system=refusing("?:"))
    assert files[1].parts == ("t", "x", "b?")
    files.create([0, 1, 2, 3])
    assert below(tmp_path) == ["a", "c_", "d", "x/b_"]
    assert dict(files.chosen) == {1: ("t", "x", "b_"), 2: ("t", "c_")}


def test_a_file_system_that_refuses_a_name_for_which_another_file_has_the_portable_one(
    tmp_path: Path, pool: FilePool
) -> None:
    files = opened(tmp_path, pool, "b_", "b?", "b:", system=refusing("?"))
    files.create([0, 1, 2])
    assert below(tmp_path) == sorted({"b_", "b_.1", files[2].parts[1]})
    assert len(below(tmp_path)) == 3


def test_a_file_system_that_takes_two_names_for_one(tmp_path: Path, pool: FilePool) -> None:
    files = opened(tmp_path, pool, "ReadMe", "readme", "README", system=case_insensitive())
    files.create([0, 1, 2])
    assert below(tmp_path) == ["readme", "readme.1", "readme.2"]
    assert len({files[index].identity for index in range(3)}) == 3


def test_other_failures_are_told(tmp_path: Path, pool: FilePool) -> None:
    system = System()
    files = opened(tmp_path, pool, "a?", system=system)
    system.fail("mkdir", errno.ENOSPC)
    with pytest.raises(StorageError) as caught:
        files.create([0])
    assert caught.value.errno == errno.ENOSPC
    assert files[0].parts == ("t", "a?")


def test_a_file_system_that_refuses_portable_names_too_is_told(tmp_path: Path, pool: FilePool) -> None:
    files = opened(tmp_path, pool, "a?", system=refusing("a"))
    with pytest.raises(StorageError) as caught:
        files.create([0])
    assert caught.value.errno == errno.EINVAL
