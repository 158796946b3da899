"""Which files of a torrent are there: looked at before it goes live, and again as long as a file is awaited.

A file is awaited if it was there when the torrent last ran and is gone (its disk may not be mounted), or if it could
not be looked at.  The rule: no file is made while one is awaited.  The other files are used, the pieces of those that
are awaited are unreadable, and what the first look could not tell a later one does.

Where all files have other inodes than before and are the same otherwise, a few pieces are hashed, and if they are right
the resume data is trusted: some file systems number their files anew at each mount, and everything would be hashed.
"""

from __future__ import annotations

import errno
import functools
from typing import Any, Callable, FrozenSet, Optional, Protocol, Sequence, Tuple

from ..disk.results import CheckedFiles
from ..disk.resume import Resume
from ..disk.resume_trust import Trust, compare, renumbered, sample
from ..errors import StorageError
from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import Metainfo
from .checks import Check
from .payload_parts import PieceStates, StoredFiles
from .resume import ResumeStore


class Owner(Protocol):
    """The payload whose files are looked at."""

    def retry(self) -> None:
        """More is known of the files: continue with what waits for that."""


class FileCheck:
    """The looks at the files of one torrent.

    Args:
        metainfo: The torrent.
        owner: Goes on when the files were looked at.
        files: The files.
        pieces: Take what resume data and files tell; what is doubtful is hashed.
        resume_store: What was there when the torrent last ran.
        random: Chooses the pieces of a sample.
    """

    def __init__(
        self,
        metainfo: Metainfo,
        owner: Owner,
        files: StoredFiles,
        pieces: PieceStates,
        *,
        resume_store: ResumeStore,
        random: Any,
    ) -> None:
        self._metainfo = metainfo
        self._owner = owner
        self._storage, self._files, self._paths, self._ownership, self._storage_retry = files
        self._have, self._pieces, self._unreadable, self._checks = pieces
        self._resume_store = resume_store
        self._random = random
        self.under_way = False
        """The first look; a later one hinders nothing."""
        self._again = False
        self._awaited: Tuple[int, ...] = ()
        self._gone: FrozenSet[int] = frozenset()
        """Awaited files that count as back only when they are the same as before."""
        self._found: Optional[Resume] = None
        """The files at the first look, with no piece claimed, if there is no resume data."""

    def begin(self) -> bool:
        """Find out what is there, once.

        Returns:
            False if that is known.
        """
        if self._pieces.known:
            return False
        if not (self.under_way or self._storage_retry.on):
            self.under_way = True
            self._resume_store.recall(lambda: self._storage.check_files(self._checked_files))
        return True

    def again(self) -> bool:
        """Look for the files that are awaited; False if none are."""
        if self._awaited and not (self._again or self._storage_retry.on):
            self._again = True
            self._storage.check_files(self._checked_files)
        return bool(self._awaited)

    def accept(self, then: Callable[[], None]) -> None:
        """Accept the files as they are, as the user demands, then call ``then``."""

        def checked_files(answer: CheckedFiles) -> None:
            if self._see(answer):
                self._owner.retry()  # where bytes go has changed: what is not wanted must not appear again
            then()

        self._resume_store.recall(lambda: self._storage.check_files(checked_files))

    def stopped(self) -> None:
        """The torrent was stopped: its next start accepts files that are back as they are, as a new client would."""
        self._gone = frozenset()

    def settled(self) -> None:
        """Every piece was hashed for the user: no file is awaited any more."""
        self._pieces.known = True
        if self._awaited:
            self._await(())
            self._storage_retry.end()

    def _checked_files(self, checked_files: CheckedFiles) -> None:
        resume = self._resume_store.resume
        if checked_files.error is not None and not checked_files.files:
            self.under_way = self._again = False
            self._storage_retry.begin(checked_files.error)
            return
        found = renumbered(resume, checked_files) if resume is not None and checked_files.error is None else None
        pieces = sample(found, self._metainfo, self._random) if found is not None else []
        if found is not None and pieces and (self._awaited or not self._pieces.known):
            self._checks.add(Check(pieces, functools.partial(self._sampled, checked_files, found)))
        else:
            self._seen(checked_files)

    def _sampled(self, checked_files: CheckedFiles, found: Resume, check: Check) -> None:
        if len(check.passed) == check.total:
            self._ownership.recall(found)
            self._resume_store.resume = found
            self._resume_store.changed()
        self._seen(checked_files)

    def _seen(self, checked_files: CheckedFiles) -> None:
        self.under_way = self._again = False
        self._see(checked_files)
        if self._awaited or not self._pieces.known:
            self._believe(checked_files)
        self._owner.retry()

    def _see(self, checked_files: CheckedFiles) -> bool:
        """Note which files are there; True if one is gone that was there."""
        self._paths.choose(checked_files.names)
        self._ownership.see(checked_files)
        gone = self._files.unmade(checked_files.unmade)
        self._pieces.made(checked_files.made)
        return gone

    def _believe(self, checked_files: CheckedFiles) -> None:
        # A later look tells something new of the awaited files only: more is known of the others than a look can tell.
        news = self._pieces_of(self._awaited) if self._pieces.known else Bitfield.filled(self._metainfo.piece_count)
        trust = self._compared(checked_files)
        self._pieces.known = True
        self._await((*trust.missing, *checked_files.unseen))
        self._gone = frozenset(trust.missing)
        self._resume_store.unfinished = trust.unfinished
        found = [index for index in trust.have.indexes() if news[index]]
        self._pieces.trust(found)
        self._resume_store.durable.trusted(found, [index for index in trust.unsynced if news[index]])
        awaited = self._pieces_of(self._awaited)
        for index in awaited.indexes():
            news.clear(index)
        self._unreadable.add(awaited.indexes())
        self._pieces.lose(awaited.indexes())
        self._pieces.retract()
        doubtful = [index for index in trust.suspects if news[index] and not self._have[index]]
        for index in doubtful:
            news.clear(index)
        self._unreadable.hash(doubtful)  # before any snapshot is made: it would say that nothing waits for a hash check
        self._unreadable.drop(news.indexes())
        self._pieces.changed()
        error = self._missed(trust.missing, checked_files) if trust.missing else checked_files.error
        if self._awaited and error is not None:
            self._storage_retry.begin(error)
        else:
            self._storage_retry.end()

    def _await(self, files: Tuple[int, ...]) -> None:
        self._awaited = files
        self._unreadable.awaiting_files = bool(files)

    def _compared(self, checked_files: CheckedFiles) -> Trust:
        metainfo, resume = self._metainfo, self._resume_store.resume
        if resume is not None:
            return compare(resume, checked_files, metainfo, gone=self._gone)
        nothing = Bitfield(metainfo.piece_count)
        if self._found is None:
            self._found = Resume(metainfo.infohash, bytes(nothing), checked_files.files, checked_files.part_file)
        # No resume data claims a piece, but a file that was there once is awaited if it is gone.
        return compare(self._found, checked_files, metainfo, gone=self._gone)._replace(suspects=checked_files.present)

    def _pieces_of(self, files: Sequence[int]) -> Bitfield:
        layout = self._metainfo.layout
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
        return StorageError(reason, self._paths.path(files[0]), number)
