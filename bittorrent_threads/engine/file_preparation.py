"""Before a torrent asks for anything: its files are claimed, that they are its own is stored, and they are made.

The rule: what is begun last counts.  A claim is answered later, and which files are wanted may have changed by then: to
make those that were wanted would bring back what the user has removed since.  Where nothing has to be stored first, the
files are claimed and made by one job, which is given before anything that is asked of the disk after it.
"""

from __future__ import annotations

import errno
import functools
from typing import TYPE_CHECKING, Sequence

from .checks import Check
from .interfaces import Done, Prepared

if TYPE_CHECKING:
    from .torrent import Torrent


class FilePreparation:
    """The files of one torrent, from the moment it goes live on."""

    def __init__(self, torrent: Torrent) -> None:
        self._torrent = torrent
        self._begun = 0
        self._unanswered = 0
        self._overtaken = False
        """Another torrent had the files when they were to be claimed, and may have written to them."""

    @property
    def under_way(self) -> bool:
        """The files are not ready: nothing may be asked for."""
        return self._unanswered > 0

    def begin(self) -> None:
        """Make the files that are wanted now."""
        torrent = self._torrent
        # An empty folder where files were may be a disk that is not mounted: nothing is made there.
        if not torrent.live or torrent.file_check.again():
            return
        self._begun += 1
        self._unanswered += 1
        torrent.reconsider()
        wanted, own = torrent.files.wanted, torrent.file_ownership.files
        news = torrent.file_ownership.news(wanted, own) and torrent.picker.missing
        # What could not be read may be right: until that is known nothing is written, and nothing is said of it.
        if not torrent.unreadable and (news or self._overtaken or torrent.file_ownership.doubtful(wanted, own)):
            claimed = functools.partial(self._claimed, self._begun, wanted, own)
            torrent.storage.claim(wanted, own, claimed, writing=bool(torrent.picker.missing))
        else:
            self._make(wanted, own)

    def finished(self) -> None:
        """All that is wanted is there: claim the files for reading only, so that others may use them, too."""
        torrent = self._torrent
        if torrent.live:
            torrent.storage.claim(torrent.files.wanted, torrent.file_ownership.files, lambda done: None, writing=False)

    def _claimed(self, begun: int, wanted: Sequence[bool], own: Sequence[bool], done: Done) -> None:
        torrent = self._torrent
        hindered = done.error is not None and done.error.errno == errno.EBUSY
        if not torrent.live or begun != self._begun:
            self._end()
        elif self._overtaken and not hindered:
            self._overtaken = False
            if torrent.storage_retry.error is not None and torrent.storage_retry.error.errno == errno.EBUSY:
                torrent.storage_retry.end()
            torrent.file_check.accept(self._look_again)
        elif done.error is not None:
            self._prepared(wanted, Prepared(done.error, tuple(torrent.chosen_names.items())))
        elif (
            torrent.file_ownership.claim([ours or wants for ours, wants in zip(own, wanted)]) and torrent.picker.missing
        ):
            torrent.resume_store.mark(functools.partial(self._marked, begun, wanted, own))
        else:
            self._make(wanted, own)

    def _look_again(self) -> None:
        # Nothing that was known of the files need be true.
        def checked(check: Check) -> None:
            self._unanswered -= 1
            self.begin()
            self._torrent.reconsider()

        self._torrent.checks.add(Check(range(self._torrent.metainfo.piece_count), checked))

    def _marked(self, begun: int, wanted: Sequence[bool], own: Sequence[bool]) -> None:
        if self._torrent.live and begun == self._begun:
            self._make(wanted, own)
        else:
            self._end()

    def _make(self, wanted: Sequence[bool], own: Sequence[bool]) -> None:
        torrent = self._torrent
        writing = bool(torrent.picker.missing and not torrent.unreadable)
        torrent.storage.prepare(wanted, own, functools.partial(self._prepared, wanted), writing=writing)

    def _prepared(self, wanted: Sequence[bool], done: Prepared) -> None:
        torrent = self._torrent
        torrent.chosen_names = dict(done.names)
        if done.error is not None:
            self._overtaken |= done.error.errno == errno.EBUSY
            torrent.storage_retry.begin(done.error)
        elif torrent.live:
            torrent.made(wanted)
        self._end()

    def _end(self) -> None:
        self._unanswered -= 1
        self._torrent.reconsider()
