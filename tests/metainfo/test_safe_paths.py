from __future__ import annotations

import random
import unicodedata
from typing import Callable, Dict, List, Tuple

import pytest

from bittorrent_threads.errors import MetainfoError
from bittorrent_threads.metainfo import safe_paths as module
from bittorrent_threads.metainfo.safe_paths import (
    HIDDEN_FOLDER,
    MAX_NAME,
    MAX_NATIVE_NAME,
    NATIVE,
    PORTABLE,
    chosen_path,
    in_the_way,
    native_name,
    native_paths,
    raw_paths,
    safe_name,
    safe_paths,
)

NAMES = {
    # as it was
    "plain.txt": "plain.txt",
    ".hidden": ".hidden",
    "a b.tar.gz": "a b.tar.gz",
    "naïve \u2013 ファイル.txt": "naïve \u2013 ファイル.txt",
    "com99.txt": "com99.txt",
    "console.log": "console.log",
    "auxiliary": "auxiliary",
    "nul-modem": "nul-modem",
    "BitTorrent.txt": "BitTorrent.txt",
    # no way out of the folder
    "": "_",
    ".": "_",
    "..": "_",
    "...": "_",
    ". .": "_",
    "../../etc/passwd": ".._.._etc_passwd",
    "..\\..\\x": ".._.._x",
    "/etc/passwd": "_etc_passwd",
    "C:\\Windows": "C__Windows",
    "C:": "C_",
    "file:stream": "file_stream",
    ".\u200b.": "_",
    "\u202e..": "_",
    # what Windows takes away or refuses
    "trailing.": "trailing",
    "trailing ": "trailing",
    "trailing. . ": "trailing",
    " leading": "leading",
    'a*b?c"d<e>f|g': "a_b_c_d_e_f_g",
    "CON": "CON_",
    "con.txt": "con_.txt",
    "nul .txt": "nul_.txt",
    "COM1": "COM1_",
    "lpt9.tar.gz": "lpt9_.tar.gz",
    "com\u00b9.txt": "com\u00b9_.txt",
    "CONIN$": "CONIN$_",
    " prn. ": "prn_",
    # what cannot be seen
    "a\x00b": "a_b",
    "line\r\nfeed": "line__feed",
    "esc\x1b[2J": "esc_[2J",
    "del\x7fc1\x85": "del_c1_",
    "para\u2029graph": "para_graph",
    "invoice\u202efdp.exe": "invoicefdp.exe",
    "zero\u200bwidth\ufeff\u2060\u061c": "zerowidth",
    # ours
    ".bittorrent_threads": "_bittorrent_threads",
    ".BitTorrent_Threads.old": "_BitTorrent_Threads.old",
    ".bittorrent_thread\u017f": "_bittorrent_thread\u017f",
    ".bittorrent\u200b_threads": "_bittorrent_threads",
    "BITTOR~1": "_ITTOR~1",
}


def test_names() -> None:
    assert {name: safe_name(name.encode()) for name in NAMES} == NAMES
    assert {name: safe_paths((), [[name.encode()]])[0][0] for name in NAMES} == NAMES


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"\xff.txt", "_.txt"),
        (b"\xc0\xaf\xc0\xae", "____"),  # "/." in overlong UTF-8
        (b"\xed\xa0\x80", "___"),  # a surrogate
        (b"caf\xe9", "caf_"),
        (b"half\xe3\x83", "half_"),
    ],
)
def test_what_is_not_utf8(raw: bytes, name: str) -> None:
    assert safe_name(raw) == name


def test_long_names_keep_their_extension() -> None:
    assert safe_name(b"a" * 240) == "a" * 240
    assert safe_name(b"a" * 241) == "a" * 240
    assert safe_name(b"a" * 300 + b".tar") == "a" * 236 + ".tar"
    assert safe_name(("é" * 200 + ".txt").encode()) == "é" * 118 + ".txt"
    assert safe_name(("x" + "é" * 200).encode()) == "x" + "é" * 119
    assert safe_name(b"a." + b"b" * 300) == "a." + "b" * 238
    assert safe_name(b"a" * 239 + b" " + b"b" * 99) == "a" * 239
    assert safe_name(b"con" + b" " * 300 + b"x") == "con_"


def test_every_name_is_safe_and_stays_as_it_is() -> None:
    chance = random.Random(0)
    alphabet = [
        *"abcCONcon1.  /\\:~",
        "\x00",
        "\x9f",
        "\u200b",
        "é",
        "e\u0301",
        "\u017f",
        "\U0001f600",
        ".bittorrent_threads",
        "lpt1",
    ]
    for _ in range(4000):
        raw = "".join(chance.choices(alphabet, k=chance.choice([1, 2, 4, 8, 260]))).encode()
        if chance.random() < 0.2:
            raw = raw[1:-1]
        name = safe_name(raw)
        assert name
        assert name not in (".", "..")
        assert not set(name) & set('/\\:*?"<>|\x00')
        assert name == name.strip(" ").rstrip(".")
        assert name.isprintable()
        assert len(name.encode()) <= MAX_NAME
        assert safe_name(name.encode()) == name
        assert safe_paths((), [[raw]]) == [(name,)]


def test_names_of_one_torrent_do_not_touch_each_other() -> None:
    # Most names are looked at together; every character must be what it is in a name of its own.
    characters = [chr(code) for code in range(1, 0x3000) if code != ord("/")]
    characters += ["\u0301", "\u017f", "\ufb01", "\ufeff", "\ufffd", "\U0001f600", ".", " ", "", "con", "nul.txt"]
    for near in ("x", "\u0301", "", "A.", " "):
        names = [f"{number:x}" + near for number in range(len(characters))]
        raw = [[text.encode()] for pair in zip(characters, names) for text in pair]
        alone = {part: safe_name(part) for path in raw for part in path}
        together = [path[-1] for path in safe_paths((), [[b"%d" % place, *path] for place, path in enumerate(raw)])]
        assert together == [alone[path[0]] for path in raw]


def renamed(*paths: str) -> List[str]:
    raw = [path.encode().split(b"/") for path in paths]
    return ["/".join(path) for path in safe_paths((), raw)]


def test_no_collision_no_change() -> None:
    paths = ["a", "b/a", "b/c/a", "c/a.txt", "c/b.txt"]
    assert renamed(*paths) == paths


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.txt", "a.txt", "a.txt"], ["a.txt", "a.1.txt", "a.2.txt"]),
        (["Temporary.txt", "temporary.TXT"], ["Temporary.txt", "temporary.1.TXT"]),
        (["d/x", "D/X"], ["d/x", "D/X.1"]),
        (["caf\u00e9", "cafe\u0301"], ["caf\u00e9", "cafe\u0301.1"]),
        (["stra\u00dfe", "STRASSE"], ["stra\u00dfe", "STRASSE.1"]),
        (["a?", "a*", "a_"], ["a_", "a_.1", "a_.2"]),
        ([".profile", ".profile"], [".profile", ".profile.1"]),
        # a folder keeps its name, wherever it comes
        (["a", "a/b"], ["a.1", "a/b"]),
        (["A.d/b", "a.D"], ["A.d/b", "a.1.D"]),
        # a real name keeps it from a made-up one
        (["a", "a", "a.1"], ["a", "a.2", "a.1"]),
        (["a", "a", "a.1/b"], ["a", "a.2", "a.1/b"]),
        (["", "..", "_"], ["_", "_.1", "_.2"]),
    ],
    ids=repr,
)
def test_collisions(paths: List[str], expected: List[str]) -> None:
    assert renamed(*paths) == expected


def test_the_root_stands_before_each() -> None:
    assert safe_paths((b"..",), [[b"a"], [b"b", b"c"]]) == [("_", "a"), ("_", "b", "c")]
    assert safe_paths((b"a",), [[b"a"]]) == [("a", "a")]


def assert_distinct(paths: List[Tuple[str, ...]]) -> None:
    folded = [tuple(unicodedata.normalize("NFC", part).casefold() for part in path) for path in paths]
    files = set(folded)
    assert len(files) == len(paths)
    assert not any(path[:depth] in files for path in folded for depth in range(1, len(path)))


CROWDS: Dict[str, Callable[[], List[Tuple[bytes, ...]]]] = {
    "one name": lambda: [(b"a.txt",)] * 20_000,
    "names that are in the way": lambda: [*((b"a.%d.txt" % n,) for n in range(10_000)), *[(b"a.txt",)] * 10_000],
    "long names that differ at the end": lambda: [(b"a" * 235 + b"%05d" % (n // 2),) for n in range(20_000)],
    "long names cut to one": lambda: [(b"a" * 250 + b"%05d" % n,) for n in range(20_000)],
    "files that are folders": lambda: [(b"a", b"%d" % n) for n in range(10_000)] + [(b"a",)] * 10_000,
    "deep folders": lambda: [tuple(b"%d" % ((n + k) % 10) for k in range(100)) for n in range(500)],
    "names without an end": lambda: [(("e" + "\u0301\u0323" * 5000).encode() + b"%d" % n,) for n in range(50)],
}


@pytest.mark.parametrize("crowd", CROWDS)
@pytest.mark.timeout(60)  # a quadratic algorithm takes minutes; seconds become more on a busy machine, or measured
def test_crowds(crowd: str) -> None:
    paths = safe_paths((b"root",), CROWDS[crowd]())
    assert_distinct(paths)
    assert max(len(part.encode()) for path in paths for part in path) <= MAX_NAME


def test_folders_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FOLDERS", 5)
    paths = [(b"a", b"b", b"x"), (b"a", b"B", b"y"), (b"c", b"d", b"z")]
    assert len(safe_paths((b"root",), paths)) == 3  # the root, a, a/b, c, c/d
    with pytest.raises(MetainfoError, match="more than 5 folders"):
        safe_paths((b"root",), [*paths, (b"e", b"x")])


def test_no_more_of_a_name_is_looked_at_than_could_be_seen() -> None:
    assert safe_name(b"a" * 10_000_000 + b".txt") == safe_name(b"a" * 5000 + b".txt") == "a" * 236 + ".txt"


def test_a_few_names_that_are_not_safe_among_many() -> None:
    raw = [(b"%d.txt" % number,) for number in range(1000)]
    raw[77], raw[500] = (b"con",), (b"a:b",)
    expected = [(f"{number}.txt",) for number in range(1000)]
    expected[77], expected[500] = ("con_",), ("a_b",)
    assert safe_paths((), raw) == expected
    assert safe_paths((), []) == []


def test_random_torrents_have_no_two_files_of_one_name() -> None:
    chance = random.Random(0)
    words = ["a", "A", "a.1", "a.1.1", "b.txt", "B.TXT", "b.1.txt", "é", "e\u0301", "", ".."]
    for _ in range(300):
        raw = [
            [chance.choice(words).encode() for _ in range(chance.randint(1, 3))] for _ in range(chance.randint(1, 40))
        ]
        paths = safe_paths((), raw)
        assert_distinct(paths)
        for path in paths:
            assert [safe_name(part.encode()) for part in path] == list(path)


NATIVE_NAMES = {
    # what a POSIX file system stores stays
    "plain.txt": "plain.txt",
    "01 - What now?.mp3": "01 - What now?.mp3",
    "Album: best of": "Album: best of",
    'a*b?c"d<e>f|g': 'a*b?c"d<e>f|g',
    "CON": "CON",
    "trailing. ": "trailing. ",
    " leading": " leading",
    "...": "...",
    "~": "~",
    "naïve \u2013 ファイル.txt": "naïve \u2013 ファイル.txt",
    "\U0001f469\u200d\U0001f467": "\U0001f469\u200d\U0001f467",  # two characters shown as one, by a joiner
    "می\u200cخواهم": "می\u200cخواهم",
    # no way out of the folder
    "": "_",
    ".": "_",
    "..": "_",
    "\u202e..": "_",
    "a/b": "a_b",
    "..\\..\\x": ".._.._x",
    # what a terminal obeys, or shows otherwise than it is
    "a\x00b": "a_b",
    "line\r\nfeed": "line__feed",
    "esc\x1b[2J": "esc_[2J",
    "del\x7fc1\x85": "del_c1_",
    "para\u2029graph": "para_graph",
    "invoice\u202efdp.exe": "invoicefdp.exe",
    "\u2066a\u2069\u200e\u061c": "a",
    # ours
    ".bittorrent_threads": "_bittorrent_threads",
    ".BitTorrent_Threads.old": "_BitTorrent_Threads.old",
    ".bit\u200btorrent_threads": "_bit\u200btorrent_threads",
    "BITTOR~1": "_ITTOR~1",
}


def test_native_names() -> None:
    assert {name: native_name(name) for name in NATIVE_NAMES} == NATIVE_NAMES
    assert {name: native_paths((), [[name.encode()]])[0][0] for name in NATIVE_NAMES} == NATIVE_NAMES
    assert {name: raw_paths((), [[name.encode()]])[0][0] for name in NATIVE_NAMES} == NATIVE_NAMES


def test_native_names_are_as_long_as_they_may_be() -> None:
    assert native_name("a" * 255) == "a" * 255
    assert native_name("a" * 300 + ".tar") == "a" * 251 + ".tar"
    assert native_name("é" * 200 + ".txt") == "é" * 125 + ".txt"


def test_bytes_that_are_not_utf8_stay_in_raw_paths_only() -> None:
    latin, gbk = "caf\xe9".encode("latin-1"), "表格\\.txt".encode("gbk")
    assert native_paths((), [[latin]]) == [("caf_",)]
    assert raw_paths((), [[latin]]) == [("caf\udce9",)]
    assert raw_paths((), [[gbk]])[0][0].encode("utf-8", "surrogateescape") == gbk
    # The second byte of this character is a backslash, which is no separator where such names are used.
    assert b"\\" in "誠".encode("gbk")
    assert raw_paths((), [["誠".encode("gbk")]])[0][0].endswith("\\")
    assert raw_paths((), [[b"..", b"\xff/..", b"\xff\x00\x1b"]]) == [("_", "\udcff_..", "\udcff__")]


def test_a_name_that_is_cut_keeps_the_bytes_that_are_not_utf8() -> None:
    """Without them, it would become another name, such as that of our own folder."""
    raw = b".bittorrent_threa" + b"\xcb" * 150 + b"ds.x"
    first, second = raw_paths((), [[raw], [raw]])
    assert first[0].encode("utf-8", "surrogateescape") == raw
    assert second[0].encode("utf-8", "surrogateescape") == raw[:-2] + b".1.x"
    longer = b"\xcb" * 300
    assert native_name(longer.decode("utf-8", "surrogateescape")) == "\udccb" * MAX_NATIVE_NAME
    split = "a" + "\u00e9" * 200
    assert native_name(split) == split[:128], "no half of a character stays"


def test_every_native_name_is_safe_and_stays_as_it_is() -> None:
    chance = random.Random(0)
    alphabet = [*"ab1.  /\\:~?*", "\x00", "\x9f", "\u200b", "\u202e", "é", "\udcff", "\ud800", *HIDDEN_PARTS]
    for _ in range(4000):
        name = native_name("".join(chance.choices(alphabet, k=chance.choice([1, 2, 4, 8, 260]))))
        assert name
        assert name not in (".", "..")
        assert not set(name) & set("/\0\x9f\u202e\ud800")
        assert "\\" not in name or "\udcff" in name
        assert len(name.encode("utf-8", "surrogateescape")) <= MAX_NATIVE_NAME
        assert native_name(name) == name
        assert not name.lower().replace("\u200b", "").startswith(HIDDEN_FOLDER)


HIDDEN_PARTS = [".bittorrent", "_threads", HIDDEN_FOLDER]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["ReadMe.txt", "readme.txt"], ["ReadMe.txt", "readme.txt"]),
        (["a?", "a*", "a_"], ["a?", "a*", "a_"]),
        (["a.txt", "a.txt", "a.1.txt"], ["a.txt", "a.2.txt", "a.1.txt"]),
        (["a", "a/b"], ["a.1", "a/b"]),
        (["D/x", "d/x"], ["D/x", "d/x"]),
        (["..", "_", "."], ["_", "_.1", "_.2"]),
    ],
    ids=repr,
)
def test_native_names_are_two_if_they_are_not_equal(paths: List[str], expected: List[str]) -> None:
    assert ["/".join(path) for path in native_paths((), [path.encode().split(b"/") for path in paths])] == expected


TAKEN = [("t", "a"), ("t", "sub", "b")]


@pytest.mark.parametrize("path", ["x", "t/x", "t/sub/x", "t/a.1", "deep/er/x"])
def test_a_chosen_path(path: str) -> None:
    assert chosen_path(path, TAKEN) == tuple(path.split("/"))


@pytest.mark.parametrize("path", ["", "/x", "x/", "..", "../x", "t/../x", ".", "a\\b", "x\0", "\ud800", "\u202ex"])
def test_a_chosen_path_that_is_not_safe(path: str) -> None:
    for names in (PORTABLE, NATIVE):
        with pytest.raises(ValueError, match="is not valid as a name"):
            chosen_path(path, TAKEN, names=names)


@pytest.mark.parametrize("path", ["con", "c:", "t/what?.mp3", "end.", " x"])
def test_a_chosen_path_that_some_systems_refuse(path: str) -> None:
    with pytest.raises(ValueError, match="not valid on every system.*names='native' allows it"):
        chosen_path(path, TAKEN)
    assert chosen_path(path, TAKEN, names=NATIVE) == tuple(path.split("/"))
    assert chosen_path(path, TAKEN, used=path.split("/")) == tuple(path.split("/"))


def test_names_that_differ_in_case_are_two_where_native_names_are_chosen() -> None:
    assert chosen_path("T/A", TAKEN, names=NATIVE) == ("T", "A")
    assert in_the_way([*TAKEN, ("T", "A")], [2], names=NATIVE) is None
    with pytest.raises(ValueError, match="in the way"):
        chosen_path("t/a", TAKEN, names=NATIVE)


@pytest.mark.parametrize("path", ["t/a", "T/A", "t", "t/sub", "t/a/below", "t/sub/b"])
def test_a_chosen_path_in_the_way_of_another(path: str) -> None:
    with pytest.raises(ValueError, match="in the way of"):
        chosen_path(path, TAKEN)


@pytest.mark.parametrize("path", ["t/x", "t/sub/x", "t/a", "T/A", "t", "t/sub", "t/a/below", "t/sub/b", "x/y"])
def test_one_path_among_others_is_in_the_way_as_if_it_was_chosen(path: str) -> None:
    try:
        chosen_path(path, TAKEN)
        expected = None
    except ValueError:
        expected = 1
    assert in_the_way([TAKEN[0], path.split("/"), TAKEN[1]], [1]) == expected
    assert in_the_way([TAKEN[0], path.split("/"), TAKEN[1]], []) is None


@pytest.mark.timeout(60)  # a quadratic algorithm takes minutes; seconds become more on a busy machine, or measured
def test_many_paths_are_looked_at_together() -> None:
    paths = [("t", f"{number % 100}", f"{number}") for number in range(20_000)]
    assert in_the_way(paths, range(20_000)) is None
    assert in_the_way([*paths, ("T", "7", "107")], range(20_001)) == 107
