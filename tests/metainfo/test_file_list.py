"""The files of a torrent, as Metainfo has them."""

from __future__ import annotations

import pytest
from support.infos import multi, parse, single

from bittorrent_threads.errors import BencodeError, MetainfoError
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.metainfo.file_list import (
    MAX_TOTAL_SIZE,
    TorrentFile,
    encoded_files,
    file_tokens,
    read_files,
)
from bittorrent_threads.metainfo.layout import Span


def test_files_in_a_folder() -> None:
    metainfo = parse(multi())
    assert (metainfo.name, metainfo.multi_file) == ("folder", True)
    assert metainfo.files == (
        TorrentFile(("folder", "a"), 65536),
        TorrentFile(("folder", "b", "c"), 0),
        TorrentFile(("folder", "d"), 9),
    )
    assert metainfo.layout.piece_spans(1) == [Span(2, 0, 9)]


def test_one_file_in_a_folder_is_not_a_single_file() -> None:
    metainfo = parse(multi({"length": 1, "path": ["folder"]}))
    assert (metainfo.multi_file, metainfo.files[0].path) == (True, ("folder", "folder"))


def test_names_stay_below_the_folder() -> None:
    metainfo = parse(multi({"length": 1, "path": ["..", "..", "x"]}, {"length": 1, "path": ["/a"]}, name="../up"))
    assert [file.path for file in metainfo.files] == [(".._up", "_", "_", "x"), (".._up", "_a")]
    assert metainfo.name == ".._up"
    assert parse(single(name="..")).files[0].path == ("_",)
    assert parse(single(name="")).name == "_"


def test_files_of_one_name() -> None:
    metainfo = parse(
        multi({"length": 1, "path": ["A"]}, {"length": 2, "path": ["a"]}, {"length": 3, "path": ["a", "b"]})
    )
    assert [file.path[1:] for file in metainfo.files] == [("A.1",), ("a.2",), ("a", "b")]


def test_utf8_names_are_preferred_where_they_are_utf8() -> None:
    good = {"length": 1, "path": [b"\xff"], "path.utf-8": ["ä"]}
    bad = {"length": 1, "path": ["b"], "path.utf-8": [b"\xff"]}
    wrong = {"length": 1, "path": ["c"], "path.utf-8": ["d", 1]}
    metainfo = parse(multi(good, bad, wrong, **{"name.utf-8": "näme"}))
    assert [file.path for file in metainfo.files] == [("näme", "ä"), ("näme", "b"), ("näme", "c")]
    assert parse(single(**{"name.utf-8": b"\xff"})).name == "file.bin"


def test_padding() -> None:
    metainfo = parse(
        multi(
            {"length": 1, "path": ["a"]},
            {"length": 65535, "attr": "p", "path": [".pad", "65535"]},
            {"length": 1, "path": ["b"]},
            {"length": 65535, "attr": "xp"},
            {"length": 1, "attr": "p", "path": ["a"]},
            {"length": 1, "attr": "hx", "path": [".pad"]},
        )
    )
    assert [file.pad for file in metainfo.files] == [False, True, False, True, True, False]
    assert [file.path[1:] for file in metainfo.files] == [
        *[("a",), (".pad", "65535"), ("b",), (".pad", "65535")],
        *[("a",), (".pad",)],  # padding takes no name from a file
    ]


def test_links_are_empty_files() -> None:
    metainfo = parse(
        multi(
            {"length": 1, "path": ["a"]},
            {"attr": "l", "path": ["link"], "symlink path": ["..", "..", "etc", "passwd"]},
            {"attr": "lx", "path": ["long"], "symlink path": ["a"], "length": 0},
        )
    )
    assert metainfo.files[1:] == (TorrentFile(("folder", "link"), 0), TorrentFile(("folder", "long"), 0))


def test_many_files() -> None:
    files = [{"length": number % 3, "path": [f"d{number % 100}", f"{number}.txt"]} for number in range(3000)]
    metainfo = parse(multi(*files))
    assert len(metainfo.files) == 3000
    assert metainfo.total_size == 3000
    assert metainfo.files[2999] == TorrentFile(("folder", "d99", "2999.txt"), 2)


def test_the_longest_file() -> None:
    (file,), spelling = read_files({b"name": b"x", b"length": MAX_TOTAL_SIZE}, None)
    assert (file, spelling) == (TorrentFile(("x",), 2**63 - 1), None)


def test_the_error_names_the_file() -> None:
    entries = [{b"length": 1, b"path": [b"a"]}, {b"length": b"1", b"path": [b"b"]}]
    with pytest.raises(MetainfoError, match=r"^info\.files\[1\]\.length: must be an integer, not a string$"):
        read_files({b"name": b"x", b"files": entries}, None)


def test_a_spelling_is_kept_where_portable_names_differ() -> None:
    _, spelling = read_files({b"name": b"a:b", b"length": 1}, None)
    assert spelling is not None
    assert (spelling.portable(), spelling.native()) == ([("a_b",)], [("a:b",)])


def test_the_list_of_a_new_torrent_is_what_the_encoder_writes_and_the_decoder_counts() -> None:
    files = [(5, [b"a"]), (0, [b"b", b"c" * 12, b"d"]), (2**40, [b"\xc3\xa4"])]
    encoded = encoded_files(files)
    assert encoded == bencode.encode([{"length": length, "path": path} for length, path in files])
    assert encoded_files([]) == b"le"
    tokens = file_tokens(len(path) for _, path in files)
    assert tokens == 36
    assert len(bencode.decode(encoded, max_tokens=tokens)) == 3
    with pytest.raises(BencodeError):
        bencode.decode(encoded, max_tokens=tokens - 1)
