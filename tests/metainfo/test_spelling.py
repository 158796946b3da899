from __future__ import annotations

from typing import Any, Dict, List

import pytest

from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.metainfo.spelling import decoder, transcoded
from bittorrent_threads.testing.bencode import bencode


def parse(name: bytes, *paths: List[bytes], encoding: Any = None, **extra: Any) -> Metainfo:
    """A torrent of files of one byte each."""
    files = [{"length": 1, "path": path} for path in paths]
    info: Dict[str, Any] = {"name": name, "piece length": 16384, "pieces": bytes(20), **extra}
    info.update({"files": files} if files else {"length": 1})
    return Metainfo.parse(bencode({"info": info, **({} if encoding is None else {"encoding": encoding})}))


def paths(metainfo: Metainfo) -> List[str]:
    return ["/".join(file.path) for file in metainfo.files]


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("GBK", "gbk"),
        ("gb2312", "gb2312"),
        ("GB18030", "gb18030"),
        ("Big5", "big5"),
        ("Shift_JIS", "shift_jis"),
        ("EUC-KR", "euc_kr"),
        ("windows-1251", "cp1251"),
        ("ISO-8859-1", "latin_1"),
        ("iso-8859-15", "iso8859_15"),
        ("cp936", "gbk"),
        ("latin-1", "latin_1"),
        ("KOI8-R", "koi8_r"),
        ("UTF-8", None),
        ("utf8", None),
        ("ascii", None),
        ("no such", None),
        ("", None),
        # Codecs of Python that are no encodings of names; some take quadratic time, or change plain ASCII.
        ("idna", None),
        ("punycode", None),
        ("unicode_escape", None),
        ("utf-7", None),
        ("utf-16", None),
        ("rot13", None),
        ("zip", None),
        ("undefined", None),
        ("../x", None),
        ("x" * 10_000, None),
        (7, None),
        ([], None),
    ],
)
def test_encodings_that_names_are_decoded_by(label: Any, codec: Any) -> None:
    assert decoder(label.encode() if isinstance(label, str) else label) == codec


def test_names_in_gbk() -> None:
    metainfo = parse("音乐".encode("gbk"), ["第一首.mp3".encode("gbk")], [b"ascii"], encoding="GBK")
    assert paths(metainfo) == ["音乐/第一首.mp3", "音乐/ascii"]
    assert metainfo.spelling is not None
    assert metainfo.spelling.native() == [("音乐", "第一首.mp3"), ("音乐", "ascii")]
    raw = metainfo.spelling.others()[-1]
    assert ["/".join(path).encode("utf-8", "surrogateescape") for path in raw] == [
        "音乐/第一首.mp3".encode("gbk"),
        "音乐/ascii".encode("gbk"),
    ]


def test_names_in_latin_1() -> None:
    assert paths(parse("Motörhead".encode("latin-1"), encoding="ISO-8859-1")) == ["Motörhead"]
    assert paths(parse("Motörhead".encode("latin-1"))) == ["Mot_rhead"]


def test_a_name_that_looks_like_utf8_beside_others_that_do_not() -> None:
    word = "源".encode("gbk")
    assert word.decode() == "\u0534", "it is UTF-8 of an Armenian letter"
    assert paths(parse(word, ["公司".encode("gbk")], encoding="GBK")) == ["源/公司"]
    assert paths(parse(word, encoding="GBK")) == ["源"]
    assert paths(parse(word, encoding="ISO-8859-1")) == ["\u0534"]


def test_an_encoding_that_the_names_are_not_in() -> None:
    assert paths(parse("音乐".encode(), encoding="GBK")) == ["音乐"]  # UTF-8 all the same
    assert paths(parse(b"x", [b"\xff"], ["音".encode("gbk")], encoding="GBK")) == ["x/_", "x/音"]


def test_the_keys_in_utf8_come_first() -> None:
    info = {"name": "音乐".encode("gbk"), "name.utf-8": "音乐!", "piece length": 16384, "pieces": bytes(20)}
    metainfo = Metainfo.parse(bencode({"encoding": "GBK", "info": {**info, "length": 1}}))
    assert paths(metainfo) == ["音乐!"]
    assert metainfo.spelling is not None
    assert metainfo.spelling.others()[-1] == [("\udcd2\udcf4\udcc0\udcd6",)]
    file = {"length": 1, "path": ["乐".encode("gbk")], "path.utf-8": ["乐!"]}
    metainfo = Metainfo.parse(bencode({"info": {**info, "files": [file]}}))
    assert paths(metainfo) == ["音乐!/乐!"]
    assert metainfo.spelling is not None
    assert metainfo.spelling.others()[-1] == [("\udcd2\udcf4\udcc0\udcd6", "\udcc0\udcd6")]


def test_comments_are_decoded_likewise() -> None:
    info = {"name": "x", "piece length": 16384, "pieces": bytes(20), "length": 1, "source": "源".encode("gbk")}
    metainfo = Metainfo.parse(bencode({"encoding": "GBK", "comment": "好".encode("gbk"), "info": info}))
    assert (metainfo.comment, metainfo.source) == ("好", "源")


def test_a_torrent_with_one_name_everywhere_keeps_no_spelling() -> None:
    assert parse(b"x", [b"a"], [b"b", "ö.txt".encode()]).spelling is None
    assert parse(b"x").spelling is None
    assert parse(b"x", encoding="GBK").spelling is None


@pytest.mark.parametrize("path", [[b"a:"], [b"a", b"what?"], [b"A"], [b"\xff"], [b"end."]])
def test_a_torrent_with_several_names_for_a_file(path: List[bytes]) -> None:
    metainfo = parse(b"x", [b"a"], path)
    assert metainfo.spelling is not None
    assert metainfo.spelling.portable() == [file.path for file in metainfo.files]


def test_the_names_of_other_clients() -> None:
    spelling = parse(b"x:", [b"ReadMe"], [b"readme"]).spelling
    assert spelling is not None
    assert spelling.portable() == [("x_", "ReadMe"), ("x_", "readme.1")]
    assert spelling.native() == [("x:", "ReadMe"), ("x:", "readme")]
    assert spelling.others() == [
        [("x:", "ReadMe"), ("x:", "readme.1")],
        [("x_", "ReadMe"), ("x_", "readme")],
        [("x:", "ReadMe"), ("x:", "readme")],
    ]


def test_padding_has_no_claim_to_a_name() -> None:
    files = [{"length": 1, "path": ["a?"]}, {"attr": "p", "length": 1, "path": ["a?"]}, {"length": 1, "path": ["a?"]}]
    info = {"name": "x", "piece length": 16384, "pieces": bytes(20), "files": files}
    spelling = Metainfo.parse(bencode({"info": info})).spelling
    assert spelling is not None
    assert spelling.native() == spelling.others()[-1] == [("x", "a?"), ("x", "a_"), ("x", "a?.1")]


def test_texts_that_are_left_as_they_are() -> None:
    assert transcoded([b"a", "ö".encode()], "cp1252") == transcoded([b"a"], "gbk") == {}
    assert transcoded([b"\xff"], None) == {}
    assert transcoded([b"\xff", b"a", "音".encode("gbk")], "gbk") == {"音".encode("gbk"): "音".encode()}
