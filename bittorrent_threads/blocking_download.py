"""Download in one call."""

from __future__ import annotations

import errno
import os
import queue
import time
from typing import Any, NamedTuple, Optional, Tuple, Union

from . import events
from .client import Client
from .errors import StorageError
from .source import Source
from .status import Status
from .threads.latch import Cancel


class Download(NamedTuple):
    """The result of ``download``."""

    name: str
    """Name of the torrent, made safe for file systems."""
    infohash: bytes
    """SHA-1 hash that identifies the torrent, 20 bytes."""
    files: Tuple[str, ...]
    """Absolute paths of the wanted files."""
    size: int
    """Bytes of all files of the torrent."""
    downloaded: int
    """Payload bytes received."""
    uploaded: int
    """Payload bytes sent."""
    seconds: float
    """Time that the call took."""


def download(
    source: Source,
    basedir: Union[str, os.PathLike[str]] = ".",
    *,
    timeout: Optional[float] = None,
    stall_timeout: Optional[float] = None,
    cancel: Optional[Cancel] = None,
    **options: Any,
) -> Download:
    """Download a torrent and stop; ``options`` are those of :class:`Client`.

    ``cancel`` is a ``threading.Event``: another thread sets it to have the download end within a tenth of a second and
    be closed; what is there by then is kept.  Raises Cancelled then, what :class:`Client` and its ``wait`` raise, and
    StorageError when the disk refuses.
    """
    began = time.monotonic()
    with Client(source, basedir, **options) as client:
        status = client._wait(_Complete(client), "complete", timeout, stall_timeout, cancel)
        pads = {index for index, file in enumerate(client.metainfo.files) if file.pad}
        wanted = tuple(file.path for file in client.files if file.priority and file.index not in pads)
        return Download(
            name=client.name,
            infohash=client.infohash,
            files=wanted,
            size=client.size,
            downloaded=status.downloaded,
            uploaded=status.uploaded,
            seconds=time.monotonic() - began,
        )


class _Complete:
    """Whether all is there; raises what the disk said once it stopped the torrent, since nobody else can hear of it."""

    def __init__(self, client: Client) -> None:
        self._events = client.events
        self._busy = False
        """Another client had the files: one that was interrupted is closed in a moment, and is waited for once."""

    def __call__(self, status: Status) -> bool:
        while True:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return status.complete and not status.checking
            if isinstance(event, events.StorageFailed) and event.retry_in:
                if event.errno == errno.EBUSY and not self._busy:
                    self._busy = True
                    continue
                raise StorageError(event.reason, event.path, event.errno)
