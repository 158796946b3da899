"""Which files of a torrent are there: looked at before it goes live, and again as long as one is awaited.

A file is awaited if it was there when the torrent last ran and is gone (its disk may not be mounted), or if it could
not be looked at.  The rule: nothing is made while one is.  What can be used is used, the pieces of the others are
unread, and whatever the first look could not say a later one does.

Where all files have other inodes than before and are the same otherwise, a few pieces are hashed first, and the rest is
believed if they are right: a file system that numbers its files anew at each mount would have everything hashed.
"""

from __future__ import annotations

import errno
import functools
from typing import TYPE_CHECKING, Callable, FrozenSet, Optional, Sequence, Tuple

from ..disk.resume import Resume
from ..disk.resume_trust import Trust, compare, renumbered, sample
from ..errors import StorageError
from ..metainfo.bitfield import Bitfield
from .checks import Check
from .interfaces import CheckedFiles

if TYPE_CHECKING:
    from .torrent import Torrent


class FileCheck:
    """The looks at the files of one torrent."""

    def __init__(self, torrent: Torrent) -> None:
        self._torrent = torrent
        self.known = False
        """It is known which pieces are there, but for those that are unread or wait for a hash check."""
        self.under_way = False
        """The first look; a later one hinders nothing."""
        self._again = False
        self._awaited: Tuple[int, ...] = ()
        self._gone: FrozenSet[int] = frozenset()
        """Awaited files that are back when they are as they were, and not before."""
        self._found: Optional[Resume] = None
        """The files at the first look, claiming nothing, where there is no resume data."""

    def begin(self) -> bool:
        """Find out what is there, once; False when that is known."""
        if self.known:
            return False
        if not (self.under_way or self._torrent.storage_retry.on):
            self.under_way = True
            self._torrent.resume_store.recall(lambda: self._torrent.storage.check_files(self._checked_files))
        return True

    @property
    def awaited(self) -> bool:
        """There are files that are awaited."""
        return bool(self._awaited)

    def again(self) -> bool:
        """Look for the files that are awaited; False if none are."""
        if self._awaited and not (self._again or self._torrent.storage_retry.on):
            self._again = True
            self._torrent.storage.check_files(self._checked_files)
        return self.awaited

    def accept(self, then: Callable[[], None]) -> None:
        """Take the files as they are, because the user wants it; and then go on."""

        def checked_files(answer: CheckedFiles) -> None:
            if self._see(answer):
                self._torrent.retry()  # where bytes go has changed: what is not wanted must not appear again
            then()

        self._torrent.resume_store.recall(lambda: self._torrent.storage.check_files(checked_files))

    def stopped(self) -> None:
        """The next start takes files that are back as they are then, as that of another client would."""
        self._gone = frozenset()

    def settled(self) -> None:
        """Every piece was hashed because the user wanted it: the files are what they are."""
        self.known = True
        if self._awaited:
            self._awaited = ()
            self._torrent.storage_retry.end()

    def _checked_files(self, checked_files: CheckedFiles) -> None:
        torrent, resume = self._torrent, self._torrent.resume_store.resume
        if checked_files.error is not None and not checked_files.files:
            self.under_way = self._again = False
            torrent.storage_retry.begin(checked_files.error)
            return
        found = renumbered(resume, checked_files) if resume is not None and checked_files.error is None else None
        pieces = sample(found, torrent.metainfo, torrent.random) if found is not None else []
        if found is not None and pieces and (self._awaited or not self.known):
            torrent.checks.add(Check(pieces, functools.partial(self._sampled, checked_files, found)))
        else:
            self._seen(checked_files)

    def _sampled(self, checked_files: CheckedFiles, found: Resume, check: Check) -> None:
        torrent = self._torrent
        if len(check.passed) == check.total:
            torrent.file_ownership.recall(found)
            torrent.resume_store.resume = found
            torrent.resume_store.changed()
        self._seen(checked_files)

    def _seen(self, checked_files: CheckedFiles) -> None:
        torrent = self._torrent
        self.under_way = self._again = False
        self._see(checked_files)
        if self._awaited or not self.known:
            self._believe(checked_files)
        torrent.retry()

    def _see(self, checked_files: CheckedFiles) -> bool:
        """Take note of the files that are there; True if one is not that was."""
        self._torrent.chosen_names = dict(checked_files.names)
        self._torrent.file_ownership.see(checked_files)
        gone = self._torrent.files.unmade(checked_files.unmade)
        self._torrent.piece_tracker.made(checked_files.made)
        return gone

    def _believe(self, checked_files: CheckedFiles) -> None:
        torrent = self._torrent
        # A later look is at the files that were awaited: of the others more is known by now than it could tell.
        news = self._pieces(self._awaited) if self.known else Bitfield.filled(torrent.metainfo.piece_count)
        trust = self._compared(checked_files)
        self.known = True
        self._awaited = (*trust.missing, *checked_files.unseen)
        self._gone = frozenset(trust.missing)
        torrent.resume_store.unfinished = trust.unfinished
        torrent.piece_tracker.trust([index for index in trust.have.indexes() if news[index]])
        awaited = self._pieces(self._awaited)
        for index in awaited.indexes():
            news.clear(index)
        torrent.unreadable.add(awaited.indexes())
        torrent.piece_tracker.lose(awaited.indexes())
        torrent.piece_tracker.retract()
        doubtful = [index for index in trust.suspects if news[index] and not torrent.have[index]]
        for index in doubtful:
            news.clear(index)
        torrent.unreadable.hash(
            doubtful
        )  # before any snapshot is made: it would say that nothing waits for a hash check
        torrent.unreadable.drop(news.indexes())
        torrent.piece_tracker.changed()
        error = self._missed(trust.missing, checked_files) if trust.missing else checked_files.error
        if self._awaited and error is not None:
            torrent.storage_retry.begin(error)
        else:
            torrent.storage_retry.end()

    def _compared(self, checked_files: CheckedFiles) -> Trust:
        metainfo, resume = self._torrent.metainfo, self._torrent.resume_store.resume
        if resume is not None:
            return compare(resume, checked_files, metainfo, gone=self._gone)
        nothing = Bitfield(metainfo.piece_count)
        if self._found is None:
            self._found = Resume(metainfo.infohash, bytes(nothing), checked_files.files, checked_files.part_file)
        # Nobody vouches for anything, but a file that was there once is not forgotten.
        return compare(self._found, checked_files, metainfo, gone=self._gone)._replace(suspects=checked_files.present)

    def _pieces(self, files: Sequence[int]) -> Bitfield:
        layout = self._torrent.metainfo.layout
        pieces = Bitfield(layout.piece_count)
        for file in files:
            for index in layout.file_pieces(file):
                pieces.set(index)
        return pieces

    def _missed(self, files: Sequence[int], checked_files: CheckedFiles) -> StorageError:
        what, number = "was there and is gone", errno.ENOENT
        if checked_files.files[files[0]] is not None:
            what, number = "is another file than before", errno.ESTALE
        others = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
        reason = f"{what}{others}; a hash check accepts what is there now (hashcheck, or download --check)"
        return StorageError(reason, self._torrent.path(files[0]), number)
