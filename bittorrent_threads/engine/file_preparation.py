"""Makes the files of a torrent before anything is requested: claim them, store that they are its own, make them.

The rule: the preparation that was begun last counts.  A claim is answered later, and which files are wanted may have
changed by then: to make those that were wanted would bring back what the user has removed since.  Where nothing has to
be stored first, one job claims and makes the files, and is given before any later job of the disk.
"""

from __future__ import annotations

import errno
import functools
from typing import Protocol, Sequence

from ..disk.results import Done, Prepared
from ..swarm.picker import Picker
from .checks import Check
from .file_check import FileCheck
from .payload_parts import PieceStates, StoredFiles
from .phase import Lifecycle
from .resume import ResumeStore


class Owner(Protocol):
    """The payload whose files are prepared."""

    def reconsider(self) -> None:
        """Whether pieces may be requested may have changed."""

    def files_made(self, wanted: Sequence[bool]) -> None:
        """The files that were wanted are there, and can be used."""


class FilePreparation:
    """Prepares the files of one torrent, from the moment it goes live.

    Args:
        owner: Is told when the files can be used.
        files: The files.
        pieces: Hashed after another torrent had the files.
        lifecycle: The phase of the torrent.
        picker: Tells whether a wanted piece is missing.
        file_check: Looks for files that are awaited.
        resume_store: Stores which files are the torrent's own.
    """

    def __init__(
        self,
        owner: Owner,
        files: StoredFiles,
        pieces: PieceStates,
        *,
        lifecycle: Lifecycle,
        picker: Picker,
        file_check: FileCheck,
        resume_store: ResumeStore,
    ) -> None:
        self._owner = owner
        self._storage, self._files, self._paths, self._ownership, self._storage_retry = files
        self._unreadable = pieces.unreadable
        self._checks = pieces.checks
        self._piece_count = len(pieces.have)
        self._lifecycle = lifecycle
        self._picker = picker
        self._file_check = file_check
        self._resume_store = resume_store
        self._begun = 0
        self._unanswered = 0
        self._overtaken = False
        """Another torrent had the files when they were to be claimed, and may have written to them."""

    @property
    def under_way(self) -> bool:
        """The files are not ready: nothing may be requested."""
        return self._unanswered > 0

    def begin(self) -> None:
        """Make the files that are wanted now."""
        # An empty folder where files were may be a disk that is not mounted: nothing is made there.
        if not self._lifecycle.live or self._file_check.again():
            return
        self._begun += 1
        self._unanswered += 1
        self._owner.reconsider()
        wanted, own = self._files.wanted, self._ownership.files
        news = self._ownership.news(wanted, own) and self._picker.missing
        # Pieces that could not be read may be right: until that is known no file is claimed for writing.
        if not self._unreadable and (news or self._overtaken or self._ownership.doubtful(wanted, own)):
            claimed = functools.partial(self._claimed, self._begun, wanted, own)
            self._storage.claim(wanted, own, claimed, writing=bool(self._picker.missing))
        else:
            self._make(wanted, own)

    def finished(self) -> None:
        """All that is wanted is there: claim the files for reading only, so that others may use them, too."""
        if self._lifecycle.live:
            self._storage.claim(self._files.wanted, self._ownership.files, lambda done: None, writing=False)

    def _claimed(self, begun: int, wanted: Sequence[bool], own: Sequence[bool], done: Done) -> None:
        hindered = done.error is not None and done.error.errno == errno.EBUSY
        if not self._lifecycle.live or begun != self._begun:
            self._end()
        elif self._overtaken and not hindered:
            self._overtaken = False
            if self._storage_retry.error is not None and self._storage_retry.error.errno == errno.EBUSY:
                self._storage_retry.end()
            self._file_check.accept(self._look_again)
        elif done.error is not None:
            self._prepared(wanted, Prepared(done.error, tuple(self._paths.chosen.items())))
        elif self._ownership.claim([ours or wants for ours, wants in zip(own, wanted)]) and self._picker.missing:
            self._resume_store.mark(functools.partial(self._marked, begun, wanted, own))
        else:
            self._make(wanted, own)

    def _look_again(self) -> None:
        # Another torrent may have written to the files: hash everything.
        def checked(check: Check) -> None:
            self._unanswered -= 1
            self.begin()
            self._owner.reconsider()

        self._checks.add(Check(range(self._piece_count), checked))

    def _marked(self, begun: int, wanted: Sequence[bool], own: Sequence[bool]) -> None:
        if self._lifecycle.live and begun == self._begun:
            self._make(wanted, own)
        else:
            self._end()

    def _make(self, wanted: Sequence[bool], own: Sequence[bool]) -> None:
        writing = bool(self._picker.missing and not self._unreadable)
        self._storage.prepare(wanted, own, functools.partial(self._prepared, wanted), writing=writing)

    def _prepared(self, wanted: Sequence[bool], done: Prepared) -> None:
        self._paths.choose(done.names)
        if done.error is not None:
            self._overtaken |= done.error.errno == errno.EBUSY
            self._storage_retry.begin(done.error)
        elif self._lifecycle.live:
            self._owner.files_made(wanted)
        self._end()

    def _end(self) -> None:
        self._unanswered -= 1
        self._owner.reconsider()
