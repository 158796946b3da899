"""Content to share: files whose bytes follow from their names, and the .torrent that describes them.

Nothing of the library is used here, so that a mistake in its own encoder, hashing or layout cannot hide itself.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

KIB = 1024
MIB = 1024 * 1024


def bencode(value: Any) -> bytes:
    """Canonical bencoding (BEP 3) of bytes, str, int, lists and dictionaries with str keys."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, dict):
        pairs = sorted((key.encode(), item) for key, item in value.items())
        return b"d" + b"".join(bencode(key) + bencode(item) for key, item in pairs) + b"e"
    return b"l" + b"".join(map(bencode, value)) + b"e"


@dataclass(frozen=True)
class Content:
    """Files to share: ``{"a/b": length}``, or ``{"": length}`` for a torrent of the single file ``name``."""

    name: str
    files: Tuple[Tuple[str, int], ...]
    piece_length: int

    @classmethod
    def of(cls, name: str, files: Dict[str, int], piece_length: int) -> Content:
        return cls(name, tuple(files.items()), piece_length)

    @property
    def size(self) -> int:
        return sum(length for _, length in self.files)

    @property
    def piece_count(self) -> int:
        return -(-self.size // self.piece_length)

    @property
    def single(self) -> bool:
        return self.files[0][0] == ""

    def data(self, path: str) -> bytes:
        """What is in one file."""
        return random.Random(f"{self.name}/{path}").randbytes(dict(self.files)[path])

    def stream(self) -> bytes:
        """All files after one another, as pieces are cut from them."""
        return b"".join(self.data(path) for path, _ in self.files)

    def path(self, directory: Path, path: str) -> Path:
        return directory / self.name / path if path else directory / self.name

    def write(self, directory: Path) -> Path:
        """Write the files below ``directory``, which is made; returns it."""
        for path, _ in self.files:
            self._write(self.path(directory, path), self.data(path))
        return directory

    def write_garbage(self, directory: Path) -> Path:
        """Write files of the right names and lengths in which every byte is wrong; returns the directory."""
        inverted = bytes(byte ^ 0xFF for byte in range(256))
        for path, _ in self.files:
            self._write(self.path(directory, path), self.data(path).translate(inverted))
        return directory

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def info(self) -> Dict[str, Any]:
        stream = self.stream()
        pieces = (stream[at : at + self.piece_length] for at in range(0, len(stream), self.piece_length))
        info: Dict[str, Any] = {
            "name": self.name,
            "piece length": self.piece_length,
            "pieces": b"".join(hashlib.sha1(piece).digest() for piece in pieces),
        }
        if self.single:
            info["length"] = self.size
        else:
            info["files"] = [{"length": length, "path": path.split("/")} for path, length in self.files]
        return info

    @property
    def infohash(self) -> bytes:
        return hashlib.sha1(bencode(self.info())).digest()

    def metainfo(self, *tiers: Sequence[str]) -> bytes:
        """The bytes of a .torrent, with trackers if tiers of URLs are given."""
        torrent: Dict[str, Any] = {"info": self.info()}
        if tiers:
            torrent["announce"] = tiers[0][0]
            torrent["announce-list"] = [list(tier) for tier in tiers]
        return bencode(torrent)

    def torrent(self, directory: Path, *tiers: Sequence[str]) -> Path:
        """Write ``metainfo(*tiers)`` to ``directory``; returns the path of the .torrent."""
        path = directory / f"{self.name}.torrent"
        path.write_bytes(self.metainfo(*tiers))
        return path

    def differences(self, directory: Path, *, ignore_empty: bool = False) -> List[str]:
        """How the files below ``directory`` differ from what they should be; empty when they are the same."""
        found = []
        for path, length in self.files:
            file = self.path(directory, path)
            if ignore_empty and length == 0:
                continue
            if not file.is_file():
                found.append(f"{file} is missing")
            elif file.stat().st_size != length:
                found.append(f"{file} has {file.stat().st_size} bytes instead of {length}")
            elif file.read_bytes() != self.data(path):
                found.append(f"{file} has the wrong bytes")
        expected = {self.path(directory, path) for path, _ in self.files}
        present = () if self.single else (directory / self.name).rglob("*")
        extra = [file for file in sorted(present) if file.is_file() and file not in expected]
        return found + [f"{file} should not be there" for file in extra]
