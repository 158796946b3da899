"""Torrents that torf makes of the same content and arguments as this library."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import bittorrent_threads as bt
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

pytestmark = pytest.mark.interop
FILES = {"B.BIN": 70_000, "a.bin": 9, "a-b.txt": 1, "a.d/b.tmp": 2, "a.d/c/d.bin": 200_000}
DATE = 1_700_000_000


@pytest.fixture
def torf(require_peer: Callable[[str], str]) -> Any:
    require_peer("torf")
    import torf as module

    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    SampleTorrent(FILES, name="x").write(tmp_path)
    return tmp_path / "x"


def decoded(data: bytes) -> Dict[bytes, Any]:
    found: Dict[bytes, Any] = bencode.decode(data)
    return found


def theirs(torf: Any, root: Path, **arguments: Any) -> Any:
    torrent = torf.Torrent(root, created_by="x", **{"piece_size": 32 * KIB, **arguments})
    torrent.generate()
    return torrent


def ours(root: Path, **arguments: Any) -> bt.Metainfo:
    return bt.create(root, created_by="x", **{"piece_length": 32 * KIB, "creation_date": DATE, **arguments})


@pytest.mark.parametrize("length", [16 * KIB, 64 * KIB, MIB])
def test_pieces_of_any_length(torf: Any, root: Path, length: int) -> None:
    made = ours(root, piece_length=length)
    torrent = theirs(torf, root, piece_size=length)
    assert torrent.infohash == made.infohash.hex()
    pieces: bytes = decoded(made.to_bytes())[b"info"][b"pieces"]
    assert b"".join(torrent.hashes) == pieces


@pytest.mark.parametrize("length", [0, -16384, 16383, 16 * KIB + 1, 24 * KIB, "16K"])
def test_lengths_that_neither_takes(torf: Any, root: Path, length: Any) -> None:
    with pytest.raises(bt.SettingsError, match="piece_length"):
        ours(root, piece_length=length)
    with pytest.raises((torf.PieceSizeError, ValueError, TypeError)):
        theirs(torf, root, piece_size=length)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"private": True},
        {"source": "TRACKER"},
        {"source": "käse"},
        {"private": True, "source": "TRACKER", "comment": "ünder", "creation_date": DATE},
        {"trackers": ["http://a/announce"]},
        {"trackers": [["http://a/announce", "udp://b:1"], ["https://c/announce"]]},
        {"trackers": [["http://a/announce"], ["http://b/announce"]], "comment": "two\nlines"},
    ],
    ids=str,
)
def test_the_same_bytes(torf: Any, root: Path, arguments: Dict[str, Any]) -> None:
    date = {"creation_date": datetime.datetime.fromtimestamp(DATE)}
    torrent = theirs(torf, root, **{**arguments, **date})
    made = ours(root, **arguments)
    assert decoded(torrent.dump()) == decoded(made.to_bytes())
    assert torrent.dump() == made.to_bytes()


@pytest.mark.parametrize("seeds", [["http://s/x"], ["http://s/x", "https://t/y/"]])
def test_web_seeds(torf: Any, root: Path, tmp_path: Path, seeds: List[str]) -> None:
    torrent = theirs(torf, root, webseeds=seeds)
    torrent.write(tmp_path / "theirs.torrent")
    made = ours(root, web_seeds=seeds, output=tmp_path / "ours.torrent")
    assert bt.Metainfo.load(tmp_path / "theirs.torrent").web_seeds == made.web_seeds
    assert [str(seed) for seed in torf.Torrent.read(tmp_path / "ours.torrent").webseeds] == seeds


@pytest.mark.parametrize(
    ("globs", "patterns"),
    [
        (["*.tmp"], ["*.tmp"]),
        (["x/a.d/*"], ["a.d"]),
        (["x/a.d/c/*"], ["a.d/c/*"]),
        (["*.bin"], ["*.bin", "*.BIN"]),
    ],
)
def test_the_same_files_are_left_out(torf: Any, root: Path, globs: List[str], patterns: List[str]) -> None:
    torrent = theirs(torf, root, exclude_globs=globs)
    made = ours(root, exclude=patterns)
    assert [list(file.parts) for file in torrent.files] == [list(file.path) for file in made.files]
    assert torrent.infohash == made.infohash.hex()
    assert len(made.files) < len(FILES)


def test_hidden_files_are_left_out_as_by_torf_if_asked(torf: Any, root: Path) -> None:
    (root / ".hidden").write_bytes(b"h")
    (root / ".folder").mkdir()
    (root / ".folder" / "file").write_bytes(b"f")
    (root / "empty").touch()
    assert theirs(torf, root).infohash == ours(root, hidden=False).infohash.hex() != ours(root).infohash.hex()


def test_the_infohash_is_that_of_the_content_and_not_of_the_moment(torf: Any, root: Path) -> None:
    made = ours(root)
    assert ours(root, creation_date=DATE + 1, comment="other", trackers="http://a/").infohash == made.infohash
    others = {ours(root, source=f"copy {number}").infohash for number in range(3)}
    assert len({*others, made.infohash}) == 4, "the source makes another infohash where torf takes randomize_infohash"
    unique = theirs(torf, root, randomize_infohash=True)
    assert unique.infohash != made.infohash.hex()
    assert bt.Metainfo.parse(unique.dump()).infohash.hex() == unique.infohash, "its key stays in what is hashed"


@pytest.mark.parametrize("single", [True, False], ids=["file", "folder"])
def test_each_finds_the_damage_in_what_the_other_made(torf: Any, root: Path, tmp_path: Path, single: bool) -> None:
    content = root / "B.BIN" if single else root
    made = ours(content, output=tmp_path / "ours.torrent")
    torrent = theirs(torf, content)
    torrent.write(tmp_path / "theirs.torrent")
    read = torf.Torrent.read(tmp_path / "ours.torrent")
    read.validate()
    assert read.verify(content)
    assert read.mode == ("singlefile" if single else "multifile")
    quiet = bt.Settings(dht=False, local_discovery=False)
    with bt.Client(tmp_path / "theirs.torrent", content.parent, state="stopped", settings=quiet) as client:
        assert client.hashcheck().failed == ()
        with open(root / "B.BIN", "r+b") as file:
            file.seek(40_000)
            file.write(b"damage")
        failed = client.hashcheck().failed
        assert len(failed) == 1
    with pytest.raises(torf.VerifyContentError) as caught:
        read.verify(content)
    assert caught.value.piece_index == failed[0]
    assert made.infohash.hex() == torrent.infohash


def test_what_neither_makes(torf: Any, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    for path in (tmp_path / "missing", tmp_path / "nothing"):
        with pytest.raises(bt.StorageError):
            ours(path)
        with pytest.raises(torf.TorfError):
            theirs(torf, path)


@pytest.mark.parametrize("url", ["foo", "http://", "http://a:99999/announce", "http://a:port/announce"])
def test_trackers_that_neither_takes(torf: Any, root: Path, url: str) -> None:
    with pytest.raises(bt.SettingsError, match="trackers"):
        ours(root, trackers=url)
    with pytest.raises(torf.URLError):
        theirs(torf, root, trackers=[url])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_files_that_cannot_be_read(torf: Any, root: Path) -> None:
    (root / "a.bin").chmod(0)
    with pytest.raises(bt.StorageError, match=r"a\.bin"):
        ours(root)
    with pytest.raises(torf.ReadError):
        theirs(torf, root)
