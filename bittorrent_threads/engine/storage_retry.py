"""A disk that failed: nothing more is requested, and after a pause that doubles each time the disk is tried again.

Resume data that cannot be stored is reported too, but stops nothing: the data of the torrent may lie on another disk.
"""

from __future__ import annotations

import errno
from typing import Optional, Protocol

from .. import events
from ..errors import StorageError
from ..settings import Settings
from .event_publisher import Publisher
from .interfaces.network import Network, Timer

BUSY_PAUSE = 2.0
"""Seconds of the first pause while another client has the files: one that was interrupted is closed in a moment."""


class Owner(Protocol):
    """The payload whose files are on the disk."""

    @property
    def missing(self) -> bool:
        """Whether a wanted piece is missing."""

    @property
    def undecided(self) -> bool:
        """Whether there are pieces that may be on the disk and could not be read."""

    def reconsider(self) -> None:
        """Whether pieces may be requested may have changed."""

    def retry(self) -> None:
        """The disk may work again: try it."""


class StorageRetry:
    """Whether the files of one torrent can be written, as far as is known.

    Args:
        owner: Tries the disk again.
        network: Gives timers.
        settings: The pauses.
        publisher: Gets ``StorageFailed`` and ``StorageRecovered``.
    """

    def __init__(self, owner: Owner, network: Network, settings: Settings, publisher: Publisher) -> None:
        self._owner = owner
        self._network = network
        self._settings = settings
        self._publisher = publisher
        self._pause = 0.0
        self._timer: Optional[Timer] = None
        self._failed: Optional[StorageError] = None
        self._not_remembered: Optional[StorageError] = None
        """Why resume data could not be stored, until it is."""

    @property
    def on(self) -> bool:
        """The pause after a failure is not over: nothing may be requested."""
        return self._timer is not None

    @property
    def error(self) -> Optional[StorageError]:
        """What failed last, until a write succeeds; resume data does not count as long as pieces are missing.

        The reason: while there is an error, pieces are requested one at a time, to try the disk.
        """
        return self._failed or (None if self._owner.missing else self._not_remembered)

    def begin(self, error: StorageError) -> None:
        """A file failed; the first failure of several in a row counts."""
        if self._timer is not None:
            return
        settings = self._settings
        first = settings.disk_retry_interval
        if error.errno == errno.EBUSY:
            first = min(first, BUSY_PAUSE)
        self._pause = min(self._pause * 2 or first, settings.disk_retry_max)
        self._failed = error
        self._timer = self._network.call_later(self._pause, self._retry)
        self._report(error, self._pause)

    def end(self) -> None:
        """A write succeeded, or it is known what could not be read; neither says anything about the other."""
        if self._failed is not None and not self._owner.undecided:
            self._failed = None
            self._pause = 0.0
            self.cancel()
            self._recovered()

    def forget(self, error: StorageError) -> None:
        """Resume data could not be stored; reported once, and not beside a failure that was reported."""
        if self._failed is None and self._not_remembered is None:
            self._not_remembered = error
            self._report(error, self._settings.sync_interval)

    def remembered(self) -> None:
        """Resume data was stored."""
        if self._not_remembered is not None:
            self._not_remembered = None
            self._recovered()

    def cancel(self) -> None:
        """End the pause."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _report(self, error: StorageError, retry_in: float) -> None:
        self._owner.reconsider()
        self._publisher.publish(
            events.StorageFailed, path=error.path, errno=error.errno, reason=error.reason, retry_in=retry_in
        )

    def _recovered(self) -> None:
        self._owner.reconsider()
        if self._failed is None and self._not_remembered is None:
            self._publisher.publish(events.StorageRecovered)

    def _retry(self) -> None:
        self._timer = None
        self._owner.retry()
