"""``Spelling``: the original names of the files of a torrent, kept if portable names differ from them.

Names are UTF-8 (BEP 3).  Older programs wrote names in the encoding of their system and named the encoding in the key
``encoding``.  This library and most clients decode by it; some clients store the bytes of the .torrent unchanged.
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
"""Encodings of file names.  Other codecs are not for names, and some produce far more bytes than they are given."""

Path = Tuple[str, ...]


def decoder(label: object) -> Optional[str]:
    """The codec that the value of ``encoding`` names; None for UTF-8 and for codecs that names are not decoded by."""
    if not isinstance(label, bytes) or not _match_label(label):
        return None
    name = label.decode("ascii").lower().replace("-", "_")
    found = aliases.get(name, name)
    return found if found in _ENCODINGS else None


def transcoded(texts: Sequence[bytes], codec: Optional[str]) -> Dict[bytes, bytes]:
    """Names in an older encoding, converted to UTF-8.

    Args:
        texts: All names of a torrent.  If together they look like UTF-8, they are taken as UTF-8, because many programs
            write UTF-8 and name another encoding.
        codec: The codec of the torrent's encoding, or None for UTF-8.

    Returns:
        The UTF-8 of each name that is not ASCII and can be decoded.
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
    # Pairs of bytes in a Chinese encoding are often valid UTF-8 sequences of two bytes, but hardly ever of three bytes,
    # which Chinese in UTF-8 has.
    return text.isascii() or codec not in _OF_TWO_BYTES or max(decoded) >= "\u0800"


def is_utf8(*texts: bytes) -> bool:
    """Whether each text is valid UTF-8."""
    try:
        b"/".join(texts).decode()
    except UnicodeDecodeError:
        return False
    return True


class Spelling(NamedTuple):
    """The names of the files of one torrent; every path is below ``root``."""

    root: Tuple[bytes, ...]
    """In UTF-8, except for names that cannot be decoded."""
    paths: Sequence[Sequence[bytes]]
    raw_root: Tuple[bytes, ...]
    """The bytes of the .torrent."""
    raw_paths: Sequence[Sequence[bytes]]
    pads: Sequence[bool]
    """Whether each file is padding, which is not on disk and takes no name from another file."""

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
        """The spelling of names that are UTF-8 or in the encoding of ``codec``; other arguments as the fields."""
        if codec is not None:
            found = transcoded([*root, *(name for path in paths for name in path)], codec)
            if found:
                root = tuple([found.get(name, name) for name in root])
                paths = [[found.get(name, name) for name in path] for path in paths]
        return cls(root, paths, raw_root, raw_paths, pads)

    def portable(self) -> List[Path]:
        """The portable path of each file, valid on every system."""
        return self._made(safe_paths, self.root, self.paths)

    def native(self) -> List[Path]:
        """The native path of each file, as POSIX systems store it."""
        return self._made(native_paths, self.root, self.paths)

    def others(self) -> List[List[Path]]:
        """The paths that other clients give the files.

        Returns:
            Those of libtorrent, those of Transmission, and those of clients that use the bytes of the .torrent, with
            bytes that are not UTF-8 as ``surrogateescape`` decodes them.
        """
        return [
            self._made(caseless_paths, self.root, self.paths),
            self._made(cased_paths, self.root, self.paths),
            self._made(raw_paths, self.raw_root, self.raw_paths),
        ]

    def differs(self, portable: Sequence[Path]) -> bool:
        """Whether another client may store a file under a path that is not its portable one."""
        return any(
            raw != "/".join(path).encode() or raw != b"/".join((*self.root, *own))
            for raw, path, own in zip(
                (b"/".join((*self.raw_root, *path)) for path in self.raw_paths), portable, self.paths
            )
        )

    def _made(self, make: _Make, root: Tuple[bytes, ...], paths: Sequence[Sequence[bytes]]) -> List[Path]:
        if not any(self.pads):
            return make(root, paths)
        real = iter(make(root, [path for path, pad in zip(paths, self.pads) if not pad]))
        return [tuple(map(safe_name, (*root, *path))) if pad else next(real) for path, pad in zip(paths, self.pads)]


_Make = Callable[[Tuple[bytes, ...], Sequence[Sequence[bytes]]], List[Path]]
