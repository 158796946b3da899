"""File names of torrents, by the portable rules, by the native rules and as other clients store them.

A path stays below its folder, has no deceptive characters and no excessive length, and does not change when it is made
safe again; no file of a torrent has the path of another file or of a folder.
"""

from __future__ import annotations

import contextlib
from typing import List, Sequence

from bittorrent_threads.metainfo.safe_paths import (
    CONTROL,
    HIDDEN_FOLDER,
    MAX_NAME,
    MAX_NATIVE_NAME,
    NATIVE,
    PORTABLE,
    cased_paths,
    caseless_paths,
    chosen_path,
    in_the_way,
    native_name,
    native_paths,
    raw_paths,
    safe_name,
    safe_paths,
)

from ..choices import Choices
from ..target import Target, require

OTHERS = ((native_paths, NATIVE), (caseless_paths, PORTABLE), (cased_paths, NATIVE), (raw_paths, NATIVE))
"""How other clients change names, and when two names are the same."""
FORBIDDEN_EVERYWHERE = frozenset([*map(chr, CONTROL), "/", "\u202e", "\u2066"])
FORBIDDEN = frozenset([*map(chr, CONTROL), *'/\\:*?"<>|\ufffd\u202e\u200b\ufeff'])


def check(data: bytes) -> None:
    """One byte selects the rules of another client; the rest is the name of a torrent and its paths.

    NUL separates paths, and a slash separates components.
    """
    choices = Choices(data[:1])
    data = data[1:]
    first, *rest = data.split(b"\0")
    paths = [path.split(b"/") for path in rest] or [[b"file"]]
    for raw in {first, *(name for path in paths for name in path)}:
        _name(raw)
    safe = safe_paths((first,), paths)
    require(len(safe) == len(paths), "another number of paths")
    require(all(len(path) == len(raw) + 1 for path, raw in zip(safe, paths)), "another number of components")
    require({path[0] for path in safe} == {safe_name(first)}, "another folder")
    require(in_the_way(safe, range(len(safe))) is None, "a path is in the way of another")
    for path in safe:
        for name in path:
            require(safe_name(name.encode()) == name, f"unsafe component {name!r:.80}")
    make, names = choices.pick(OTHERS)
    _others(make((first,), paths), paths, names)
    text = data.decode("utf-8", "surrogateescape")
    for rules, taken in ((PORTABLE, safe), (NATIVE, native_paths((first,), paths))):
        with contextlib.suppress(ValueError):
            chosen = chosen_path(text, taken, names=rules)
            require("/".join(chosen) == text, "chosen, and another")
            require(in_the_way([*taken, chosen], [len(taken)], names=rules) is None, "chosen, yet in the way")


def _others(made: Sequence[Sequence[str]], paths: Sequence[Sequence[bytes]], names: str) -> None:
    require([len(path) for path in made] == [len(path) + 1 for path in paths], "another number of paths or components")
    require(in_the_way(made, range(len(made)), names=names) is None, "a path is in the way of another")
    for name in {name for path in made for name in path}:
        require(name not in ("", ".", ".."), f"{name!r} leads elsewhere")
        require(not FORBIDDEN_EVERYWHERE & set(name), f"forbidden characters in {name!r:.80}")
        require(len(name.encode("utf-8", "surrogateescape")) <= MAX_NATIVE_NAME, f"{len(name)} characters")
        require(not name.lower().startswith(HIDDEN_FOLDER), "our own folder")


def _name(raw: bytes) -> None:
    for text in (raw.decode("utf-8", "surrogateescape"), raw.decode("utf-8", "replace")):
        native = native_name(text)
        require(native_name(native) == native, f"{native!r:.80} made native again is another")
    name = safe_name(raw)
    require(safe_name(name.encode()) == name, f"{name!r:.80} made safe again is another")
    require(name and len(name.encode()) <= MAX_NAME, f"{len(name)} characters")
    require(not FORBIDDEN & set(name), f"forbidden characters in {name!r:.80}")
    require(name[0] != " " and name[-1] not in " .", f"an end that is lost on Windows: {name!r:.80}")
    require(not name.lower().startswith(HIDDEN_FOLDER), "our own folder")


def seeds() -> List[bytes]:
    """Return ordinary paths, and paths that the rules change."""
    paths = [
        b"album\0cd 1/01 - song.mp3\0cd 1/02 - song.mp3\0cover.jpg",
        b"a\0b\0B\0b.1\0b/c\0b/C",
        b".\0..\0../../etc/passwd\0/\0//\0",
        b"CON\0com1.txt\0nul .x\0lpt9\0aux",
        b".bittorrent_threads\0.BitTorrent_Threads.x\0bittor~1",
        "\u202egpj.exe\0e\u0301\0\u00e9\0\ufeffx\0\u1e9e\0\u00df".encode(),
        b"\xff\xfe\0\xc3\xa4\0\xe4",
        b"n" * 250 + b".mp3\0" + b"n" * 250 + b".mp4\0" + "\u00e4".encode() * 200,
        b"x. \0x.\0x \0 x\0x",
    ]
    return [bytes([number % len(OTHERS)]) + path for number, path in enumerate(paths)]


TOKENS = (
    *(b"\0", b"/", b".", b"..", b" ", b"con", b"COM\xc2\xb9", b"~1", b".1", b".2", "\u0301".encode()),
    "\u0345".encode(),
)
FOLDED = ("\u0130".encode(), "\ufb03".encode(), b"\xf0\x9f\x98\x80", b"a" * 238)
TARGET = Target(check, seeds, (*TOKENS, *FOLDED), longest=1024)
