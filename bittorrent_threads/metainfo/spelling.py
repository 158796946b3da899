"""``Spelling``: how a .torrent spells the names of its files, kept where portable names differ from it.

BEP 3 says that names are UTF-8.  Older programs wrote them in the encoding of their system and named that in the key
``encoding``; such names are decoded by it, and some clients store the very bytes of the .torrent all the same.
"""

from __future__ import annotations

import re
from encodings.aliases import aliases
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .safe_paths import cased_paths, caseless_paths, native_paths, raw_paths, safe_name, safe_paths

_match_label = re.compile(rb"[A-Za-z0-9_-]{2,20}\Z").match
# Names of modules of the package ``encodings``.
_OF_TWO_BYTES = frozenset(
    [
        *("gb2312", "gbk", "gb18030", "big5", "big5hkscs", "cp950"),
        *("shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "johab"),
    ]
)
_ENCODINGS = _OF_TWO_BYTES.union(
    [
        *("latin_1", *(f"iso8859_{part}" for part in range(2, 17))),
        *(f"cp125{page}" for page in range(9)),
        *("koi8_r", "koi8_u", "cp437", "cp850", "cp852", "cp855", "cp862", "cp866", "cp874", "tis_620"),
        *("mac_roman", "mac_cyrillic"),
    ]
)
"""Encodings of names on disk.  The others that Python has are no such ones, and some cost more than their input."""

Path = Tuple[str, ...]


def decoder(label: object) -> Optional[str]:
    """The codec for the value of ``encoding``, None if it is UTF-8 or none that names are decoded by."""
    if not isinstance(label, bytes) or not _match_label(label):
        return None
    name = label.decode("ascii").lower().replace("-", "_")
    found = aliases.get(name, name)
    return found if found in _ENCODINGS else None


def transcoded(texts: Sequence[bytes], codec: Optional[str]) -> Dict[bytes, bytes]:
    """The UTF-8 of each text that is in another encoding, if together they are not UTF-8 already.

    Many programs name one encoding and write UTF-8, so that UTF-8 is what looks like it.  A text that is not in the
    encoding either is left out.
    """
    if codec is None or _looks_like_utf8(b"/".join(texts), codec):
        return {}
    found: Dict[bytes, bytes] = {}
    for text in {*texts}:
        if not text.isascii():
            try:
                found[text] = text.decode(codec).encode()
            except UnicodeError:
                continue
    return found


def _looks_like_utf8(text: bytes, codec: str) -> bool:
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        return False
    # Chinese characters of two bytes are often UTF-8 of others; those of three, in which Chinese is UTF-8, hardly ever.
    return text.isascii() or codec not in _OF_TWO_BYTES or max(decoded) >= "\u0800"


def is_utf8(*texts: bytes) -> bool:
    """Whether each of them is UTF-8."""
    try:
        b"/".join(texts).decode()
    except UnicodeDecodeError:
        return False
    return True


class Spelling(NamedTuple):
    """The names of the files of one torrent, each path below ``root``."""

    root: Tuple[bytes, ...]
    """In UTF-8, but for what cannot be decoded."""
    paths: Sequence[Sequence[bytes]]
    raw_root: Tuple[bytes, ...]
    """As the .torrent has it."""
    raw_paths: Sequence[Sequence[bytes]]
    pads: Sequence[bool]
    """Padding has no place on disk, and no claim to a name."""

    @classmethod
    def of(
        cls,
        root: Tuple[bytes, ...],
        paths: Sequence[Sequence[bytes]],
        raw_root: Tuple[bytes, ...],
        raw_paths: Sequence[Sequence[bytes]],
        pads: Sequence[bool],
        codec: Optional[str],
    ) -> Spelling:
        """The spelling of names that are UTF-8 or in the encoding of ``codec``."""
        if codec is not None:
            found = transcoded([*root, *(name for path in paths for name in path)], codec)
            if found:
                root = tuple([found.get(name, name) for name in root])
                paths = [[found.get(name, name) for name in path] for path in paths]
        return cls(root, paths, raw_root, raw_paths, pads)

    def portable(self) -> List[Path]:
        """The portable path of each file."""
        return self._made(safe_paths, self.root, self.paths)

    def native(self) -> List[Path]:
        """The native path of each file."""
        return self._made(native_paths, self.root, self.paths)

    def others(self) -> List[List[Path]]:
        """The paths that other clients make: libtorrent's, Transmission's, and those of the bytes in the .torrent.

        Bytes that are not UTF-8 are in the last as ``surrogateescape`` puts them.
        """
        return [
            self._made(caseless_paths, self.root, self.paths),
            self._made(cased_paths, self.root, self.paths),
            self._made(raw_paths, self.raw_root, self.raw_paths),
        ]

    def differs(self, portable: Sequence[Path]) -> bool:
        """Whether a file may have another path than the portable one."""
        raw = [b"/".join((*self.raw_root, *path)) for path in self.raw_paths]
        return raw != ["/".join(path).encode() for path in portable] or raw != [
            b"/".join((*self.root, *path)) for path in self.paths
        ]

    def _made(self, make: _Make, root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Path]:
        if not any(self.pads):
            return make(root, paths)
        real = iter(make(root, [path for path, pad in zip(paths, self.pads) if not pad]))
        return [tuple(map(safe_name, (*root, *path))) if pad else next(real) for path, pad in zip(paths, self.pads)]


_Make = Callable[[Tuple[bytes, ...], Sequence[Sequence[bytes]]], List[Path]]
