"""What hash checks do to a torrent: results become bits and events, and a whole check accepts the files as they are."""

from __future__ import annotations

from typing import Callable, Protocol, Sequence

from .. import events
from ..disk.results import Checked
from .checks import Check, Checks
from .event_publisher import Publisher
from .file_check import FileCheck
from .interfaces.storage import Storage
from .payload_parts import PieceStates, StoredFiles
from .phase import Lifecycle
from .storage_retry import StorageRetry
from .verified_pieces import VerifiedPieces


class Owner(Protocol):
    """The payload that is checked."""

    def advance(self) -> None:
        """Go to the next phase, if it is known what that takes."""

    def refresh(self) -> None:
        """Make the snapshot that users read."""

    def retry(self) -> None:
        """More is known of the disk: go on with what waits for that."""


class HashChecking:
    """The listener of the checks of one torrent; ``connect`` must be called before the first check.

    Args:
        piece_count: Pieces of the torrent.
        owner: Its payload.
        lifecycle: Its phase: files are closed after a check of a stopped torrent.
        publisher: Gets the events.
    """

    _checks: Checks
    _storage: Storage
    _pieces: VerifiedPieces
    _file_check: FileCheck
    _storage_retry: StorageRetry

    def __init__(self, piece_count: int, owner: Owner, lifecycle: Lifecycle, publisher: Publisher) -> None:
        self._piece_count = piece_count
        self._owner = owner
        self._lifecycle = lifecycle
        self._publisher = publisher

    def connect(self, files: StoredFiles, pieces: PieceStates, file_check: FileCheck) -> None:
        """Give the parts that are made after the checks.

        Args:
            files: Are closed after a check of a stopped torrent.
            pieces: Take the results.
            file_check: Accepts the files.
        """
        self._storage = files.storage
        self._storage_retry = files.retry
        self._checks = pieces.checks
        self._pieces = pieces.verified
        self._file_check = file_check

    def begin(self, indexes: Sequence[int], done: Callable[[Check], None]) -> Check:
        """Hash pieces for the user, and take the files as they are, whatever was there before.

        Args:
            indexes: The pieces.
            done: Called once with the check when it is finished or cancelled.
        """

        def hashed(check: Check) -> None:
            self._accept(check)
            done(check)

        check = Check(indexes, hashed)
        self._checks.expect(check)
        self._file_check.accept(lambda: self._checks.add(check))
        self._owner.refresh()
        return check

    def _accept(self, check: Check) -> None:
        """The user had pieces hashed: if it was all of them, the files are what they are."""
        if check.total < self._piece_count or check.cancelled:
            return
        self._file_check.settled()
        if check.error is None:
            self._storage_retry.cancel()
            self._owner.retry()

    def check_progressed(self, check: Check, checked: Checked) -> None:
        """Some pieces of a check are done."""
        self._pieces.checked(checked)
        done = len(check.passed) + len(check.failed)
        self._publisher.publish(events.HashcheckProgressed, done=done, total=check.total)

    def check_finished(self, check: Check) -> None:
        """A whole check is done."""
        self._pieces.retract()
        if not (self._lifecycle.started or self._lifecycle.closed):
            self._storage.close(lambda done: None)
        if check.error is not None:
            self._storage_retry.begin(check.error)
        self._owner.refresh()
        passed, failed = len(check.passed), len(check.failed)
        self._publisher.publish(events.HashcheckFinished, passed=passed, failed=failed, cancelled=check.cancelled)
        self._owner.advance()
