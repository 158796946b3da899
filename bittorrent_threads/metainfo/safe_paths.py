"""Converts the untrusted file names of a .torrent to safe paths, and gives every file of a torrent another path.

There are two sets of rules.  *Portable* names are valid on every system: no separators, no names that Windows reserves,
no invisible characters, at most 240 bytes.  Two portable names collide if they differ only in case or Unicode
normalisation.  *Native* names are valid on POSIX file systems, as most other clients write them there: only separators,
control characters and marks of direction are replaced or dropped, and two names collide only if they are equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import MetainfoError

PORTABLE, NATIVE = "portable", "native"
"""The two sets of rules, values of ``Settings.names``."""
MAX_NAME = 240
"""Bytes of UTF-8 in one portable name; systems take 255, which leaves room for suffixes."""
MAX_NATIVE_NAME = 255
"""Bytes of one native name: the limit of the file systems of Linux, macOS and Windows."""
HIDDEN_FOLDER = ".bittorrent_threads"
"""The folder in which this library keeps its data; no name in a torrent may begin so."""

MAX_FOLDERS = 100_000
"""Folders of one torrent: they take 60 MB, and a torrent of 10 MB with a file in each folder has fewer."""

_MAX_RAW = 4096  # bytes of a component that are read, half at its begin and half at its end; a name keeps fewer
_MAX_EXTENSION = 32
_SUFFIX_ROOM = 12  # bytes for a dot and the number of a collision
_TOGETHER = 64  # names checked at once if not all of them are safe

CONTROL = frozenset([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029])
"""Code points that control a terminal: C0, DEL, C1 and two line separators."""

DIRECTION = frozenset([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Marks of direction, which change the order in which the characters of a text are shown."""

# Replaced: control characters, characters with a meaning in paths or on Windows, and the character that stands for
# invalid UTF-8.  Dropped: marks of direction and characters of no width, with which one name can look like another.
_CHARACTERS: Dict[int, Optional[str]] = {
    **dict.fromkeys([*CONTROL, *map(ord, '/\\:*?"<>|\ufffd')], "_"),
    **dict.fromkeys([0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]),
}
_DEVICE = r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\xb9\xb2\xb3])"
_NATIVE_CHARACTERS: Dict[int, Optional[str]] = {
    # The last two ranges are surrogates that stand for no byte in surrogateescape.
    **dict.fromkeys([*CONTROL, *map(ord, "/\\"), *range(0xD800, 0xDC80), *range(0xDD00, 0xE000)], "_"),
    **dict.fromkeys(DIRECTION),
}
# In text that is not UTF-8, a backslash may be the second byte of a character (GBK, Big5, Shift JIS).
_RAW_CHARACTERS = {code: other for code, other in _NATIVE_CHARACTERS.items() if code != ord("\\")}
_find_raw = re.compile("[\udc80-\udcff]").search
_match_device = re.compile(rf"({_DEVICE} *)(?:\.|\Z)", re.IGNORECASE).match
# The second is the beginning of the short name that Windows gives to the first.
_HIDDEN = (HIDDEN_FOLDER, "bittor~")

# Patterns of everything that ``safe_name`` changes, searched in many names joined by ``/``.
_find_character = re.compile(f"[{re.escape(''.join(map(chr, _CHARACTERS.keys() - {ord('/')})))}]").search
_find_device = re.compile(rf"/{_DEVICE} *[./]", re.IGNORECASE).search
_EDGES = ("//", "/ ", " /", "./")


def safe_name(raw: bytes) -> str:
    """The portable name for a raw one: valid on every system, never ``.`` or ``..``, without a separator.

    A safe name stays unchanged, so that applying the function twice gives the same as once.
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
    """The native name for a text: valid on POSIX file systems, never ``.`` or ``..``, without a separator.

    Bytes that are not UTF-8, as ``surrogateescape`` decodes them, stay.  Applying the function twice gives the same as
    once.
    """
    name = _native_text(text)
    if len(_bytes(name)) > MAX_NATIVE_NAME:
        stem, extension = _split(name)
        name = _native_text(_cut(stem, MAX_NATIVE_NAME - len(_bytes(extension))) + extension)
    # Some file systems ignore case and characters of no width when they compare names.
    if folded_name(name.translate(_CHARACTERS)).startswith(_HIDDEN):
        name = "_" + name[1:]
    return "_" if name in ("", ".", "..") else name


def _native_text(text: str) -> str:
    return text.translate(_RAW_CHARACTERS if _find_raw(text) else _NATIVE_CHARACTERS)


def safe_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """The portable paths of the files of a torrent, in linear time.

    If a file and a folder have one path, the folder keeps it.  If several files have one path, the first keeps it, and
    the others get ``.1``, ``.2``, ... before their extension.

    Args:
        root: Components before every path.
        paths: The raw components of the path of each file.

    Returns:
        A path for each file, in the order given and all different.

    Raises:
        MetainfoError: There are more than ``MAX_FOLDERS`` folders.
    """
    return _distinct(root, paths, _PORTABLE)


def native_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """The native paths, with bytes that are not UTF-8 replaced; otherwise as :func:`safe_paths`."""
    return _distinct(root, paths, _NATIVE)


def caseless_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """The paths of libtorrent: native ones, where names that differ only in case or normalisation collide."""
    return _distinct(root, paths, _CASELESS)


def cased_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """The paths of Transmission: portable ones, where only equal names collide."""
    return _distinct(root, paths, _CASED)


def raw_paths(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Tuple[str, ...]]:
    """The native paths, with bytes that are not UTF-8 kept as ``surrogateescape`` decodes them."""
    return _distinct(root, paths, _RAW)


class _Rules(NamedTuple):
    names: Callable[[Sequence[bytes]], Tuple[List[str], List[str]]]
    """The safe names of raw ones, and the form by which each is compared."""
    folded: Callable[[str], str]
    """The form by which a safe name is compared."""
    longest: int


def _distinct(root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]], rules: _Rules) -> List[Tuple[str, ...]]:
    folders = _Folders(root, rules)
    # All folders come before all files, so that no file takes the name of a folder.
    places = [folders[tuple(path[:-1])] for path in paths]
    result: List[Tuple[str, ...]] = []
    crowded: List[int] = []
    for name, folded, (folder, parents) in zip(*rules.names([path[-1] for path in paths]), places):
        if folded in folder:
            crowded.append(len(result))
        else:
            folder[folded] = None
        result.append((*parents, name))
    # All names of the torrent come before all made-up names, so that no made-up name takes one of the torrent.
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
        # The number continues from the last one of this stem: n equal names would take n*n steps otherwise.
        family = (id(folder), folded_stem, folded_extension)
        number = last.get(family, 0) + 1
        # The folded parts are the folded name, because no character combines with a dot.
        while f"{folded_stem}.{number}{folded_extension}" in folder:
            number += 1
        last[family] = number
        folder[f"{folded_stem}.{number}{folded_extension}"] = None
        result[index] = (*parents, f"{stem}.{number}{extension}")
    return result


def _safe_names(raws: Sequence[bytes]) -> Tuple[List[str], List[str]]:
    """The safe name and the folded name of each.

    Nearly all names are safe, and to check all of them at once takes a fifth of the time.
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
    # The names and the folded names if all of them are safe, else None.
    if raws and max(map(len, raws)) > MAX_NAME:
        return None
    text = b"/".join(raws).decode("utf-8", "replace")
    if not _all_safe(f"/{text}/") or text.count("/") + 1 != len(raws):
        return None
    folded = folded_name(text)  # no character combines with ``/``, so each part is the folded name
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
    """Check a path that the user chose for a file.

    Args:
        path: Components with ``/`` between them.
        taken: The paths of the other files of the torrent.
        names: The rules for each component: ``PORTABLE`` or ``NATIVE``.
        used: Components that are allowed although they are not portable.

    Returns:
        The components.

    Raises:
        ValueError: A component is not valid, or the path is that of another file, a folder of one, or below one.
    """
    parts = tuple(path.split("/"))
    # Nearly all paths are safe, and to check all components at once takes a third of the time; what is safe is native.
    safe = _safe_together(list(map(str.encode, parts))) if path.isascii() else None
    for name in () if safe is not None else parts:
        native = native_name(name)
        if native != name:
            raise ValueError(f"{name!r} in {path!r} is not valid as a name, {native!r} would be")
        portable = safe_name(_bytes(name))
        if names == PORTABLE and name != portable and name not in used:
            reason = f"is not valid on every system, {portable!r} would be (names='native' allows it)"
            raise ValueError(f"{name!r} in {path!r} {reason}")
    fold = folded_name if names == PORTABLE else str
    folded = safe[1] if safe is not None and names == PORTABLE else [fold(name) for name in parts]
    depth = len(folded)
    for other in taken:
        # Most files of a torrent share the folders and differ in the last component, so it is compared first.
        last = min(depth, len(other)) - 1
        if folded[last] == fold(other[last]) and all(mine == fold(name) for mine, name in zip(folded, other)):
            raise ValueError(f"{path!r} is in the way of {'/'.join(other)!r}, another file of the torrent")
    return parts


def in_the_way(paths: Sequence[Sequence[str]], places: Iterable[int], *, names: str = PORTABLE) -> Optional[int]:
    """Find a path that collides with another, in linear time.

    Args:
        paths: The paths of all files of a torrent.
        places: Indexes into ``paths`` to check.
        names: The rules by which names are compared: ``PORTABLE`` or ``NATIVE``.

    Returns:
        The first place whose path is that of another file, a folder of one, or below one; None if there is none.
    """
    folded = [tuple(map(folded_name, path)) if names == PORTABLE else tuple(path) for path in paths]
    files = Counter(folded)
    folders = {path[:depth] for path in folded for depth in range(1, len(path))}
    for place in places:
        path = folded[place]
        if files[path] > 1 or path in folders or any(path[:depth] in files for depth in range(1, len(path))):
            return place
    return None


_Folder = Dict[str, Optional[Dict[str, Any]]]  # its content by folded name: a folder, or None for a file
_Place = Tuple[_Folder, Tuple[str, ...]]  # a folder, and the safe components of its path


class _Folders(Dict[Tuple[bytes, ...], _Place]):
    """The folders of a torrent by raw path below the root; names that collide are one folder."""

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
    """The form that names have in common which differ only in case or normalisation (Unicode, D145)."""
    if name.isascii():
        return name.lower()
    decomposed = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFD", decomposed)


def _fitted(name: str) -> str:
    # At most MAX_NAME bytes, without spaces and dots at the end, which Windows removes.
    name = name.rstrip(" .")
    if len(name.encode()) > MAX_NAME:
        stem, extension = _split(name)
        name = (_cut(stem, MAX_NAME - len(extension.encode())) + extension).rstrip(" .")
    return name


def _split(name: str) -> Tuple[str, str]:
    # Stem, and extension with its dot.  A leading dot, a long end or one with a space is not an extension.
    dot = name.rfind(".")
    extension = name[dot:]
    if dot <= 0 or " " in extension or len(_bytes(extension)) > _MAX_EXTENSION:
        return name, ""
    return name[:dot], extension


def _cut(text: str, size: int) -> str:
    # The first characters that fit into ``size`` bytes of UTF-8; bytes that are not UTF-8 stay.
    kept = _bytes(text)[:size].decode("utf-8", "surrogateescape")
    while not text.startswith(kept):  # the last character may be cut in two
        kept = kept[:-1]
    return kept


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_PORTABLE = _Rules(_safe_names, folded_name, MAX_NAME)
_NATIVE = _Rules(_native_names, str, MAX_NATIVE_NAME)
_CASELESS = _Rules(_caseless_names, folded_name, MAX_NATIVE_NAME)
_CASED = _Rules(_cased_names, str, MAX_NAME)
_RAW = _Rules(_raw_names, str, MAX_NATIVE_NAME)
