"""Which path a file gets that may have several: by what is there, by the setting, by what the file system stores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import pytest
from support.filesystems import case_insensitive
from support.system import System

from bittorrent_threads.disk.folder import Folder, Parts
from bittorrent_threads.disk.path_choice import PathChoice, refused, rules
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.testing.bencode import bencode

SIZE = 10


def torrent(*paths: Any, encoding: str = "", sizes: Sequence[int] = ()) -> Metainfo:
    """A torrent named ``t`` of files of 10 bytes, or of these sizes."""
    files = [
        {"length": size, "path": path if isinstance(path, list) else path.split("/")}
        for path, size in zip(paths, sizes or [SIZE] * len(paths))
    ]
    info = {"name": "t", "piece length": 2**20, "pieces": bytes(20), "files": files}
    return Metainfo.parse(bencode({"info": info, **({"encoding": encoding} if encoding else {})}))


def put(root: Path, *paths: str, size: int = SIZE) -> None:
    for path in paths:
        target = root / "t" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(bytes(size))


def look(
    metainfo: Metainfo,
    root: Path,
    names: str = "portable",
    *,
    fixed: Mapping[int, Parts] = {},
    system: Any = os,
) -> Dict[int, str]:
    found = PathChoice(metainfo, names).choose(Folder(str(root), system=system), fixed)
    return {index: "/".join(path[1:]) for index, path in found.items()}


ALBUM = ("best of: 1/01 - What now?.mp3", "best of: 1/02.mp3", "ReadMe.txt", "readme.txt", "plain")
NATIVE = {0: "best of: 1/01 - What now?.mp3", 1: "best of: 1/02.mp3", 3: "readme.txt"}
PORTABLE = {0: "best of_ 1/01 - What now_.mp3", 1: "best of_ 1/02.mp3", 3: "readme.1.txt"}


def test_nothing_is_there(tmp_path: Path) -> None:
    assert look(torrent(*ALBUM), tmp_path) == look(torrent(*ALBUM), tmp_path / "no") == PORTABLE
    assert look(torrent(*ALBUM), tmp_path, "native") == NATIVE


@pytest.mark.parametrize("names", ["portable", "native"])
@pytest.mark.parametrize("layout", [NATIVE, PORTABLE], ids=["native", "portable"])
@pytest.mark.parametrize("missing", [(), (0,), (1,), (3,), (0, 1), (1, 3)], ids=repr)
def test_what_is_there_decides_for_all_of_it(
    tmp_path: Path, names: str, layout: Dict[int, str], missing: Tuple[int, ...]
) -> None:
    put(tmp_path, "plain", "ReadMe.txt", *(path for index, path in layout.items() if index not in missing))
    assert look(torrent(*ALBUM), tmp_path, names) == layout


@pytest.mark.parametrize("names", ["portable", "native"])
def test_a_file_that_is_there_in_another_layout_is_used_where_it_is(tmp_path: Path, names: str) -> None:
    put(tmp_path, NATIVE[0], NATIVE[1], PORTABLE[3])
    assert look(torrent(*ALBUM), tmp_path, names) == {**NATIVE, 3: PORTABLE[3]}


def test_of_equally_many_files_those_of_the_setting_count(tmp_path: Path) -> None:
    put(tmp_path, NATIVE[0], PORTABLE[1])
    assert look(torrent(*ALBUM), tmp_path) == {0: NATIVE[0], 1: PORTABLE[1], 3: PORTABLE[3]}
    assert look(torrent(*ALBUM), tmp_path, "native") == {0: NATIVE[0], 1: PORTABLE[1], 3: NATIVE[3]}


def test_whole_files_count_more_than_begun_ones(tmp_path: Path) -> None:
    put(tmp_path, PORTABLE[0], PORTABLE[1], PORTABLE[3], size=SIZE - 1)
    put(tmp_path, NATIVE[0])
    assert look(torrent(*ALBUM), tmp_path) == {**PORTABLE, 0: NATIVE[0]}


def test_names_that_are_portable_for_one_file_and_native_for_another(tmp_path: Path) -> None:
    metainfo = torrent("a?", "a*", "a_", sizes=[10, 20, 30])
    put(tmp_path, "a?", size=10)
    put(tmp_path, "a*", size=20)
    put(tmp_path, "a_", size=30)
    assert look(metainfo, tmp_path) == {0: "a?", 1: "a*", 2: "a_"}
    (tmp_path / "t" / "a*").unlink()
    assert look(metainfo, tmp_path) == {0: "a?", 1: "a*", 2: "a_"}


def test_no_two_files_get_one_path(tmp_path: Path) -> None:
    metainfo = torrent("a?", "a_", "b", "b/c", sizes=[10, 20, 10, 10])
    for there in ([], ["a_"], ["a?", "a_.1"], ["a_", "a_.1"], ["b"], ["b.1"], ["b/c"], ["a?", "b/c"]):
        root = tmp_path / "-".join(["x", *(name.replace("/", "+") for name in there)])
        put(root, *there)
        for names in ("portable", "native"):
            for fixed in ({}, {1: ("t", "a?")}, {1: ("t", "a_")}, {2: ("t", "a_")}):
                paths = [file.path for file in metainfo.files]
                for index, path in {**look(metainfo, root, names, fixed=fixed)}.items():
                    paths[index] = ("t", *path.split("/"))
                for index, parts in fixed.items():
                    paths[index] = parts
                assert len(set(paths)) == len(paths), (there, names, fixed)
                assert not any(path[:depth] in paths for path in paths for depth in range(1, len(path)))


def test_known_paths_stay(tmp_path: Path) -> None:
    put(tmp_path, *NATIVE.values())
    assert look(torrent(*ALBUM), tmp_path, fixed={0: ("t", "x"), 3: ("t", "y")}) == {1: NATIVE[1]}
    assert look(torrent(*ALBUM), tmp_path, fixed={0: ("t", "x"), 1: ("t", "z"), 3: ("t", "y")}) == {}


def test_names_in_another_encoding(tmp_path: Path) -> None:
    metainfo = torrent(["第一首.mp3".encode("gbk")], ["plain"], encoding="GBK")
    assert look(metainfo, tmp_path) == look(metainfo, tmp_path, "native") == {0: "第一首.mp3"}
    raw = os.fsdecode("第一首.mp3".encode("gbk"))
    put(tmp_path, raw)
    assert look(metainfo, tmp_path) == look(metainfo, tmp_path, "native") == {0: raw}
    put(tmp_path, "第一首.mp3")
    assert look(metainfo, tmp_path) == {0: "第一首.mp3"}


def test_bytes_that_no_encoding_explains_are_found_and_never_made(tmp_path: Path) -> None:
    metainfo = torrent(["Motörhead".encode("latin-1")])
    assert look(metainfo, tmp_path) == look(metainfo, tmp_path, "native") == {0: "Mot_rhead"}
    put(tmp_path, os.fsdecode("Motörhead".encode("latin-1")))
    assert look(metainfo, tmp_path) == {0: "Mot\udcf6rhead"}


def test_a_link_is_no_file_that_is_there(tmp_path: Path) -> None:
    put(tmp_path, "secret")
    (tmp_path / "t" / "what?").symlink_to("secret")
    (tmp_path / "t" / "x:").symlink_to("..")
    assert look(torrent("what?", "x:/t/secret"), tmp_path) == {0: "what_", 1: "x_/t/secret"}


def test_where_case_is_one_no_file_is_used_for_two(tmp_path: Path) -> None:
    put(tmp_path, "readme.txt")
    for names in ("portable", "native"):
        assert look(torrent("ReadMe.txt", "readme.txt"), tmp_path, names, system=case_insensitive()) == {
            1: "readme.1.txt"
        }
    put(tmp_path, "readme.1.txt")
    assert look(torrent("ReadMe.txt", "readme.txt"), tmp_path, system=case_insensitive()) == {1: "readme.1.txt"}


def test_hard_links_are_two_files(tmp_path: Path) -> None:
    put(tmp_path, "ReadMe.txt")
    os.link(tmp_path / "t" / "ReadMe.txt", tmp_path / "t" / "readme.txt")
    assert look(torrent("ReadMe.txt", "readme.txt"), tmp_path) == {1: "readme.txt"}


def test_a_file_system_that_refuses_native_names_gets_portable_ones(tmp_path: Path) -> None:
    chosen = PathChoice(torrent(*ALBUM), "native")
    chosen.refused = True
    assert chosen.choose(Folder(str(tmp_path)), {})[0] == ("t", "best of_ 1", "01 - What now_.mp3")
    put(tmp_path, NATIVE[0])
    assert chosen.choose(Folder(str(tmp_path)), {})[0] == ("t", "best of: 1", "01 - What now?.mp3")


def test_a_torrent_with_one_name_for_each_file_costs_no_look(tmp_path: Path) -> None:
    system = System()
    assert look(torrent("a", "b/c"), tmp_path, "native", system=system) == {}
    assert system.calls == []


@pytest.mark.timeout(60)  # a quadratic algorithm takes minutes; seconds become more on a busy machine, or measured
def test_crowds(tmp_path: Path) -> None:
    def spelled(number: int) -> str:
        return "".join("aA"[number >> bit & 1] for bit in range(13))

    crowds: List[List[str]] = [
        [spelled(number) for number in range(5000)],
        [f"{number}?" for number in range(5000)] + [f"{number}_" for number in range(5000)],
    ]
    for names in ("portable", "native"):
        for crowd in crowds:
            assert len(look(torrent(*crowd), tmp_path, names)) >= 4999
    put(tmp_path, spelled(0))
    assert len(set(look(torrent(*crowds[0]), tmp_path, "native", system=case_insensitive()).values())) == 4999


def test_windows_stores_portable_names_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (rules("native"), rules("portable")) == ("native", "portable")
    monkeypatch.setattr(os, "name", "nt")
    assert rules("native") == "portable"
    assert PathChoice(torrent(*ALBUM), "native").choose(Folder(str(tmp_path)), {}) == {}


def test_what_a_file_system_says_to_names_that_it_does_not_store() -> None:
    assert refused(StorageError("Invalid argument", "x", 22))
    assert refused(StorageError("too long", "x", 36))
    assert not refused(StorageError("No space left on device", "x", 28))
    try:
        "ö".encode("ascii")
    except UnicodeEncodeError as error:
        assert refused(StorageError.wrap(error, "x"))
