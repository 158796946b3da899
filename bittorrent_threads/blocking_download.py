"""``download``: a whole download in one call."""

from __future__ import annotations

import errno
import queue
import time
from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from . import events
from .client import Client
from .conditions import Condition
from .errors import StorageError
from .options import ClientOptions, FolderPath, Source
from .progress_bar import Progress, check_progress_argument
from .status import Status
from .threads.latch import Cancel, check_cancel
from .timeouts import check_timeout
from .wait import Wait, wait_for

if TYPE_CHECKING:
    from typing_extensions import Unpack


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
    basedir: FolderPath = ".",
    *,
    timeout: Optional[float] = None,
    stall_timeout: Optional[float] = None,
    cancel: Optional[Cancel] = None,
    progress: Progress = False,
    **options: Unpack[ClientOptions],
) -> Download:
    """Download a torrent, and return when every wanted file is complete.

    The last data may be in the page cache of the system only; with ``Settings.sync_at_close`` all is on the disk.

    Args:
        source: The torrent, as for :class:`Client`: a path, bytes, a :class:`Metainfo` or a magnet link.
        basedir: Folder that contains the files of the torrent, or their folder.
        timeout: Most seconds of the download; None for no limit.
        stall_timeout: Most seconds without progress; None for no limit.
        cancel: Ends the download when it is set, such as a ``threading.Event``.  The data received is kept.
        progress: True draws a bar while the call waits, or writes a line every few seconds where standard error is no
            terminal or tqdm (extra ``progress``) is not installed; a function is called with a :class:`Report` several
            times a second.
        **options: Keyword arguments of :class:`Client`.

    Returns:
        The files and the figures of the download.

    Raises:
        MetainfoError: If the torrent or the magnet link cannot be used.
        StorageError: After a failure of the disk, or at once if ``basedir`` is a file, or below one.
        WaitTimeout: After ``timeout`` seconds.
        Stalled: After ``stall_timeout`` seconds without progress, with the reason.
        Cancelled: If ``cancel`` was set.
        SettingsError: If a limit or the URL of a tracker is wrong.
        StateError: If another option is wrong.
        ValueError: If a time limit is negative.
        ListenError: If no port could be bound, with ``Settings.port_strict``.
        ThreadError: If the system cannot start a thread.
    """
    check_timeout(timeout)
    check_timeout(stall_timeout, "stall_timeout")
    check_progress_argument(progress)
    check_cancel(cancel)
    began = time.monotonic()
    with Client(source, basedir, **options) as client:
        condition = Condition(_Complete(client), "complete")
        status = wait_for(Wait(client._handle, condition, timeout, stall_timeout), cancel, progress)
        pads = {index for index, file in enumerate(client._handle.torrent.content.metainfo.files) if file.pad}
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
    """The condition that a download is complete.

    A call raises StorageError if the disk stopped the torrent, as the caller of ``download`` sees no events.
    """

    def __init__(self, client: Client) -> None:
        self._events = client.events
        self._busy = False
        """Another client had the files at the first try; it may be closed soon, so one retry is waited for."""

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
