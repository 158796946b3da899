"""A disk that failed: nothing more is asked for, and after a pause that doubles each time it is tried again.

Resume data that cannot be stored is told too, but stops nothing: the data of the torrent may lie on a disk that works.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Optional

from .. import events
from ..errors import StorageError
from .interfaces import Timer

if TYPE_CHECKING:
    from .torrent import Torrent

BUSY_PAUSE = 2.0
"""Seconds of the first pause while another client has the files: one that was interrupted is closed in a moment."""


class StorageRetry:
    """Whether the files of one torrent can be written, as far as is known."""

    def __init__(self, torrent: Torrent) -> None:
        self._torrent = torrent
        self._pause = 0.0
        self._timer: Optional[Timer] = None
        self._failed: Optional[StorageError] = None
        self._forgotten: Optional[StorageError] = None
        """Why resume data could not be stored, until it is."""

    @property
    def on(self) -> bool:
        """Nothing may be asked for now."""
        return self._timer is not None

    @property
    def error(self) -> Optional[StorageError]:
        """What failed last, until a write succeeds; resume data does not count as long as pieces are missing.

        For while there is an error pieces are fetched one at a time, to try the disk.
        """
        return self._failed or (None if self._torrent.picker.missing else self._forgotten)

    def begin(self, error: StorageError) -> None:
        """A file failed; the first failure of several in a row counts."""
        if self._timer is not None:
            return
        settings = self._torrent.settings
        first = settings.disk_retry_interval
        if error.errno == errno.EBUSY:
            first = min(first, BUSY_PAUSE)
        self._pause = min(self._pause * 2 or first, settings.disk_retry_max)
        self._failed = error
        self._timer = self._torrent.engine.network.call_later(self._pause, self._retry)
        self._tell(error, self._pause)

    def end(self) -> None:
        """A write succeeded, or it is known what could not be read; neither tells anything of the other."""
        if self._failed is not None and not self._torrent.unreadable:
            self._failed = None
            self._pause = 0.0
            self.cancel()
            self._recovered()

    def forget(self, error: StorageError) -> None:
        """Resume data could not be stored; told once, and not beside a failure that was told."""
        if self._failed is None and self._forgotten is None:
            self._forgotten = error
            self._tell(error, self._torrent.settings.sync_interval)

    def remembered(self) -> None:
        """Resume data was stored."""
        if self._forgotten is not None:
            self._forgotten = None
            self._recovered()

    def cancel(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self, error: StorageError, retry_in: float) -> None:
        self._torrent.reconsider()
        self._torrent.publish(
            events.StorageFailed, path=error.path, errno=error.errno, reason=error.reason, retry_in=retry_in
        )

    def _recovered(self) -> None:
        self._torrent.reconsider()
        if self._failed is None and self._forgotten is None:
            self._torrent.publish(events.StorageRecovered)

    def _retry(self) -> None:
        self._timer = None
        self._torrent.retry()
