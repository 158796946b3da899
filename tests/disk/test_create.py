from __future__ import annotations

import copy
import hashlib
import inspect
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from bittorrent_threads.disk import create as module
from bittorrent_threads.disk.create import create
from bittorrent_threads.disk.hash_buffer import CHUNK
from bittorrent_threads.disk.source_files import Found
from bittorrent_threads.errors import Cancelled, MetainfoError, SettingsError, StorageError
from bittorrent_threads.metainfo import bencode as bencode_module
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing import leaks
from bittorrent_threads.testing.bencode import bencode
from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

pytest.importorskip("bencoder")

NOTHING: Dict[str, Any] = {"creation_date": 0, "created_by": None}


def bencoded(content: SampleTorrent) -> bytes:
    return bencode({"info": content.info(), "creation date": 0})


def tree(root: Path, *names: str) -> Path:
    """Files with their own name in them."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
    return root


CONTENTS = [
    SampleTorrent(1, piece_length=16 * KIB, name="one"),
    SampleTorrent(64 * KIB, piece_length=16 * KIB, name="exact"),
    SampleTorrent(3 * MIB + 5, piece_length=16 * KIB, name="uneven"),
    SampleTorrent(9 * MIB + 5, piece_length=4 * MIB, name="long pieces"),
    SampleTorrent({"one in a folder": 5}, piece_length=16 * KIB, name="one in a folder"),
    SampleTorrent(
        {"B": 70_000, "a": 0, "a-b": 1, "a.d/b": 0, "a.d/c/d": 2 * MIB, "c": 16 * KIB, "z": 0},
        piece_length=32 * KIB,
        name="several",
    ),
]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.name)
def test_byte_for_byte_as_it_should_be(content: SampleTorrent, tmp_path: Path) -> None:
    if not content.single:
        files = dict(sorted(content.files, key=lambda file: file[0].split("/")))
        content = SampleTorrent(files, piece_length=content.piece_length, name=content.name)
    content.write(tmp_path)
    metainfo = create(tmp_path / content.name, piece_length=content.piece_length, **NOTHING)
    assert metainfo.to_bytes() == bencoded(content)
    assert metainfo.infohash == content.infohash


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    content = SampleTorrent(
        {f"{number:03}": number * 1000 for number in range(100)}, piece_length=16 * KIB, name="folder"
    )
    content.write(tmp_path)
    for threads in (1, 2, 7, 64):
        assert (
            create(tmp_path / "folder", piece_length=16 * KIB, threads=threads, **NOTHING).infohash == content.infohash
        )


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    metainfo = create(
        str(tree(tmp_path / "x", "a")),
        trackers=[["http://a/", "udp://b:1"], ["https://c/"]],
        private=True,
        web_seeds=["http://seed/"],
        comment="käse",
        created_by="me",
        creation_date=1_600_000_000,
        name="other",
    )
    assert metainfo.trackers == (("http://a/", "udp://b:1"), ("https://c/",))
    assert metainfo.to_bytes().startswith(b"d8:announce9:http://a/13:announce-listll9:http://a/")
    assert (metainfo.private, metainfo.web_seeds, metainfo.comment) == (True, ("http://seed/",), "käse")
    assert (metainfo.created_by, metainfo.creation_date) == ("me", 1_600_000_000)
    assert metainfo.files[0].path == ("other", "a")


def test_what_is_said_by_itself(tmp_path: Path) -> None:
    before = int(time.time())
    metainfo = create(tree(tmp_path / "x", "a"))
    assert before <= (metainfo.creation_date or 0) <= time.time()
    assert (metainfo.created_by or "").startswith("bittorrent_threads ")
    assert (metainfo.trackers, metainfo.comment, metainfo.private) == ((), None, False)
    assert b"private" not in metainfo.to_bytes()
    assert b"announce" not in metainfo.to_bytes()


@pytest.mark.parametrize(
    ("trackers", "tiers"),
    [
        ("http://a/", (("http://a/",),)),
        (["http://a/", "http://b/"], (("http://a/",), ("http://b/",))),
        ([["http://a/", "http://b/"]], (("http://a/", "http://b/"),)),
        ((url for url in ["http://a/"]), (("http://a/",),)),
        ([[], ["http://a/"], "http://b/"], (("http://a/",), ("http://b/",))),
        ([], ()),
    ],
)
def test_trackers(tmp_path: Path, trackers: Any, tiers: Any) -> None:
    assert create(tree(tmp_path, "a"), trackers=trackers).trackers == tiers


def test_links_to_the_path_itself_are_followed(tmp_path: Path) -> None:
    tree(tmp_path / "real", "a")
    (tmp_path / "link").symlink_to("real")
    assert create(tmp_path / "link").files[0].path == ("link", "a")
    (tmp_path / "file").symlink_to("real/a")
    assert create(tmp_path / "file").files == ((("file",), 1, False),)
    assert create(f"{tmp_path}/real/").name == "real"


def test_the_folder_of_the_library_stays_out_and_nothing_else(tmp_path: Path) -> None:
    tree(tmp_path / "x", ".bittorrent_threads/resume", "sub/.bittorrent_threads/r", ".hidden", "sub/Thumbs.db")
    (tmp_path / "x" / "empty").mkdir()
    assert [file.path[1:] for file in create(tmp_path / "x").files] == [(".hidden",), ("sub", "Thumbs.db")]


def failed(path: Any, **options: Any) -> StorageError:
    with pytest.raises(StorageError) as caught:
        create(path, **options)
    return caught.value


def test_nothing_to_share(tmp_path: Path) -> None:
    assert failed(tmp_path / "missing").reason == "No such file or directory"
    assert failed(tmp_path / "missing").path == str(tmp_path / "missing")
    assert failed(tmp_path).reason == "there is no file in it"
    (tmp_path / "empty").write_bytes(b"")
    assert failed(tmp_path).reason == failed(tmp_path / "empty").reason == "is empty"
    assert "null" in failed("a\0b").reason


def test_what_cannot_be_in_a_torrent(tmp_path: Path) -> None:
    tree(tmp_path / "outside", "secret")
    for number, target in enumerate(["a", "../outside/secret", "../outside", "."]):
        root = tree(tmp_path / f"link{number}", "a")
        (root / "link").symlink_to(target)
        error = failed(root)
        assert (error.path, error.reason[:18]) == (str(root / "link"), "is a symbolic link")
    assert failed("/dev/null").reason == "is neither a file nor a folder"
    assert create(tmp_path / "link3", exclude="link").files[0].path == ("link3", "a")


def test_what_holds_no_data_is_left_out_with_a_warning(tmp_path: Path) -> None:
    root = tree(tmp_path / "x", "a", "sub/b")
    os.mkfifo(root / "pipe")
    os.mknod(root / "sub" / "socket", stat.S_IFSOCK | 0o600)
    for number in range(5):
        (root / f"broken{number}").symlink_to("missing")
    said: List[str] = []
    assert [file.path[1:] for file in create(root, on_warning=said.append).files] == [("a",), ("sub", "b")]
    assert sorted(said) == [
        "sockets, pipes and devices cannot be in a torrent; left out: pipe, sub/socket",
        "symbolic links to nothing cannot be in a torrent; left out: broken0, broken1, broken2 and 2 more",
    ]
    with pytest.warns(UserWarning, match="left out: pipe, sub/socket"):
        create(root, exclude="broken*")
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "z").symlink_to("missing")
    assert failed(tmp_path / "y").reason == "there is no file in it"


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("what?.mp3", "what_.mp3"),
        ("con.txt", "con_.txt"),
        ("end.", "end"),
        ("b" * 250, "b" * 240),
        ("sub/c:", "sub/c_"),
    ],
)
def test_names_that_would_be_others_elsewhere_are_a_warning(tmp_path: Path, name: str, elsewhere: str) -> None:
    said: List[str] = []
    metainfo = create(tree(tmp_path / "x", "good", name), on_warning=said.append)
    assert said == [f"{ELSEWHERE}{'x/' + name!r} as {'x/' + elsewhere!r}"]
    assert metainfo.spelling is not None
    assert ("x", *name.split("/")) in metainfo.spelling.native()


def test_names_that_are_one_elsewhere_are_a_warning(tmp_path: Path) -> None:
    said: List[str] = []
    metainfo = create(tree(tmp_path / "x", "ReadMe", "README", "readme"), on_warning=said.append)
    assert said == [f"{ELSEWHERE}'x/ReadMe' as 'x/ReadMe.1', 'x/readme' as 'x/readme.2'"]
    assert metainfo.spelling is not None
    assert metainfo.spelling.native() == [("x", "README"), ("x", "ReadMe"), ("x", "readme")]


ELSEWHERE = "names that are not valid on every system, and may be stored otherwise: "


def test_a_name_of_the_torrent_that_is_not_valid_on_every_system(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="'Album: best of/a' as 'Album_ best of/a'"):
        assert create(tree(tmp_path, "a"), name="Album: best of").name == "Album_ best of"


@pytest.mark.parametrize("name", ["a\\b", "a\u202eb", "line\nfeed", ".bittorrent_threads.bak"])
def test_names_that_no_client_looks_for(tmp_path: Path, name: str) -> None:
    error = failed(tree(tmp_path, "good", f"sub/{name}"))
    assert error.path == str(tmp_path / "sub" / name)
    assert error.reason.startswith("clients would look for ")
    assert error.reason.endswith("rename it, or exclude it")
    assert create(tmp_path, exclude="sub").files[0].path[1:] == ("good",)


# -- what is left out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ((), ".hidden a.tmp a.txt raw/b.tif raw/c.txt raw/sub/.DS_Store sub/.DS_Store sub/raw/b.tif"),
        (".DS_Store", ".hidden a.tmp a.txt raw/b.tif raw/c.txt sub/raw/b.tif"),
        ([".*"], "a.tmp a.txt raw/b.tif raw/c.txt sub/raw/b.tif"),
        (["*.tmp", "*.txt"], ".hidden raw/b.tif raw/sub/.DS_Store sub/.DS_Store sub/raw/b.tif"),
        (["*.TMP"], ".hidden a.tmp a.txt raw/b.tif raw/c.txt raw/sub/.DS_Store sub/.DS_Store sub/raw/b.tif"),
        (["raw"], ".hidden a.tmp a.txt sub/.DS_Store"),
        (["raw/"], ".hidden a.tmp a.txt sub/.DS_Store"),
        (["/raw"], ".hidden a.tmp a.txt sub/.DS_Store sub/raw/b.tif"),
        (["raw/*.tif"], ".hidden a.tmp a.txt raw/c.txt raw/sub/.DS_Store sub/.DS_Store sub/raw/b.tif"),
        (["*/raw"], ".hidden a.tmp a.txt raw/b.tif raw/c.txt raw/sub/.DS_Store sub/.DS_Store"),
        (["[ab].t??"], ".hidden raw/c.txt raw/sub/.DS_Store sub/.DS_Store"),
    ],
)
def test_exclusion(tmp_path: Path, patterns: Any, kept: str) -> None:
    names = "a.txt a.tmp .hidden raw/b.tif raw/c.txt raw/sub/.DS_Store sub/.DS_Store sub/raw/b.tif"
    tree(tmp_path / "x", *names.split())
    assert " ".join("/".join(file.path[1:]) for file in create(tmp_path / "x", exclude=patterns).files) == kept


def test_all_is_left_out(tmp_path: Path) -> None:
    assert failed(tree(tmp_path, "a", "b"), exclude="*").reason == "all files are excluded"


@pytest.mark.parametrize("place", ["x.torrent", "sub/x.torrent", "link/x.torrent"])
def test_the_output_is_no_part_of_the_content(tmp_path: Path, place: str) -> None:
    root = tree(tmp_path / "x", "a", "sub/b", "z.torrent")
    (tmp_path / "link").symlink_to("x")
    output = (tmp_path if place.startswith("link") else root) / place
    for content in (b"a", b"b"):
        (root / "a").write_bytes(content)
        metainfo = create(root, output=output)
        assert [file.path[1:] for file in metainfo.files] == [("a",), ("sub", "b"), ("z.torrent",)]
        assert Metainfo.load(output) == metainfo
    os.link(output, root / "copy")
    assert ("x", "copy") in [file.path for file in create(root, output=output).files], "another name of it is content"


def test_what_the_output_leads_to_is_no_part_of_the_content_either(tmp_path: Path) -> None:
    root = tree(tmp_path / "x", "a", "v1.torrent")
    (root / "latest.torrent").symlink_to("v1.torrent")
    for _ in range(2):
        metainfo = create(root, output=root / "latest.torrent")
        assert [file.path[1:] for file in metainfo.files] == [("a",)]
        assert Metainfo.load(root / "v1.torrent") == metainfo


def test_where_a_torrent_cannot_be_saved_is_told_before_anything_is_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "x", "a")
    monkeypatch.setattr(module, "PieceHashing", None)
    (error, path) = failed(root, output=tmp_path / "no" / "x.torrent"), tmp_path / "no" / "x.torrent"
    assert (error.path, error.reason) == (str(path), f"there is no folder {tmp_path / 'no'}")
    error = failed(root, output=tmp_path)
    assert (error.path, error.reason) == (str(tmp_path), "is a folder: give the name of a file")
    assert failed(root, output=root / "a" / "x.torrent").reason == f"there is no folder {root / 'a'}"
    with pytest.raises(SettingsError, match="is the file that the torrent would be made of"):
        create(root / "a", output=root / "a")

    def refuse(**options: Any) -> Any:
        raise PermissionError(13, "Permission denied", "/some/where")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    error = failed(root, output=tmp_path / "x.torrent")
    assert (error.errno, error.path) == (13, str(tmp_path / "x.torrent"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]


def test_one_limit_for_what_is_made_and_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(16 * KIB * 5000)
    made = create(tmp_path / "large", piece_length=16 * KIB, output=tmp_path / "x.torrent", creation_date=0)
    size = (tmp_path / "x.torrent").stat().st_size
    assert create(tmp_path / "large", piece_length=16 * KIB, max_size=size, creation_date=0) == made
    monkeypatch.setattr(module, "PieceHashing", None)  # told before anything is hashed
    with pytest.raises(SettingsError, match=f"makes a .torrent of {size} bytes, where it may have {size - 1}"):
        create(tmp_path / "large", piece_length=16 * KIB, max_size=size - 1, creation_date=0)
    assert inspect.signature(create).parameters["max_size"].default == Settings().max_metainfo_size == 32 * MIB


def test_more_files_than_can_be_read_are_told_before_anything_is_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path / "x", *(f"{number}" for number in range(2000)))
    made = create(tmp_path / "x")
    monkeypatch.setattr(bencode_module, "MAX_TOKENS", 21_000)
    with pytest.raises(MetainfoError, match=r"more than 21000 tokens"):
        Metainfo.parse(made.to_bytes())
    monkeypatch.setattr(module, "PieceHashing", None)
    with pytest.raises(SettingsError) as caught:
        create(tmp_path / "x")
    least = 33 * MIB
    assert caught.value.name == "max_size"
    assert caught.value.reason == f"must be at least {least} (33 MiB) for 2000 files, by those who read it too"
    monkeypatch.undo()
    monkeypatch.setattr(bencode_module, "MAX_TOKENS", 21_000)
    assert create(tmp_path / "x", max_size=least) == made
    assert Metainfo.parse(made.to_bytes(), max_size=least) == made


def test_the_memory_of_a_file_is_small(tmp_path: Path) -> None:
    # With 1,000,000 files the same call took 1,022 bytes a file.
    count = 4000
    for folder in range(4):
        (tmp_path / f"n{folder:07}").mkdir()
        for number in range(count // 4):
            (tmp_path / f"n{folder:07}" / f"n{folder:07}_{number:05}.JPEG").write_bytes(b"%d" % number)
    create(tmp_path)  # what is made once for all torrents
    tracemalloc.start()
    try:
        metainfo = create(tmp_path, threads=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(metainfo.files) == count
    assert peak - 2 * CHUNK < 1000 * count


def test_the_source_key_changes_the_infohash(tmp_path: Path) -> None:
    tree(tmp_path, "a")
    plain, tagged = create(tmp_path), create(tmp_path, source="TRACKER")
    assert (plain.source, tagged.source) == (None, "TRACKER")
    assert plain.infohash != tagged.infohash
    assert b"6:source7:TRACKER" in tagged.to_bytes()


def test_hidden_files(tmp_path: Path) -> None:
    tree(tmp_path / "x", ".hidden", ".git/config", "a", "sub/.DS_Store", "sub/b")
    assert len(create(tmp_path / "x").files) == 5
    assert [file.path[1:] for file in create(tmp_path / "x", hidden=False).files] == [("a",), ("sub", "b")]
    (tmp_path / ".x").mkdir()
    (tmp_path / ".x" / "a").write_text("a")
    assert create(tmp_path / ".x", hidden=False).name == ".x", "the path itself is what was asked for"
    (tmp_path / ".x" / "a").rename(tmp_path / ".x" / ".a")
    assert failed(tmp_path / ".x", hidden=False).reason == "all files are excluded"


def test_a_pattern_leaves_out_files_below_the_path_and_not_the_path(tmp_path: Path) -> None:
    tree(tmp_path, "a.tmp")
    assert create(tmp_path / "a.tmp", exclude="*.tmp").name == "a.tmp"


@pytest.mark.parametrize("place", [".", "../x", "../x/", "sub/.."])
def test_the_name_is_that_of_the_folder_however_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    tree(tmp_path / "x", "a", "sub/b")
    monkeypatch.chdir(tmp_path / "x")
    assert create(place).name == "x"


def test_the_order_is_that_of_the_components(tmp_path: Path) -> None:
    names = ["a/b", "a-b", "a", "a/b/c", "Q", "a.d", "\xe4", "a/b-c"]
    tree(tmp_path, *(f"{name}/file" for name in names), "b", "Z")
    paths = [file.path[1:] for file in create(tmp_path).files]
    assert paths == sorted(paths)
    assert len(paths) == 10


def test_folders_without_a_file_and_empty_files(tmp_path: Path) -> None:
    tree(tmp_path / "x", "a")
    (tmp_path / "x" / "empty").write_bytes(b"")
    (tmp_path / "x" / "none" / "below").mkdir(parents=True)
    assert [(file.path[1:], file.length) for file in create(tmp_path / "x").files] == [(("a",), 1), (("empty",), 0)]


def test_a_longer_torrent_is_replaced_and_an_unreadable_file_harms_none(tmp_path: Path) -> None:
    output = tmp_path / "x.torrent"
    output.write_bytes(bytes(100_000))
    tree(tmp_path / "x", "a")
    assert create(tmp_path / "x", output=output).to_bytes() == output.read_bytes()
    before = output.read_bytes()
    (tmp_path / "x" / "a").write_bytes(b"")
    assert failed(tmp_path / "x", output=output).reason == "is empty"
    assert output.read_bytes() == before


def test_a_torrent_can_be_copied_and_pickled(tmp_path: Path) -> None:
    made = create(tree(tmp_path / "x", "a"), trackers="http://a/", comment="x")
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert (other, other.to_bytes(), other.trackers) == (made, made.to_bytes(), made.trackers)


def test_progress_may_end_it(tmp_path: Path) -> None:
    tree(tmp_path / "x", "a", "b")

    def progress(done: int, total: int) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        create(tmp_path / "x", progress=progress, output=tmp_path / "x.torrent")
    assert not (tmp_path / "x.torrent").exists()


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff", "wb") as file:
        file.write(b"x")
    assert failed(tmp_path).reason == "its name is not UTF-8: rename it, or exclude it"


def test_too_deep(tmp_path: Path) -> None:
    tree(tmp_path, "/".join("d" * 100))
    assert create(tmp_path).files[0].length == 199
    tree(tmp_path, "e/" + "/".join("d" * 100))
    assert failed(tmp_path).reason == "is more than 100 folders deep"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("piece_length", 8 * KIB),
        ("piece_length", 0),
        ("piece_length", -16 * KIB),
        ("piece_length", 16 * KIB + 1),
        ("piece_length", 1024 * MIB),
        ("threads", 0),
        ("threads", 65),
        ("trackers", "t.example/announce"),
        ("trackers", ["http://a/", "ftp://a/"]),
        ("web_seeds", "udp://a:1"),
        ("name", ""),
        ("name", "a/b"),
        ("name", ".."),
        ("exclude", ""),
        ("exclude", "a//b"),
        ("exclude", "/"),
        ("piece_length", "16K"),
        ("piece_length", 16384.0),
        ("piece_length", True),
        ("threads", "2"),
        ("threads", 2.5),
        ("max_size", "1"),
        ("trackers", 5),
        ("trackers", [5]),
        ("trackers", b"http://a/"),
        ("web_seeds", 7),
        ("web_seeds", [None]),
        ("comment", 5),
        ("source", b"x"),
        ("creation_date", "today"),
        ("creation_date", 1.5),
        ("exclude", 5),
        ("exclude", [5]),
        ("output", b"x.torrent"),
    ],
)
def test_arguments_that_cannot_be(tmp_path: Path, setting: str, value: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        create(tree(tmp_path, "a"), **{setting: value})
    assert caught.value.name == setting
    assert isinstance(caught.value, ValueError)


def test_the_path_is_a_text(tmp_path: Path) -> None:
    wrong: Any = os.fsencode(tree(tmp_path, "a"))
    with pytest.raises(SettingsError, match=r"path: must be a path of str, not of bytes"):
        create(wrong)
    for wrong in (None, 5):
        with pytest.raises(TypeError):
            create(wrong)


def test_too_many_pieces(tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(SettingsError, match="piece_length: makes 67108864 pieces, and a torrent may have 2097152"):
        create(tmp_path, piece_length=16 * KIB)


def test_progress_is_told_in_the_thread_of_the_caller(tmp_path: Path) -> None:
    told: List[Tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        told.append((done, total))

    SampleTorrent(13 * MIB + 1, piece_length=16 * KIB, name="x").write(tmp_path)
    create(tmp_path / "x", piece_length=16 * KIB, progress=progress)
    assert told[-1] == (13 * MIB + 1, 13 * MIB + 1)
    assert told == sorted(set(told))
    assert len(told) > 3


class Halted(BaseException):
    """Stands for KeyboardInterrupt, which pytest takes for its own."""


@pytest.mark.parametrize("piece_length", [16 * KIB, 32 * MIB])
def test_an_interruption_leaves_no_thread(tmp_path: Path, piece_length: int) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(2**33)

    def progress(done: int, total: int) -> None:
        raise Halted

    with pytest.raises(Halted):
        create(tmp_path, piece_length=piece_length, progress=progress)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bittorrent-create")]


def test_ctrl_c_ends_the_process_at_once(tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(2**36)
    program = (
        "import sys, os, signal\n"
        "from bittorrent_threads.disk.create import create\n"
        "create(sys.argv[1], piece_length=1048576, progress=lambda done, total: os.kill(os.getpid(), signal.SIGINT))\n"
    )
    root = Path(module.__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=root, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode != 0
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")


def make_a_link(path: str) -> None:
    os.rename(path, f"{path}2")
    os.symlink(f"{path}2", path)


CHANGES: Dict[str, Tuple[Callable[[str], None], str]] = {
    "shorter": (lambda path: os.truncate(path, 10), r"had 9000000 bytes and has 10"),
    "longer": (lambda path: os.truncate(path, 9_000_001), r"had 9000000 bytes and has 9000001"),
    "written": (lambda path: os.utime(path, ns=(1, 1)), "was written to while it was hashed"),
    "gone": (os.unlink, "No such file or directory"),
    "a link": (make_a_link, "symbolic links"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_files_that_change_before_they_are_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    act, reason = CHANGES[change]
    path = tmp_path / "a"
    path.write_bytes(bytes(9_000_000))
    find = Found

    def find_then_change(*arguments: Any) -> Any:
        found = find(*arguments)
        act(str(path))
        return found

    monkeypatch.setattr(module, "Found", find_then_change)
    error = failed(tmp_path)
    assert error.path == str(path)
    assert reason in error.reason


def test_folders_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "a", "sub/b")
    listing = os.listdir

    def refuse(path: Any) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "listdir", refuse)
    error = failed(tmp_path)
    assert (error.errno, error.path) == (13, str(tmp_path / "sub"))


def test_piece_hashes_agree_with_the_data(tmp_path: Path) -> None:
    data = os.urandom(3 * MIB)
    (tmp_path / "x").write_bytes(data)
    metainfo = create(tmp_path / "x", piece_length=MIB)
    assert metainfo.hashes.verdicts(range(3), [data[index * MIB : (index + 1) * MIB] for index in range(3)]) == {}
    assert metainfo.pieces[:20] == hashlib.sha1(data[:MIB]).digest()


@pytest.mark.interop
def test_libtorrent_takes_it_and_makes_the_same(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer("libtorrent")
    import libtorrent

    SampleTorrent({"a": 100_000, "b/c": 0, "b/d": 7, "e": 64 * KIB}, piece_length=32 * KIB, name="x").write(tmp_path)
    metainfo = create(
        tmp_path / "x",
        piece_length=32 * KIB,
        trackers=[["http://a/", "udp://b:1"], ["http://c/"]],
        private=True,
        web_seeds="http://s/",
    )
    decoded: Any = libtorrent.bdecode(metainfo.to_bytes())
    theirs = libtorrent.torrent_info(decoded)
    assert str(theirs.info_hashes().v1) == metainfo.infohash.hex()
    assert (theirs.name(), theirs.priv(), theirs.total_size()) == ("x", True, metainfo.total_size)
    params = libtorrent.load_torrent_buffer(metainfo.to_bytes())
    assert list(params.trackers) == ["http://a/", "udp://b:1", "http://c/"]
    assert list(params.tracker_tiers) == [0, 0, 1]
    assert list(params.url_seeds) == ["http://s/"]


@pytest.mark.interop
@pytest.mark.parametrize("single", [True, False], ids=["file", "folder"])
def test_torf_and_libtorrent_make_the_same(tmp_path: Path, require_peer: Callable[[str], str], single: bool) -> None:
    require_peer("torf")
    require_peer("libtorrent")
    import libtorrent
    import torf

    files = 100_000 if single else {"B": 70_000, "a": 9, "a-b": 1, "a.d/b": 2, "a.d/c/d": 200_000, "k\xe4se": 5}
    sample = SampleTorrent(files, piece_length=32 * KIB, name="x")
    sample.write(tmp_path)
    root, output = tmp_path / "x", tmp_path / "x.torrent"
    ours = create(root, piece_length=32 * KIB, private=True, source="TRACKER", trackers="http://a/b", output=output)
    theirs = torf.Torrent(root, piece_size=32 * KIB, private=True, source="TRACKER", trackers=["http://a/b"])
    theirs.generate()
    assert theirs.infohash == ours.infohash.hex()
    read = torf.Torrent.read(output)
    assert read.infohash == ours.infohash.hex()
    assert read.verify(root)
    if single:
        entries = [libtorrent.create_file_entry("x", 100_000)]
    else:
        # Its order is another one, so the list is ours.
        entries = [libtorrent.create_file_entry("/".join(file.path), file.length) for file in ours.files]
    maker = libtorrent.create_torrent(entries, 32 * KIB, libtorrent.create_torrent.v1_only)
    maker.set_priv(True)
    libtorrent.set_piece_hashes(maker, str(tmp_path))
    made = maker.generate()
    made[b"info"][b"source"] = b"TRACKER"
    assert libtorrent.torrent_info(made).info_hashes().v1.to_bytes() == ours.infohash


@pytest.mark.interop
def test_transmission_takes_it(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer("transmission")
    show = shutil.which("transmission-show")
    assert show, "transmission-show comes with transmission-cli"
    SampleTorrent({"a": 100_000, "b/c": 0, "b/d": 7}, piece_length=32 * KIB, name="x").write(tmp_path)
    metainfo = create(tmp_path / "x", piece_length=32 * KIB, trackers="http://a.example/announce", comment="käse")
    target = tmp_path / "x.torrent"
    metainfo.save(target)
    shown = subprocess.run([show, str(target)], capture_output=True, text=True, timeout=30, check=True).stdout
    for fact in (metainfo.infohash.hex(), "http://a.example/announce", "käse", "Piece Count: 4", "x/b/d"):
        assert fact in shown
    assert Metainfo.load(target) == metainfo


def test_another_thread_cancels_it(tmp_path: Path) -> None:
    cancel = threading.Event()
    path = tmp_path / "data"
    path.write_bytes(bytes(3_000_000))
    done: List[int] = []

    def progress(count: int, total: int) -> None:
        done.append(count)
        cancel.set()

    before = leaks.snapshot()
    with pytest.raises(Cancelled):
        create(path, piece_length=16 * 1024, threads=1, progress=progress, cancel=cancel)
    assert len(done) == 1
    assert leaks.leaks_since(before) == []
    assert create(path, cancel=threading.Event()).piece_count
