"""``SourceReader``: reads the files that a new torrent is made of, as one run of bytes.

The rule: a file that changes after it was found is an error.
"""

from __future__ import annotations

import io
import os
from typing import Callable, Optional, Sequence

from ..errors import StorageError
from ..metainfo.layout import Layout
from ..threads.original import original
from .hash_buffer import HashBuffer
from .source_files import Source

_open: Callable[[str, int], int] = original("os", "open")  # eventlet imports ``os`` anew to answer; not in a worker


class SourceReader:
    """Reads the bytes of the torrent for one thread, with one open file at a time."""

    def __init__(self, sources: Sequence[Source], layout: Layout) -> None:
        self._sources = sources
        self._layout = layout
        self.hash_buffer = HashBuffer()
        self._source: Optional[Source] = None
        self._file: Optional[io.FileIO] = None

    def __enter__(self) -> SourceReader:
        return self

    def __exit__(self, kind: Optional[type], *rest: object) -> None:
        if kind is None:
            self._close()
        elif self._file is not None:
            self._file.close()

    def read(self, offset: int, size: int) -> memoryview:
        """Return at most a buffer full, valid until the next call."""
        view = rest = self.hash_buffer.view[:size]
        for index, begin, length in self._layout.spans(offset, size):
            source = self._sources[index]
            try:
                self._fill(rest[:length], source, begin)
            except OSError as error:
                raise StorageError.wrap(error, source.path) from error
            rest = rest[length:]
        return view

    def _fill(self, view: memoryview, source: Source, begin: int) -> None:
        if self._file is None or self._source is not source:
            self._close()
            flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
            self._file = io.FileIO(source.path, opener=lambda path, _: _open(path, flags))
            self._source = source
            self._check(self._file, source)
        self._file.seek(begin)
        while view:
            count = self._file.readinto(view)
            if not count:
                raise StorageError("became shorter while it was hashed", source.path)
            view = view[count:]

    def _close(self) -> None:
        file, source = self._file, self._source
        self._file = self._source = None
        if file is not None and source is not None:
            with file:
                self._check(file, source)

    def _check(self, file: io.FileIO, source: Source) -> None:
        status = os.fstat(file.fileno())
        if status.st_size != source.size:
            raise StorageError(f"had {source.size} bytes and has {status.st_size}: it is being written", source.path)
        if status.st_mtime_ns != source.mtime_ns:
            raise StorageError("was written to while it was hashed", source.path)
