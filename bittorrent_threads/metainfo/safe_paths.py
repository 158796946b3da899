"""File names from a .torrent made safe to use, so that no two files of one torrent get the same path.

There are two sets of rules.  *Portable* names are valid on every system, so that a folder can move from one machine to
another and keep its names: no separators, no names that Windows reserves, no invisible characters, at most 240 bytes.
Two portable names are the same if they differ only in case or Unicode normalisation.  *Native* names are those that a
POSIX file system stores, as most other clients write them there: separators, control characters and marks of direction
are replaced or dropped all the same, everything else stays, and two names are the same only if they are equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import MetainfoError

PORTABLE, NATIVE = "portable", "native"
"""The sets of rules, as ``Settings.names`` has them."""
MAX_NAME = 240
"""Bytes of UTF-8 in one portable name; systems take 255, and the rest is room for suffixes."""
MAX_NATIVE_NAME = 255
"""Bytes of one native name: what the file systems of Linux, macOS and Windows store."""
HIDDEN_FOLDER = ".bittorrent_threads"
"""What this library keeps beside the data; no torrent may have a name that begins so."""

MAX_FOLDERS = 100_000
"""Folders of one torrent: 60 MB, and more than a torrent of 10 MB with a file in each would have."""

_MAX_RAW = 4096  # bytes of a component that are looked at, half of them at its end: no more could be seen in a name
_MAX_EXTENSION = 32
_SUFFIX_ROOM = 12  # a dot and the figures of any number of collisions
_TOGETHER = 64  # names looked at together where not all of them are safe

CONTROL = frozenset([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029])
"""Code points that could write to a terminal something else than themselves: C0, DEL, C1 and two line separators."""

DIRECTION = frozenset([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Marks of direction, with which the end of a text can be shown in its middle."""

# Replaced: control characters, what Windows or a path gives a meaning, and what took the place of invalid UTF-8.
# Dropped: marks of direction and of no width, with which one name can look like another.
_CHARACTERS: Dict[int, Optional[str]] = {
    **dict.fromkeys([*CONTROL, *map(ord, '/\\:*?"<>|\ufffd')], "_"),
    **dict.fromkeys([0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]),
}
_DEVICE = r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\xb9\xb2\xb3])"
_NATIVE_CHARACTERS: Dict[int, Optional[str]] = {
    # The last two are the surrogates that stand for no byte.
    **dict.fromkeys([*CONTROL, *map(ord, "/\\"), *range(0xD800, 0xDC80), *range(0xDD00, 0xE000)], "_"),
    **dict.fromkeys(DIRECTION),
}
# In bytes that are not UTF-8, a backslash may be the second byte of a character (GBK, Big5, Shift JIS).
_RAW_CHARACTERS = {code: other for code, other in _NATIVE_CHARACTERS.items() if code != ord("\\")}
_find_raw = re.compile("[\udc80-\udcff]").search
_match_device = re.compile(rf"({_DEVICE} *)(?:\.|\Z)", re.IGNORECASE).match
# The second is the short name that Windows makes of the first.
_HIDDEN = (HIDDEN_FOLDER, "bittor~")

# What ``safe_name`` changes, looked for in many names at once: ``/`` stands before, between and behind them.
_find_character = re.compile(f"[{re.escape(''.join(map(chr, _CHARACTERS.keys() - {ord('/')})))}]").search
_find_device = re.compile(rf"/{_DEVICE} *[./]", re.IGNORECASE).search
_EDGES = ("//", "/ ", " /", "./")


def safe_name(raw: bytes) -> str:
    """One path component that every system takes, is never ``.`` or ``..``, and has no separator.

    A name that is safe already stays as it is; applied twice it gives the same as once.
    """
    if len(raw) > _MAX_RAW:
        raw = raw[: _MAX_RAW // 2] + raw[-_MAX_RAW // 2 :]
    name = _fitted(raw.decode("utf-8", "replace").translate(_CHARACTERS).lstrip(" "))
    device = _match_device(name)
    if device:
        name = _fitted(f"{device[1].rstrip(' ')}_{name[device.end(1) :]}")
    if folded_name(name).startswith(_HIDDEN):
        name = "_" + name[1:]
    return name or "_"


def native_name(text: str) -> str:
    """One path component that a POSIX file system stores, is never ``.`` or ``..``, and has no separator.

    ``text`` may have bytes that are not UTF-8 as ``surrogateescape`` puts them; they stay.  Applied twice it gives the
    same as once.
    """
    name = _native_text(text)
    if len(_bytes(name)) > MAX_NATIVE_NAME:
        stem, extension = _split(name)
        name = _native_text(_cut(stem, MAX_NATIVE_NAME - len(_bytes(extension))) + extension)
    # Some file systems ignore characters of no width when they compare names, as they do case.
    if folded_name(name.translate(_CHARACTERS)).startswith(_HIDDEN):
        name = "_" + name[1:]
    return "_" if name in ("", ".", "..") else name


def _native_text(text: str) -> str:
    return text.translate(_RAW_CHARACTERS if _find_raw(text) else _NATIVE_CHARACTERS)


def safe_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """The portable path of each file of a torrent, ``root`` before each, all different and in the order given.

    What is a file here and a folder there stays the folder's name.  Of files with one name the first keeps it, and
    the others get ``.1``, ``.2``, ... before their extension.  Takes time linear in the number of components.
    Raises :class:`MetainfoError` for more than ``MAX_FOLDERS`` folders.
    """
    return _distinct(root, paths, _PORTABLE)


def native_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """The native path of each file; otherwise as :func:`safe_paths`.  Bytes that are not UTF-8 are replaced."""
    return _distinct(root, paths, _NATIVE)


def caseless_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """As :func:`native_paths`, but names that differ only in case or Unicode normalisation are one: libtorrent's."""
    return _distinct(root, paths, _CASELESS)


def cased_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """As :func:`safe_paths`, but names are the same only if they are equal: Transmission's."""
    return _distinct(root, paths, _CASED)


def raw_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """As :func:`native_paths`, with bytes that are not UTF-8 kept, as ``surrogateescape`` puts them into text."""
    return _distinct(root, paths, _RAW)


class _Rules(NamedTuple):
    names: Callable[[Sequence[bytes]], Tuple[List[str], List[str]]]
    """The safe name of each, and what it is compared by."""
    folded: Callable[[str], str]
    """What a safe name is compared by."""
    longest: int


def _distinct(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]], rules: _Rules) -> List[Tuple[str, ...]]:
    folders = _Folders(root, rules)
    # Every folder before any file, so that no file takes the name of one.
    places = [folders[tuple(path[:-1])] for path in paths]
    result: List[Tuple[str, ...]] = []
    crowded: List[int] = []
    for name, folded, (folder, parents) in zip(*rules.names([path[-1] for path in paths]), places):
        if folded in folder:
            crowded.append(len(result))
        else:
            folder[folded] = None
        result.append((*parents, name))
    # Every name that is in the torrent before any that is made up, for the same reason.
    families: Dict[str, Tuple[str, str, str, str]] = {}
    last: Dict[Tuple[int, str, str], int] = {}
    for index in crowded:
        folder, parents = places[index]
        name = result[index][-1]
        if name not in families:
            stem, extension = _split(name)
            stem = _cut(stem, rules.longest - _SUFFIX_ROOM - len(_bytes(extension)))
            families[name] = stem, extension, rules.folded(stem), rules.folded(extension)
        stem, extension, folded_stem, folded_extension = families[name]
        # Counting goes on where it ended for this stem: always from 1, equal names would cost their square.
        family = (id(folder), folded_stem, folded_extension)
        number = last.get(family, 0) + 1
        # A name folds like its parts, as nothing combines with a dot.
        while f"{folded_stem}.{number}{folded_extension}" in folder:
            number += 1
        last[family] = number
        folder[f"{folded_stem}.{number}{folded_extension}"] = None
        result[index] = (*parents, f"{stem}.{number}{extension}")
    return result


def _safe_names(raws: Sequence[bytes]) -> Tuple[List[str], List[str]]:
    """The safe name of each, and the folded name of each.

    Nearly all names are safe, and one look at all of them together takes a fifth of the time of a look at each.
    """
    together = _safe_together(raws)
    if together is not None:
        return together
    names: List[str] = []
    folded: List[str] = []
    for at in range(0, len(raws), _TOGETHER):
        some = raws[at : at + _TOGETHER]
        together = _safe_together(some)
        if together is None:
            own = list(map(safe_name, some))
            together = own, list(map(folded_name, own))
        names += together[0]
        folded += together[1]
    return names, folded


def _safe_together(raws: Sequence[bytes]) -> Optional[Tuple[List[str], List[str]]]:
    # These names, folded too, if all of them are safe.
    if raws and max(map(len, raws)) > MAX_NAME:
        return None
    text = b"/".join(raws).decode("utf-8", "replace")
    if not _all_safe(f"/{text}/") or text.count("/") + 1 != len(raws):
        return None
    folded = folded_name(text)  # of one name it does not depend on the next, as nothing combines with a ``/``
    if any(f"/{hidden}" in f"/{folded}" for hidden in _HIDDEN):
        return None
    return text.split("/"), folded.split("/")


def _all_safe(text: str) -> bool:
    return not (_find_character(text) or any(edge in text for edge in _EDGES) or _find_device(text))


def _native_names(raws: Sequence[bytes]) -> Tuple[List[str], List[str]]:
    names = [native_name(raw.decode("utf-8", "replace").replace("\ufffd", "_")) for raw in raws]
    return names, names


def _caseless_names(raws: Sequence[bytes]) -> Tuple[List[str], List[str]]:
    names, _ = _native_names(raws)
    return names, list(map(folded_name, names))


def _cased_names(raws: Sequence[bytes]) -> Tuple[List[str], List[str]]:
    names, _ = _safe_names(raws)
    return names, names


def _raw_names(raws: Sequence[bytes]) -> Tuple[List[str], List[str]]:
    names = [native_name(raw.decode("utf-8", "surrogateescape")) for raw in raws]
    return names, names


def chosen_path(
    path: str, taken: Iterable[Sequence[str]], *, names: str = PORTABLE, used: Sequence[str] = ()
) -> Tuple[str, ...]:
    """The components of a path that a user gives to a file, ``/`` between them; raises ValueError with the reason.

    Each must be valid as it is by the rules of ``names``, or be one of the ``used``.  The path must neither be one of
    the ``taken`` paths nor a folder of one, nor lie below one.
    """
    parts = tuple(path.split("/"))
    for name in parts:
        native = native_name(name)
        if native != name:
            raise ValueError(f"{name!r} in {path!r} is not valid as a name, {native!r} would be")
        portable = safe_name(_bytes(name))
        if names == PORTABLE and name != portable and name not in used:
            reason = f"is not valid on every system, {portable!r} would be (names='native' allows it)"
            raise ValueError(f"{name!r} in {path!r} {reason}")
    fold = folded_name if names == PORTABLE else str
    folded = [fold(name) for name in parts]
    depth = len(folded)
    for other in taken:
        # Of 20,000 files most have the same folders above them, and another name there.
        last = min(depth, len(other)) - 1
        if folded[last] == fold(other[last]) and all(mine == fold(name) for mine, name in zip(folded, other)):
            raise ValueError(f"{path!r} is in the way of {'/'.join(other)!r}, another file of the torrent")
    return parts


def in_the_way(paths: Sequence[Sequence[str]], places: Iterable[int], *, names: str = PORTABLE) -> Optional[int]:
    """The first of these places in ``paths`` that holds a path of another file, a folder of one, or one below it.

    Takes time linear in the number of components, where ``chosen_path`` for each would take its square.
    """
    folded = [tuple(map(folded_name, path)) if names == PORTABLE else tuple(path) for path in paths]
    files = Counter(folded)
    folders = {path[:depth] for path in folded for depth in range(1, len(path))}
    for place in places:
        path = folded[place]
        if files[path] > 1 or path in folders or any(path[:depth] in files for depth in range(1, len(path))):
            return place
    return None


_Folder = Dict[str, Optional[Dict[str, Any]]]  # what is in it by folded name: a folder, or None for a file
_Place = Tuple[_Folder, Tuple[str, ...]]  # a folder, and the safe names of the way to it


class _Folders(Dict[Tuple[bytes, ...], _Place]):
    """The folders of a torrent by their path below the root; spellings that are one on some system share a folder."""

    def __init__(self, root: Tuple[bytes, ...], rules: _Rules) -> None:
        super().__init__()
        self._root = root
        self._rules = rules
        self._top: _Folder = {}
        self._known: Dict[bytes, Tuple[str, str]] = {}
        self._count = 0

    def __missing__(self, path: Tuple[bytes, ...]) -> _Place:
        folder: Any = self._top
        names = []
        for raw in (*self._root, *path):
            if raw not in self._known:
                (name,), (folded,) = self._rules.names([raw])
                self._known[raw] = (name, folded)
            name, folded = self._known[raw]
            names.append(name)
            if folded not in folder:
                self._count += 1
                if self._count > MAX_FOLDERS:
                    raise MetainfoError(f"more than {MAX_FOLDERS} folders", "info.files")
                folder[folded] = {}
            folder = folder[folded]
        place = self[path] = (folder, tuple(names))
        return place


def folded_name(name: str) -> str:
    """What two names have in common that differ only in case or Unicode normalisation (Unicode, D145)."""
    if name.isascii():
        return name.lower()
    decomposed = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFD", decomposed)


def _fitted(name: str) -> str:
    # No longer than it may be, and nothing at its end that Windows would take away.
    name = name.rstrip(" .")
    if len(name.encode()) > MAX_NAME:
        stem, extension = _split(name)
        name = (_cut(stem, MAX_NAME - len(extension.encode())) + extension).rstrip(" .")
    return name


def _split(name: str) -> Tuple[str, str]:
    # Stem and extension with its dot; a leading dot begins no extension, and a long or spaced end is none.
    dot = name.rfind(".")
    extension = name[dot:]
    if dot <= 0 or " " in extension or len(_bytes(extension)) > _MAX_EXTENSION:
        return name, ""
    return name[:dot], extension


def _cut(text: str, size: int) -> str:
    # At most ``size`` bytes of UTF-8, ending between two characters.
    return _bytes(text)[:size].decode("utf-8", "ignore")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_PORTABLE = _Rules(_safe_names, folded_name, MAX_NAME)
_NATIVE = _Rules(_native_names, str, MAX_NATIVE_NAME)
_CASELESS = _Rules(_caseless_names, folded_name, MAX_NATIVE_NAME)
_CASED = _Rules(_cased_names, str, MAX_NAME)
_RAW = _Rules(_raw_names, str, MAX_NATIVE_NAME)
