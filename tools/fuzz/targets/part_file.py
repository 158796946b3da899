"""Part files with any content: only ``StorageError`` is raised, and the file works like a new one.

It lists only pieces of the torrent; data that is written can be read again; moving data makes no file longer than the
torrent says; reading the file again, as after a restart, finds the data that was written.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from typing import Callable, Dict, Iterator, List, Sequence, cast

from bittorrent_threads.disk.file import File, FileStat, Missing
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.part_file import MAGIC, PartFile
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.layout import Span
from bittorrent_threads.metainfo.metainfo import Metainfo

from ..choices import Choices
from ..shapes import metainfo_of
from ..target import Target, require

SHAPES = (3, 4, 0, 7)
FOLDER = Folder("unused")
PARTS = (".hidden", "t.parts")
SLOT, GONE, NOISE, BROKEN = b"slot", b"gone", b"none", b""


class Pool:
    """A ``FilePool`` whose files are in memory."""

    def __init__(self) -> None:
        self._contents: Dict[File, bytearray] = {}

    def put(self, file: File, content: bytes) -> File:
        """Store a file with this content."""
        self._contents[file] = bytearray(content)
        self._see(file)
        return file

    def read(self, file: File, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes."""
        data = bytes(self._contents.get(file, b"")[offset : offset + length])
        if len(data) < length or file not in self._contents:
            raise Missing(f"ends at {offset + len(data)}", file.path)
        return data

    def read_into(self, file: File, offset: int, view: memoryview) -> None:
        """Fill ``view``."""
        view[:] = self.read(file, offset, len(view))

    def write(self, file: File, offset: int, buffers: Sequence[memoryview]) -> None:
        """Write the buffers one after another; zeros fill a gap before ``offset``."""
        content = self._contents.setdefault(file, bytearray())
        data = b"".join(buffers)
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data
        self._see(file)

    def truncate(self, file: File, size: int) -> None:
        """Truncate the file."""
        del self._contents[file][size:]
        self._see(file)

    def sync(self, file: File) -> None:
        """Nothing to sync."""

    def remove(self, file: File) -> None:
        """Forget the file."""
        self._contents.pop(file, None)
        file.stat = None

    def _see(self, file: File) -> None:
        file.stat = FileStat(len(self._contents[file]), 1, 1)


def check(data: bytes) -> None:
    """Two bytes select the torrent, and whether the rest is a file or a description of records."""
    choices = Choices(data)
    metainfo = metainfo_of(choices.pick(SHAPES))
    content = choices.rest() if choices.below(2) else recorded(choices, metainfo)
    pool = Pool()
    file = pool.put(File(FOLDER, PARTS), content)
    _use(lambda: PartFile(file, cast(FilePool, pool), metainfo), metainfo)


def _use(opened: Callable[[], PartFile], metainfo: Metainfo) -> None:
    part_file = opened()
    _look(part_file, metainfo)
    spans = list(_borders(metainfo))
    for number, span in enumerate(spans):
        part_file.write(span, [memoryview(_content(number, span))])
    for again in (part_file, opened()):
        _look(again, metainfo)
        for number, span in enumerate(spans):
            require(again.read(span) == _content(number, span), "what was written is not what is read")
    for index, entry in enumerate(metainfo.files):
        target = File(FOLDER, entry.path)
        part_file.move(index, target)
        require(not part_file.pieces(index), "moved, and still there")
        if target.stat is not None:
            require(target.stat.size <= entry.length, f"a file of {target.stat.size} bytes instead of {entry.length}")


def _look(part_file: PartFile, metainfo: Metainfo) -> None:
    for index in range(len(metainfo.files)):
        pieces = part_file.pieces(index)
        require(pieces == sorted(set(pieces)), "a piece twice, or out of order")
        require(set(pieces) <= set(metainfo.layout.file_pieces(index)), "a piece that has nothing of the file")
    for span in _spans(metainfo):
        with contextlib.suppress(StorageError):
            require(len(part_file.read(span)) == span.length, "a short read")


def _spans(metainfo: Metainfo) -> Iterator[Span]:
    for piece in range(min(metainfo.piece_count, 12)):
        yield from metainfo.layout.piece_spans(piece)


def _borders(metainfo: Metainfo) -> Iterator[Span]:
    # The parts of pieces in files that they share with other pieces: what a part file stores.
    for index in range(len(metainfo.files)):
        pieces = metainfo.layout.file_pieces(index)
        for piece in sorted({*pieces[:1], *pieces[-1:]}):
            yield from (span for span in metainfo.layout.piece_spans(piece) if span.file == index)


def _content(number: int, span: Span) -> bytes:
    return bytes([1 + number]) * span.length


def recorded(choices: Choices, metainfo: Metainfo) -> bytes:
    """Return a header and records with checksums, whose files, offsets and lengths are valid or nearly so."""
    parts = [header(metainfo)]
    while choices:
        kind = choices.pick((SLOT, SLOT, SLOT, GONE, NOISE, BROKEN))
        file = choices.below(len(metainfo.files) + 1)
        length = metainfo.files[file].length if file < len(metainfo.files) else 0
        begin = choices.pick((0, metainfo.piece_length, length, choices.byte(), 50, 2**64 - 1))
        size = choices.pick((metainfo.piece_length, 50, 0, max(0, length - begin), length, choices.byte(), 2**63))
        filled = choices.pick((size, 0, max(0, size - 1), size + 1))
        parts.append(record(kind or SLOT, file, begin, size, broken=not kind) + b"\xee" * min(filled, 2000))
    return b"".join(parts)


def header(metainfo: Metainfo) -> bytes:
    """Return the header of the part file of a torrent."""
    head = MAGIC + metainfo.infohash
    return head + struct.pack(">I", zlib.crc32(head))


def record(kind: bytes, file: int, begin: int, length: int, *, broken: bool = False) -> bytes:
    """Return one record."""
    rest = struct.pack(">4sIQQ", kind, file, begin, length)
    return struct.pack(">I", zlib.crc32(rest) ^ broken) + rest


def seeds() -> List[bytes]:
    """Return descriptions and files of a few records."""
    found = []
    for place, shape in enumerate(SHAPES):
        metainfo = metainfo_of(shape)
        recipes = (b"", bytes([0, 0, 0, 0, 1, 0, 0, 0]) * 2, bytes([0, 1, 1, 0, 3, 0, 0, 3, 1, 0, 0, 2, 0, 0]))
        found += [bytes([place, 0]) + recipe for recipe in recipes]
        files = header(metainfo) + record(SLOT, 0, 0, 100) + bytes(100) + record(GONE, 0, 0, 150)
        found += [bytes([place, 1]) + content for content in (b"", header(metainfo)[:20], files, b"x" * 40)]
    return found


TOKENS = (
    *(SLOT, GONE, MAGIC, header(metainfo_of(3)), record(SLOT, 3, 130, 0), record(SLOT, 1, 0, 1)),
    record(GONE, 1, 0, 0),
)
TARGET = Target(check, seeds, TOKENS, longest=512)
