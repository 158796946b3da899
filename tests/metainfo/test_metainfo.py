from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
import random
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.children import Child
from support.infos import Info, multi, parse, single, without

from bittorrent_threads.errors import BencodeError, MetainfoError, StorageError
from bittorrent_threads.metainfo.bencode import MAX_DEPTH, MAX_TOKENS, encode
from bittorrent_threads.metainfo.file_list import TorrentFile
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.metainfo.metainfo import Metainfo, padding_pieces
from bittorrent_threads.testing.bencode import bencode


def test_single_file() -> None:
    info = single()
    metainfo = parse(info)
    assert metainfo.infohash == hashlib.sha1(bencode(info)).digest()
    assert metainfo.infohashes == InfoHash(metainfo.infohash)
    assert (metainfo.name, metainfo.multi_file) == ("file.bin", False)
    assert metainfo.files == (TorrentFile(("file.bin",), 100_000, False),)
    assert (metainfo.piece_length, metainfo.piece_count, metainfo.total_size) == (65536, 2, 100_000)
    assert metainfo.layout.piece_size(1) == 100_000 - 65536
    assert (metainfo.pieces, len(metainfo.hashes)) == (b"h" * 40, 2)
    assert (metainfo.trackers, metainfo.web_seeds, metainfo.private) == ((), (), False)
    assert (metainfo.comment, metainfo.created_by, metainfo.creation_date) == (None, None, None)


def test_everything_else() -> None:
    metainfo = parse(
        single(private=1),
        {
            "announce": "http://a/announce",
            "announce-list": [["http://b/announce"], ["udp://c:1"]],
            "url-list": "http://seed/",
            "comment": "käse\x1b[2J\tand\nbread\x00\u202e\u2066",
            "created by": "someone",
            "creation date": 1_600_000_000,
            "nodes": [],
        },
    )
    assert metainfo.trackers == (("http://b/announce",), ("udp://c:1",))
    assert metainfo.web_seeds == ("http://seed/",)
    assert metainfo.private
    assert metainfo.comment == "käse[2J\tand\nbread"
    assert (metainfo.created_by, metainfo.creation_date) == ("someone", 1_600_000_000)


def test_optional_keys_of_a_wrong_type_are_not_there() -> None:
    metainfo = parse(
        single(private="1", attr=5, **{"name.utf-8": 5, "meta version": "x"}),
        {"announce": 5, "announce-list": 6, "url-list": {}, "comment": [], "created by": {}, "creation date": "now"},
    )
    assert (metainfo.trackers, metainfo.web_seeds, metainfo.private) == ((), (), False)
    assert (metainfo.comment, metainfo.created_by, metainfo.creation_date) == (None, None, None)
    assert parse(single(), {"creation date": -1}).creation_date is None
    assert parse(single(), {"creation date": 2**62}).creation_date is None
    assert (parse(single(private=0)).private, parse(single(private=2)).private) == (False, True)


def test_infohash_is_that_of_the_bytes_in_the_file() -> None:
    canonical = bencode(single())
    unsorted = b"d" + b"".join(bencode(key) + bencode(single()[key]) for key in reversed(sorted(single()))) + b"e"
    metainfo = Metainfo.parse(b"d7:comment1:x4:info" + unsorted + b"e\r\n")
    assert metainfo.infohash == hashlib.sha1(unsorted).digest() != hashlib.sha1(canonical).digest()
    assert metainfo.total_size == 100_000
    # Only the outermost ``info`` counts, wherever it stands.
    nested = Metainfo.parse(b"d1:ad4:infod1:xi1eee4:info" + canonical + b"4:zzzz4:infoe")
    assert nested.infohash == hashlib.sha1(canonical).digest()


def test_keys_that_stand_twice() -> None:
    info = bencode(single())
    assert Metainfo.parse(b"d7:comment1:a7:comment1:b4:info" + info + b"e").comment == "b"
    assert Metainfo.parse(b"d4:info" + info + b"1:xd4:infoi1e4:infoi2eee")
    twice_inside = info[:-1] + b"6:pieces0:e"
    twice_deep = info[:-1] + b"1:xd1:yi1e1:yi2eee"
    for data in (
        b"d4:info" + info + b"4:info" + info + b"e",
        b"d4:info" + twice_inside + b"e",
        b"d4:info" + twice_deep + b"e",
    ):
        with pytest.raises(BencodeError, match=r"^info: .*occurs twice") as caught:
            Metainfo.parse(data)
        assert caught.value.key == "info"


MALFORMED: Dict[str, Tuple[Info, str, str]] = {
    "no info": ({}, "info", "is missing"),
    "info is a list": ({"info": []}, "info", "must be a dictionary, not a list"),
    "no name": ({"info": without(single(), "name")}, "info.name", "is missing"),
    "name is an integer": ({"info": single(name=1)}, "info.name", "must be a string, not an integer"),
    "no piece length": ({"info": without(single(), "piece length")}, "info.piece length", "is missing"),
    "piece length 0": ({"info": single(piece_length=0)}, "info.piece length", "must be from 1 to 536870912, not 0"),
    "piece length -1": ({"info": single(piece_length=-1)}, "info.piece length", "not -1"),
    "piece length beyond 512 MiB": ({"info": single(piece_length=2**29 + 1)}, "info.piece length", "not 536870913"),
    "piece length is text": ({"info": single(piece_length="65536")}, "info.piece length", "must be an integer"),
    "no pieces": ({"info": without(single(), "pieces")}, "info.pieces", "is missing"),
    "pieces is a list": ({"info": single(pieces=[])}, "info.pieces", "must be a string, not a list"),
    "half a hash": ({"info": single(pieces=b"h" * 41)}, "info.pieces", "41 bytes are no multiple of 20"),
    "a hash too few": ({"info": single(pieces=b"h" * 20)}, "info.pieces", "1 hashes for 2 pieces"),
    "a hash too many": ({"info": single(pieces=b"h" * 60)}, "info.pieces", "3 hashes for 2 pieces"),
    "too many pieces": (
        {"info": single(length=2**62)},
        "info.pieces",
        "70368744177664 pieces, where a torrent may have 2097152",
    ),
    "neither length nor files": ({"info": without(single(), "length")}, "info.length", "is missing"),
    "both length and files": ({"info": multi(length=5)}, "info.length", "only one of the two"),
    "length -1": ({"info": single(length=-1)}, "info.length", "not -1"),
    "length is a list": ({"info": single(length=[])}, "info.length", "must be an integer, not a list"),
    "no files": ({"info": multi(files=[])}, "info.files", "is empty"),
    "files is a dictionary": ({"info": multi(files={})}, "info.files", "must be a list, not a dictionary"),
    "file is a string": ({"info": multi(files=[b"x"])}, "info.files[0]", "must be a dictionary, not a string"),
    "file without length": ({"info": multi({"path": ["a"]})}, "info.files[0].length", "is missing"),
    "file of length -1": ({"info": multi({"length": -1, "path": ["a"]})}, "info.files[0].length", "not -1"),
    "file without path": (
        {"info": multi({"length": 1, "path": ["a"]}, {"length": 1})},
        "info.files[1].path",
        "is missing",
    ),
    "empty path": ({"info": multi({"length": 1, "path": []})}, "info.files[0].path", "must be a list of strings"),
    "path is a string": (
        {"info": multi({"length": 1, "path": "a"})},
        "info.files[0].path",
        "must be a list of strings",
    ),
    "path of integers": (
        {"info": multi({"length": 1, "path": ["a", 1]})},
        "info.files[0].path",
        "must be a list of str",
    ),
    "path too deep": (
        {"info": multi({"length": 1, "path": ["a"] * 101})},
        "info.files[0].path",
        "101 components, where a path may have 100",
    ),
    "files beyond 2^63": (
        {"info": multi({"length": 2**63 - 1, "path": ["a"]}, {"length": 1, "path": ["b"]})},
        "info.files",
        "9223372036854775808 bytes",
    ),
    "version 2 only": (
        {"info": {"name": "x", "meta version": 2, "piece length": 65536, "file tree": {}}},
        "info.meta version",
        "version 2 only",
    ),
    "version 3": ({"info": single(meta_version=3)}, "info.meta version", "version 3 is newer"),
}


@pytest.mark.parametrize("defect", MALFORMED)
def test_malformed(defect: str) -> None:
    document, key, reason = MALFORMED[defect]
    with pytest.raises(MetainfoError) as caught:
        Metainfo.parse(bencode(document))
    assert caught.value.key == key
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"{key}: ")


# -- from the bytes of info --------------------------------------------------------------------------------------------

TRACKERS = (("http://a/announce", "udp://b:1"), ("https://c/announce",))


@pytest.mark.parametrize("info", [single(), multi(), single(private=1, source="x"), single(meta_version=2)])
def test_from_info_and_through_a_file(info: Info) -> None:
    raw = bencode(info)
    metainfo = Metainfo.from_info(
        memoryview(raw),
        trackers=TRACKERS,
        web_seeds=["http://seed/"],
        comment="käse",
        created_by="someone",
        creation_date=5,
    )
    again = Metainfo.parse(metainfo.to_bytes())
    parsed = parse(
        info,
        {
            "announce": TRACKERS[0][0],
            "announce-list": list(map(list, TRACKERS)),
            "comment": "käse",
            "created by": "someone",
            "creation date": 5,
            "url-list": ["http://seed/"],
        },
    )
    assert metainfo.to_bytes() == parsed.to_bytes() == again.to_bytes()
    for field in dataclasses.fields(Metainfo):
        if field.name not in ("layout", "hashes"):
            assert getattr(metainfo, field.name) == getattr(again, field.name) == getattr(parsed, field.name), field
    assert metainfo.trackers == TRACKERS
    assert metainfo.infohashes == InfoHash.of(raw, v2=info.get("meta version") == 2)


@pytest.mark.parametrize(
    ("trackers", "kept"),
    [
        ((), ()),
        ([["http://a/"]], (("http://a/",),)),
        ([["http://a/", "http://a/"], ["http://a/"]], (("http://a/",),)),
        ([["ftp://a/"], [], ["http://b/ä"]], (("http://b/%C3%A4",),)),
    ],
)
def test_from_info_keeps_the_trackers_that_can_be_used(trackers: Sequence[Sequence[str]], kept: object) -> None:
    metainfo = Metainfo.from_info(bencode(single()), trackers=trackers, web_seeds=["udp://x:1", "http://s/"])
    assert metainfo.trackers == Metainfo.parse(metainfo.to_bytes()).trackers == kept
    assert metainfo.web_seeds == Metainfo.parse(metainfo.to_bytes()).web_seeds == ("http://s/",)
    assert not metainfo.trackers_trusted


def test_from_info_alone() -> None:
    raw = bencode(single())
    metainfo = Metainfo.from_info(raw)
    assert metainfo == parse(single())
    assert metainfo.to_bytes() == b"d4:info" + raw + b"e"
    assert (metainfo.trackers, metainfo.web_seeds, metainfo.comment, metainfo.creation_date) == ((), (), None, None)


def test_from_info_leaves_the_bytes_as_they_are() -> None:
    unsorted = b"d" + b"".join(bencode(key) + bencode(single()[key]) for key in reversed(sorted(single()))) + b"e"
    metainfo = Metainfo.from_info(unsorted)
    assert metainfo.infohash == hashlib.sha1(unsorted).digest()
    assert Metainfo.parse(metainfo.to_bytes()).infohash == metainfo.infohash


@pytest.mark.parametrize("defect", [name for name in MALFORMED if "info" in MALFORMED[name][0]])
def test_from_info_malformed(defect: str) -> None:
    document, key, reason = MALFORMED[defect]
    with pytest.raises(MetainfoError) as caught:
        Metainfo.from_info(bencode(document["info"]))
    assert caught.value.key == key
    assert reason in caught.value.reason


RAW = bencode(single())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "there is no data"),
        (b"d", "the data ends inside a value"),
        (RAW[:-1], "the data ends inside a value"),
        (RAW + b"1:x0:", "5 bytes follow the value"),
        (RAW + b"e", "1 bytes follow the value"),
        (RAW + b" ", "1 bytes follow the value"),
        (RAW[:-1] + b"6:pieces0:e", "occurs twice"),
        (RAW[:-1] + b"1:xd1:yi1e1:yi2eee", "occurs twice"),
        (b"l" * 99 + b"e" * 99, "must be a dictionary, not a list"),
        (b"l" * 100 + b"e" * 100, "more than 99 levels deep"),
        (b"l" + b"i0e" * MAX_TOKENS + b"e", "tokens"),
    ],
    ids=lambda value: value[-20:],
)
def test_from_info_that_is_not_one_dictionary(raw: bytes, reason: str) -> None:
    with pytest.raises(MetainfoError, match=reason):
        Metainfo.from_info(raw, trackers=TRACKERS)


def test_from_info_takes_nothing_that_parse_would_refuse() -> None:
    # As many levels and tokens as from_info takes, with as many trackers as it keeps.
    trackers = [[f"http://{number}/"] for number in range(1000)]
    deep = b"l" * (MAX_DEPTH - 2) + b"e" * (MAX_DEPTH - 2)
    for count in range(MAX_TOKENS - 10_000 - 2 * MAX_DEPTH - 100, MAX_TOKENS, 20):
        raw = RAW[:-1] + b"1:x" + deep + b"1:yl" + b"i0e" * count + b"ee"
        try:
            metainfo = Metainfo.from_info(raw, trackers=trackers, web_seeds=[url for (url,) in trackers])
        except BencodeError as error:
            assert error.reason == f"more than {MAX_TOKENS - 10_000} tokens"
            break
        assert len(Metainfo.parse(metainfo.to_bytes()).trackers) == 500
    else:
        pytest.fail("every number of tokens was taken")


def test_hashes_are_put_in_place_of_others() -> None:
    outer = {"comment": "x", "zeta": 1}
    blank = Metainfo.parse(bencode({"info": single(pieces=bytes(40)), **outer}))
    metainfo = blank.with_pieces(b"\x07" * 40)
    assert metainfo.to_bytes() == bencode({"info": single(pieces=b"\x07" * 40), **outer})
    assert (metainfo.infohash, metainfo.pieces) == (Metainfo.parse(metainfo.to_bytes()).infohash, b"\x07" * 40)


def test_more_tokens_are_taken_by_those_who_raise_the_limit_of_size() -> None:
    raw = RAW[:-1] + b"1:xl" + b"i0e" * MAX_TOKENS + b"ee"
    with pytest.raises(MetainfoError, match="tokens"):
        Metainfo.from_info(raw)
    assert Metainfo.from_info(raw, max_size=64 * 1024 * 1024)


def test_from_info_has_the_same_limit_of_size() -> None:
    size = len(Metainfo.from_info(RAW).to_bytes())
    assert Metainfo.from_info(RAW, max_size=size)
    with pytest.raises(MetainfoError, match=f"{size} bytes, where a .torrent file may have {size - 1}"):
        Metainfo.from_info(RAW, max_size=size - 1)
    with pytest.raises(MetainfoError, match=f"info: {len(RAW)} bytes, where a .torrent file may have 10"):
        Metainfo.from_info(RAW, max_size=10)


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"<html>", b"le", b"i1e", b"3:abc", b"de", b"d4:info"], ids=repr)
def test_no_torrent_at_all(data: bytes) -> None:
    with pytest.raises(MetainfoError):
        Metainfo.parse(data)


def test_size_has_a_limit() -> None:
    data = bencode({"info": single()})
    assert Metainfo.parse(data, max_size=len(data))
    with pytest.raises(MetainfoError, match=f"{len(data)} bytes, where a .torrent file may have {len(data) - 1}"):
        Metainfo.parse(data, max_size=len(data) - 1)
    with pytest.raises(MetainfoError, match=str(32 * 1024 * 1024)):
        Metainfo.parse(bytes(32 * 1024 * 1024 + 1))


def test_the_longest_lengths_that_may_be() -> None:
    assert parse(single(piece_length=2**29, pieces=b"h" * 20)).layout.piece_size(0) == 100_000
    assert parse(multi({"length": 1, "path": ["a"] * 100})).files[0].path == ("folder", *["a"] * 100)


def test_torrent_without_a_byte() -> None:
    metainfo = parse(multi({"length": 0, "path": ["a"]}))
    assert (metainfo.total_size, metainfo.piece_count, len(metainfo.hashes)) == (0, 0, 0)


def test_hybrid_is_taken_for_version_1() -> None:
    tree = {"a": {"": {"length": 65536, "pieces root": b"r" * 32}}}
    info = {**multi(), "meta version": 2, "file tree": tree}
    metainfo = parse(info, {"piece layers": {}})
    assert metainfo.infohash == hashlib.sha1(bencode(info)).digest()
    assert metainfo.infohashes == InfoHash(metainfo.infohash, hashlib.sha256(bencode(info)).digest())
    assert metainfo.piece_count == 2


def test_equal_if_the_infohash_is() -> None:
    one, same, other = parse(single()), parse(single(), {"comment": "x"}), parse(single(name="y"))
    assert one == same != other
    assert {one, same, other} == {one, other}
    assert one != one.infohash
    assert pickle.loads(pickle.dumps(one)).files == one.files
    with pytest.raises(AttributeError):
        one.name = "z"  # type: ignore[misc]


def test_repr_says_what_it_is() -> None:
    metainfo = parse(multi())
    assert repr(metainfo) == (
        f"<Metainfo 'folder' {metainfo.infohash.hex()}: 65545 bytes in 3 files, 2 pieces of 65536>"
    )


def test_saved_and_loaded_byte_for_byte(tmp_path: Path) -> None:
    data = bencode({"info": single(), "zzz": [1, {"unknown": "x"}]}) + b"\n"
    metainfo = Metainfo.parse(bytearray(data))
    assert metainfo.to_bytes() == data
    target = tmp_path / "t.torrent"
    target.write_bytes(b"before")
    metainfo.save(target)
    metainfo.save(str(target))
    assert target.read_bytes() == data
    assert os.listdir(tmp_path) == ["t.torrent"]
    assert Metainfo.load(target) == Metainfo.load(str(target)) == metainfo


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are those of POSIX")
def test_saved_into_a_pipe(tmp_path: Path) -> None:
    metainfo = parse(single())
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        metainfo.save(pipe)
        assert os.read(reader, 10_000) == metainfo.to_bytes()
    finally:
        os.close(reader)
    assert os.listdir(tmp_path) == ["pipe"]


def test_failed_save_leaves_nothing(tmp_path: Path) -> None:
    metainfo = parse(single())
    (tmp_path / "folder" / "full").mkdir(parents=True)
    for target in (tmp_path / "missing" / "t.torrent", tmp_path / "folder", Path("/")):
        with pytest.raises(StorageError) as caught:
            metainfo.save(target)
        assert caught.value.path == str(target)
    assert os.listdir(tmp_path) == ["folder"]


def loaded(path: Any, **options: Any) -> MetainfoError:
    with pytest.raises(MetainfoError) as caught:
        Metainfo.load(path, **options)
    return caught.value


def test_files_that_cannot_be_loaded(tmp_path: Path) -> None:
    torrent = tmp_path / "t.torrent"
    missing = loaded(torrent)
    assert (missing.source, missing.reason) == (str(torrent), "No such file or directory")
    assert isinstance(missing.__cause__, OSError)
    assert str(loaded(tmp_path)) == f"{tmp_path}: is a folder, not a .torrent file"
    torrent.write_bytes(b"")
    assert str(loaded(torrent)) == f"{torrent}: is empty (at byte 0)"
    torrent.write_bytes(b"<html>")
    assert str(loaded(torrent)) == f"{torrent}: is not a .torrent file, which begins with 'd' (at byte 0)"
    torrent.unlink()
    assert "null" in loaded("a\0b").reason
    torrent.write_bytes(bencode({"info": single(name=5)}))
    assert str(loaded(torrent)) == f"{torrent}: info.name: must be a string, not an integer"
    torrent.write_bytes(b"hello")
    assert str(loaded(torrent)).startswith(f"{torrent}: is not a .torrent file")
    torrent.write_bytes(bytes(101))
    assert loaded(torrent, max_size=100).reason == "more than the 100 bytes a .torrent file may have"


def test_damaged_torrents_are_metainfo_errors() -> None:
    chance = random.Random(0)
    whole = bencode({"info": multi(), "announce": "http://a/", "announce-list": [["udp://b:1"]], "comment": "x"})
    parsed = 0
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 1, 2, 5])):
            data[chance.randrange(len(data))] = chance.choice(b"0123456789:delixp-/\x00\xff")
        try:
            metainfo = Metainfo.parse(bytes(data))
        except MetainfoError:
            continue
        parsed += 1
        assert metainfo.piece_count == len(metainfo.hashes)
        assert metainfo.total_size == sum(file.length for file in metainfo.files)
    assert 0 < parsed < 3000


# -- properties ------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([b"a", b"A", b"b.txt", b"..", b"", b"con", b"x" * 300, b"\xff", "\u00e4".encode(), b"a/b"])
NAMES |= st.binary(max_size=8)
LENGTHS = st.integers(0, 9) | st.integers(0, 3 * 2**20)
ENTRIES = st.fixed_dictionaries(
    {b"length": LENGTHS, b"path": st.lists(NAMES, min_size=1, max_size=3)},
    optional={
        b"attr": st.sampled_from([b"p", b"x", b"l", b""]),
        b"path.utf-8": st.lists(NAMES, min_size=1, max_size=3),
        b"other": st.integers(0, 5),
    },
)
INFOS = st.fixed_dictionaries(
    {b"name": NAMES, b"piece length": st.sampled_from([1, 5, 16384, 2**20]), b"files": st.lists(ENTRIES, min_size=1)},
    optional={b"private": st.integers(-1, 2), b"source": NAMES, b"meta version": st.just(2), b"name.utf-8": NAMES},
)


def lengths_of(info: Dict[bytes, Any]) -> List[int]:
    return [0 if b"l" in entry.get(b"attr", b"") else entry[b"length"] for entry in info[b"files"]]


def completed(info: Dict[bytes, Any]) -> Dict[bytes, Any]:
    """With as many hashes as there are pieces, unless these are too many for a test."""
    size = sum(lengths_of(info))
    shortest = next(length for length in (info[b"piece length"], 2**20) if size // length < 1000)
    return {**info, b"piece length": shortest, b"pieces": b"h" * 20 * -(-size // shortest)}


@given(INFOS.map(completed))
def test_any_torrent_adds_up(info: Dict[bytes, Any]) -> None:
    raw = encode(info)
    metainfo = Metainfo.from_info(raw)
    assert [file.length for file in metainfo.files] == lengths_of(info)
    assert metainfo.total_size == sum(lengths_of(info))
    assert metainfo.piece_count == len(metainfo.hashes) == len(info[b"pieces"]) // 20
    assert [file.pad for file in metainfo.files] == [b"p" in entry.get(b"attr", b"") for entry in info[b"files"]]
    assert metainfo.private == (info.get(b"private", 0) != 0)
    assert metainfo.infohashes.matches(raw)
    assert (metainfo.infohashes.v2 is not None) == (b"meta version" in info)
    paths = [file.path for file in metainfo.files if not file.pad]
    folded = {tuple(name.casefold() for name in path) for path in paths}
    assert len(folded) == len(paths), "no two files have one path, on systems that ignore case too"
    assert not any(path[:depth] in folded for path in folded for depth in range(1, len(path))), "no file is a folder"
    for file in metainfo.files:
        assert file.path[0] == metainfo.name
        assert len(file.path) > 1
        assert not any(name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name for name in file.path)


@given(INFOS.map(completed))
def test_padding_pieces_are_those_without_a_byte_of_a_file(info: Dict[bytes, Any]) -> None:
    metainfo = Metainfo.from_info(encode(info))
    real = {
        index
        for number, file in enumerate(metainfo.files)
        if not file.pad
        for index in metainfo.layout.file_pieces(number)
    }
    ranges = padding_pieces(metainfo)
    assert [index for pieces in ranges for index in pieces] == sorted({*range(metainfo.piece_count)} - real)
    assert all(ranges), "none is empty"


@given(INFOS.map(completed), st.data())
def test_a_damaged_torrent_is_an_error_or_adds_up(info: Dict[bytes, Any], data: st.DataObject) -> None:
    raw = bytearray(b"d8:announce9:http://a/4:info" + encode(info) + b"e")
    for _ in range(data.draw(st.integers(1, 3), "damages")):
        at = data.draw(st.integers(0, len(raw) - 1), "at")
        raw[at] = data.draw(st.sampled_from(b"0123456789:delix-/\x00\xff"), "instead")
    try:
        metainfo = Metainfo.parse(raw)
    except MetainfoError as error:
        assert str(error).isprintable()
        return
    assert metainfo.piece_count == len(metainfo.hashes)
    assert metainfo.total_size == sum(file.length for file in metainfo.files)
    assert metainfo.to_bytes() == raw


def libtorrent_says(data: bytes) -> Any:
    import libtorrent

    decoded: Any = libtorrent.bdecode(data)
    return libtorrent.torrent_info(decoded)


@pytest.mark.interop
def test_libtorrent_reads_the_same(require_peer: Callable[[str], str]) -> None:
    require_peer("libtorrent")
    torrents: List[Info] = [
        single(),
        multi(),
        multi({"length": 5, "path": ["x", "y.txt"]}, {"length": 5, "path": ["x", "Y.TXT"]}),
        multi(
            {"length": 5, "path": ["a"]}, {"length": 65531, "attr": "p", "path": [".pad"]}, {"length": 1, "path": ["b"]}
        ),
        multi({"length": 5, "path": ["..", "a\x00b", "c\u202ed"]}),
    ]
    for info in torrents:
        data = bencode({"info": info, "announce": "http://a/announce"})
        ours, theirs = Metainfo.parse(data), libtorrent_says(data)
        storage = theirs.layout() if hasattr(theirs, "layout") else theirs.files()  # by version
        assert ours.infohash.hex() == str(theirs.info_hashes().v1)
        assert (ours.name, ours.piece_length, ours.piece_count) == (
            theirs.name(),
            theirs.piece_length(),
            theirs.num_pieces(),
        )
        assert ours.total_size == theirs.total_size()
        assert [file.length for file in ours.files] == [storage.file_size(at) for at in range(storage.num_files())]
        for at, file in enumerate(ours.files):
            assert file.pad == bool(storage.file_flags(at) & storage.flag_pad_file)


# -- what a .torrent of at most 10 MB may cost: a second of the processor and 150 MB ---------------------------------

TORRENTS = {
    "trackers that are no URLs": 'outer(b"13:announce-listl" + b"l" + b"9:http://[x" * 850_000 + b"ee")',
    "trackers of a tier each": 'outer(b"13:announce-listl" + b"l9:http://[xe" * 500_000 + b"e")',
    "web seeds that are no URLs": 'outer(b"8:url-listl" + b"9:http://[x" * 800_000 + b"e")',
    "deep paths": 'files(b"4:path" + lst(b"%x" % n, *[b"a"] * 98) for n in range(18_500))',
    "names that differ": 'files(b"4:path" + lst(*[b"%x.%x" % (n, m) for m in range(99)]) for n in range(9000))',
    "equal names": 'files(b"4:pathl1:ae" for n in range(240_000))',
    "lists in lists": 'outer(b"1:xl" + (b"l" * 97 + b"e" * 97) * 51_000 + b"e")',
    "dictionaries in dictionaries": 'outer(b"1:xl" + (b"d0:" * 97 + b"0:" + b"e" * 97) * 25_000 + b"e")',
    "one key": 'outer(b"1:xd" + b"1:a0:" * 990_000 + b"e")',
    "one key outside": 'outer(b"1:a0:" * 990_000)',
    "long integers": 'outer(b"1:xl" + b"i9223372036854775807e" * 450_000 + b"e")',
}

PROGRAM = """
    import gc, time
    from bittorrent_threads.errors import MetainfoError
    from bittorrent_threads.metainfo.metainfo import Metainfo

    def outer(text):
        return b"d" + text + b"4:infod6:lengthi0e4:name1:x12:piece lengthi1e6:pieces0:ee"

    def files(entries):
        entries = b"".join([b"d6:lengthi0e" + entry + b"e" for entry in entries])
        return b"d4:infod5:filesl" + entries + b"e4:name1:x12:piece lengthi1e6:pieces0:ee"

    def lst(*texts):
        return b"l" + b"".join([b"%d:%s" % (len(text), text) for text in texts]) + b"e"

    def unit():
        # What this machine is worth today, about 0.1 s.
        began, found = time.process_time(), {}
        for number in range(1_000_000):
            found[number & 1023] = [str(number)]
        return time.process_time() - began

    def kibibytes(key):
        with open("/proc/self/status") as file:
            return int(file.read().split(key)[1].split()[0])

    data = TORRENT
    assert len(data) <= 10_000_000, len(data)
    gc.collect()
    usual = min(unit() for _ in range(3))
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak of memory begins anew
    before, times = kibibytes("VmRSS:"), []
    for _ in range(3):  # the rest of the machine may make one of them slow
        began = time.process_time()
        try:
            Metainfo.parse(data)
        except MetainfoError:
            pass
        times.append(time.process_time() - began)
        gc.collect()
        if times[-1] < 8 * usual:
            break
    print(min(times) / usual, (kibibytes("VmHWM:") - before) / 1024)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="peaks of memory are those of Linux")
@pytest.mark.parametrize("kind", TORRENTS)
def test_torrents_of_any_kind_are_cheap(kind: str) -> None:
    with Child(PROGRAM.replace("TORRENT", TORRENTS[kind])) as child:
        units, mebibytes = map(float, child.line().split())
        child.end()
    assert units < 16  # up to 10, which is less than a second; half as much more beside programs that use the caches
    assert mebibytes < 150, (units, mebibytes)


def test_the_bytes_of_info_are_those_that_were_hashed() -> None:
    info = encode({"length": 3, "name": "n", "piece length": 16384, "pieces": bytes(20)})
    parsed = Metainfo.parse(b"d8:announce8:http://t4:info" + info + b"e")
    for metainfo in (parsed, Metainfo.from_info(info, trackers=[["http://t"]], comment="c")):
        assert metainfo.info_bytes() == info
        assert metainfo.info_size == len(info)
        assert (metainfo.info_bytes(2, 5), metainfo.info_bytes(len(info) - 1, 10**6)) == (info[2:5], b"e")


def test_a_text_is_no_torrent() -> None:
    wrong: Any = "d4:infoe"
    with pytest.raises(TypeError, match="is bytes, not str"):
        Metainfo.parse(wrong)
