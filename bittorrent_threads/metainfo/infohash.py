"""``InfoHash``: what identifies a torrent, with a version 1 and a version 2 side (BEP 3, BEP 52).

Version 1 is the SHA-1 of the bytes of ``info``, version 2 their SHA-256; a hybrid torrent has both.  Handshakes and
trackers have room for 20 bytes, so version 2 is cut to its first 20 there, and a hybrid torrent has two such forms.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Optional, Tuple

V1_SIZE = 20
"""Bytes of a version 1 infohash, and of the form of any infohash in handshakes and announces."""
V2_SIZE = 32
"""Bytes of a version 2 infohash."""


@dataclasses.dataclass(frozen=True)
class InfoHash:
    """The infohash of one torrent; one side may be unknown (a magnet link names one or both).

    Args:
        v1: SHA-1 of ``info``, 20 bytes, or None.
        v2: SHA-256 of ``info``, 32 bytes, or None.

    Raises:
        ValueError: Neither side is given, or one has a wrong length.
    """

    v1: Optional[bytes] = None
    v2: Optional[bytes] = None

    def __post_init__(self) -> None:
        if self.v1 is None and self.v2 is None:
            raise ValueError("an infohash needs a version 1 or a version 2 side")
        for version, side, size in ((1, self.v1, V1_SIZE), (2, self.v2, V2_SIZE)):
            if side is not None and len(side) != size:
                raise ValueError(f"a version {version} infohash has {size} bytes, not {len(side)}")

    @classmethod
    def of(cls, info: bytes, *, v1: bool = True, v2: bool = False) -> InfoHash:
        """The infohash of an info dictionary.

        Args:
            info: The bytes of ``info`` exactly as they are in the .torrent file.
            v1: The torrent has a version 1 side.
            v2: The torrent has a version 2 side.
        """
        sha1 = hashlib.sha1(info, usedforsecurity=False).digest() if v1 else None
        return cls(sha1, hashlib.sha256(info).digest() if v2 else None)

    @property
    def short(self) -> Tuple[bytes, ...]:
        """Every form of 20 bytes by which peers and trackers may name the torrent, the preferred one first."""
        sides = (self.v1, self.v2[:V1_SIZE] if self.v2 is not None else None)
        return tuple([side for side in sides if side is not None])

    @property
    def primary(self) -> bytes:
        """The form of 20 bytes that this library uses in handshakes and announces: version 1 where there is one."""
        return self.short[0]

    def matches(self, info: bytes) -> bool:
        """Whether these are the bytes of the info dictionary: every known side is their hash.

        Args:
            info: The bytes of an info dictionary from an untrusted source, such as a peer (BEP 9).
        """
        return self == InfoHash.of(info, v1=self.v1 is not None, v2=self.v2 is not None)

    def __str__(self) -> str:
        return " ".join(side.hex() for side in (self.v1, self.v2) if side is not None)
