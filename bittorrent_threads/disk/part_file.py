"""``PartFile``: the bytes of wanted pieces that belong to unwanted files, in one file a torrent.

A slot holds the part of one piece that lies in one file, and is found by its begin in that file.  The part file is a
log, readable after a kill at any moment: a header, then records, each with a checksum.  A ``slot`` record is followed
by the bytes of the slot; a ``gone`` record says that all earlier slots of a file were moved to the file.  The bytes of
a slot may never have been written: a hash check has to show it.

    header   8 bytes of magic, 20 of infohash, CRC-32 of both
    record   CRC-32 of the rest, b"slot" or b"gone", index of a file (4), begin in it (8), length (8); big-endian
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..metainfo.layout import Span
from ..metainfo.metainfo import Metainfo
from .file import File, FileStat, Missing
from .file_pool import FilePool

MAGIC = b"btparts\x01"
COPY_SIZE = 1024 * 1024
"""Bytes of a slot moved at a time."""
RECORDS_PER_FILE = 4
"""Records that are read for each file of the torrent: two slots at its ends, and two more for slots that moved."""

_WINDOW = 64 * 1024  # bytes read at a time in search of records

_HEADER = struct.Struct(">28sI")
_RECORD = struct.Struct(">I4sIQQ")
_SLOT = b"slot"
_GONE = b"gone"


class _Slot(NamedTuple):
    position: int  # of its first byte in the part file
    length: int


class PartFile:
    """The part file of a torrent; not for two threads at once.

    A ``Span`` is a range in a file of the torrent and may cross pieces.  Every method raises :class:`StorageError`.

    Args:
        file: The part file itself.
        pool: Opens it.
        metainfo: The torrent.
    """

    def __init__(self, file: File, pool: FilePool, metainfo: Metainfo) -> None:
        self._file = file
        self._pool = pool
        self._layout = metainfo.layout
        self._lengths = [entry.length for entry in metainfo.files]
        self._header = _HEADER.pack(MAGIC + metainfo.infohash, zlib.crc32(MAGIC + metainfo.infohash))
        # The slots of each file of the torrent by their begin in it; None until the part file is read.
        self._slots: Optional[Dict[int, Dict[int, _Slot]]] = None
        self._end = 0  # the position of the next record
        self._torn = False  # there are bytes behind it, left by a kill
        self._unsynced = False

    @property
    def stat(self) -> Optional[FileStat]:
        """Its state at the last ``adopt`` or ``sync``; None if it does not exist."""
        return self._file.stat

    @property
    def path(self) -> str:
        """Its path, for messages."""
        return self._file.path

    @property
    def changes(self) -> int:
        """As ``File.changes``."""
        return self._file.changes

    @property
    def file(self) -> File:
        """The part file itself."""
        return self._file

    def adopt(self) -> None:
        """Accept the part file as it is now."""
        self._slots = None
        self._pool.adopt(self._file)

    def pieces(self, file: int) -> List[int]:
        """Return the pieces that have bytes of a file here, ascending."""
        slots = self._index().get(file)
        if not slots:
            return []
        first = self._layout.file_offset(file)
        return [(first + begin) // self._layout.piece_length for begin in sorted(slots)]

    @property
    def files(self) -> Set[int]:
        """The files that have any bytes here."""
        return {file for file, slots in self._index().items() if slots}

    def has(self, file: int) -> bool:
        """Return whether any bytes of a file are here."""
        return bool(self._index().get(file))

    def write(self, span: Span, buffers: Sequence[memoryview]) -> None:
        """Write buffers that together are as long as ``span``."""
        slots = self._index().setdefault(span.file, {})
        data = buffers[0] if len(buffers) == 1 else memoryview(b"".join(buffers))
        self._unsynced = True
        done = 0
        for begin, length, offset, size in self._split(span):
            slot = slots.get(begin)
            if slot is None:
                self._append(_SLOT, span.file, begin, length)
                slot = slots[begin] = _Slot(self._end, length)
                self._end += length
            self._pool.write(self._file, slot.position + offset - begin, [data[done : done + size]])
            done += size

    def read(self, span: Span) -> bytes:
        """Return the bytes of ``span``; raise ``Missing`` for bytes without a slot."""
        buffer = bytearray(span.length)
        self.read_into(span, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, span: Span, view: memoryview) -> None:
        """Fill ``view``, which is as long as ``span``."""
        slots = self._index().get(span.file, {})
        done = 0
        for begin, _, offset, size in self._split(span):
            slot = slots.get(begin)
            if slot is None:
                raise Missing(f"has nothing of file {span.file} from byte {offset} on", self._file.path)
            self._pool.read_into(self._file, slot.position + offset - begin, view[done : done + size])
            done += size

    def move(self, file: int, target: File) -> None:
        """Copy all bytes of a file to the file itself, and remove them here when that is durable."""
        slots = self._index().get(file)
        if not slots:
            return
        # In order, so that an incomplete file never has the full length.
        for begin, slot in sorted(slots.items()):
            for done in range(0, slot.length, COPY_SIZE):
                size = min(COPY_SIZE, slot.length - done)
                with contextlib.suppress(Missing):  # a slot that was never written
                    data = self._pool.read(self._file, slot.position + done, size)
                    self._pool.write(target, begin + done, [memoryview(data)])
        self._pool.sync(target)
        self._append(_GONE, file, 0, self._lengths[file])
        del self._index()[file]
        self._pool.sync(self._file)
        if not any(self._index().values()):
            self._pool.remove(self._file)
            self._end = 0
            self._unsynced = False

    def verified(self) -> None:
        """Note that a hash check passed here, of data that may not be durable: the next ``sync`` includes it."""
        self._unsynced = True

    def sync(self) -> None:
        """Make durable what was written or verified."""
        if self._unsynced:
            self._unsynced = False
            self._pool.sync(self._file)

    def _split(self, span: Span) -> Iterator[Tuple[int, int, int, int]]:
        # For each piece of a span: begin and length of the slot, begin and length of the part of the span, all in the
        # file of the torrent.
        piece_length = self._layout.piece_length
        first = self._layout.file_offset(span.file)
        offset, end = span.offset, span.offset + span.length
        while offset < end:
            begin = (first + offset) // piece_length * piece_length - first
            slot_end = min(begin + piece_length, self._lengths[span.file])
            begin = max(begin, 0)
            size = min(end, slot_end) - offset
            yield begin, slot_end - begin, offset, size
            offset += size

    def _append(self, kind: bytes, file: int, begin: int, length: int) -> None:
        if self._torn:
            # Peers chose these bytes, which might look like records.
            self._pool.truncate(self._file, self._end)
            self._torn = False
        if not self._end:
            self._pool.write(self._file, 0, [memoryview(self._header)])
            self._end = len(self._header)
        rest = _RECORD.pack(0, kind, file, begin, length)[4:]
        record = zlib.crc32(rest).to_bytes(4, "big") + rest
        self._pool.write(self._file, self._end, [memoryview(record)])
        self._end += len(record)

    def _index(self) -> Dict[int, Dict[int, _Slot]]:
        if self._slots is None:
            self._slots, self._end = self._scan()
            self._torn = self.stat is not None and self.stat.size > self._end
        return self._slots

    def _scan(self) -> Tuple[Dict[int, Dict[int, _Slot]], int]:
        # The slots, and the position of the next record.  No more records are read than this class would write.
        slots: Dict[int, Dict[int, _Slot]] = {}
        end = 0
        with contextlib.suppress(Missing):
            if self._pool.read(self._file, 0, len(self._header)) != self._header:
                return slots, end
            end = len(self._header)
            begin_of_window, window = 0, b""
            for _ in range(RECORDS_PER_FILE * (len(self._lengths) + 1)):
                if not begin_of_window <= end <= begin_of_window + len(window) - _RECORD.size:
                    size = self.stat.size if self.stat is not None else 0
                    begin_of_window = end
                    window = self._pool.read(self._file, end, max(_RECORD.size, min(_WINDOW, size - end)))
                record = window[end - begin_of_window : end - begin_of_window + _RECORD.size]
                checksum, kind, file, begin, length = _RECORD.unpack(record)
                if checksum != zlib.crc32(record[4:]) or file >= len(self._lengths):
                    break
                if kind == _GONE:
                    if slots.pop(file, None) is None:
                        break
                    length = 0
                elif begin in slots.get(file, ()) or not self._is_slot(file, begin, length):
                    break
                else:
                    slots.setdefault(file, {})[begin] = _Slot(end + _RECORD.size, length)
                end += _RECORD.size + length
        return slots, end

    def _is_slot(self, file: int, begin: int, length: int) -> bool:
        # Whether this is the part of one piece in the file.
        if begin >= self._lengths[file]:
            return False
        own_begin, own_length, _, _ = next(self._split(Span(file, begin, 1)))
        return (own_begin, own_length) == (begin, length)
