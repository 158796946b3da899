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

from ..disk.resume import Resume, Trust, compare, renumbered, sample
from ..errors import StorageError
from ..metainfo.bitfield import Bitfield
from .checks import Check
from .ports import Surveyed

if TYPE_CHECKING:
    from .torrent import Torrent


class Survey:
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
        if not (self.under_way or self._torrent.outage.on):
            self.under_way = True
            self._torrent.recollection.recall(lambda: self._torrent.storage.survey(self._surveyed))
        return True

    @property
    def awaited(self) -> bool:
        """There are files that are awaited."""
        return bool(self._awaited)

    def again(self) -> bool:
        """Look for the files that are awaited; False if none are."""
        if self._awaited and not (self._again or self._torrent.outage.on):
            self._again = True
            self._torrent.storage.survey(self._surveyed)
        return self.awaited

    def accept(self, then: Callable[[], None]) -> None:
        """Take the files as they are, because the user wants it; and then go on."""

        def surveyed(answer: Surveyed) -> None:
            if self._see(answer):
                self._torrent.retry()  # where bytes go has changed: what is not wanted must not appear again
            then()

        self._torrent.recollection.recall(lambda: self._torrent.storage.survey(surveyed))

    def stopped(self) -> None:
        """The next start takes files that are back as they are then, as that of another client would."""
        self._gone = frozenset()

    def settled(self) -> None:
        """Every piece was hashed because the user wanted it: the files are what they are."""
        self.known = True
        if self._awaited:
            self._awaited = ()
            self._torrent.outage.end()

    def _surveyed(self, surveyed: Surveyed) -> None:
        torrent, resume = self._torrent, self._torrent.recollection.resume
        if surveyed.error is not None and not surveyed.files:
            self.under_way = self._again = False
            torrent.outage.begin(surveyed.error)
            return
        found = renumbered(resume, surveyed) if resume is not None and surveyed.error is None else None
        pieces = sample(found, torrent.metainfo, torrent.random) if found is not None else []
        if found is not None and pieces and (self._awaited or not self.known):
            torrent.checks.add(Check(pieces, functools.partial(self._sampled, surveyed, found)))
        else:
            self._seen(surveyed)

    def _sampled(self, surveyed: Surveyed, found: Resume, check: Check) -> None:
        torrent = self._torrent
        if len(check.passed) == check.total:
            torrent.ownership.recall(found)
            torrent.recollection.resume = found
            torrent.recollection.changed()
        self._seen(surveyed)

    def _seen(self, surveyed: Surveyed) -> None:
        torrent = self._torrent
        self.under_way = self._again = False
        self._see(surveyed)
        if self._awaited or not self.known:
            self._believe(surveyed)
        torrent.retry()

    def _see(self, surveyed: Surveyed) -> bool:
        """Take note of the files that are there; True if one is not that was."""
        self._torrent.chosen_names = dict(surveyed.names)
        self._torrent.ownership.see(surveyed)
        gone = self._torrent.files.unmade(surveyed.unmade)
        self._torrent.holdings.made(surveyed.made)
        return gone

    def _believe(self, surveyed: Surveyed) -> None:
        torrent = self._torrent
        # A later look is at the files that were awaited: of the others more is known by now than it could tell.
        news = self._pieces(self._awaited) if self.known else Bitfield.filled(torrent.metainfo.piece_count)
        trust = self._compared(surveyed)
        self.known = True
        self._awaited = (*trust.missing, *surveyed.unseen)
        self._gone = frozenset(trust.missing)
        torrent.recollection.unfinished = trust.unfinished
        torrent.holdings.trust([index for index in trust.have.indexes() if news[index]])
        awaited = self._pieces(self._awaited)
        for index in awaited.indexes():
            news.clear(index)
        torrent.unread.add(awaited.indexes())
        torrent.holdings.lose(awaited.indexes())
        torrent.holdings.retract()
        doubtful = [index for index in trust.suspects if news[index] and not torrent.have[index]]
        for index in doubtful:
            news.clear(index)
        torrent.unread.hash(doubtful)  # before any snapshot is made: it would say that nothing waits for a hash check
        torrent.unread.drop(news.indexes())
        torrent.holdings.changed()
        error = self._missed(trust.missing, surveyed) if trust.missing else surveyed.error
        if self._awaited and error is not None:
            torrent.outage.begin(error)
        else:
            torrent.outage.end()

    def _compared(self, surveyed: Surveyed) -> Trust:
        metainfo, resume = self._torrent.metainfo, self._torrent.recollection.resume
        if resume is not None:
            return compare(resume, surveyed, metainfo, gone=self._gone)
        nothing = Bitfield(metainfo.piece_count)
        if self._found is None:
            self._found = Resume(metainfo.infohash, bytes(nothing), surveyed.files, surveyed.part_file)
        # Nobody vouches for anything, but a file that was there once is not forgotten.
        return compare(self._found, surveyed, metainfo, gone=self._gone)._replace(suspects=surveyed.present)

    def _pieces(self, files: Sequence[int]) -> Bitfield:
        layout = self._torrent.metainfo.layout
        pieces = Bitfield(layout.piece_count)
        for file in files:
            for index in layout.file_pieces(file):
                pieces.set(index)
        return pieces

    def _missed(self, files: Sequence[int], surveyed: Surveyed) -> StorageError:
        what, number = "was there and is gone", errno.ENOENT
        if surveyed.files[files[0]] is not None:
            what, number = "is another file than before", errno.ESTALE
        others = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
        reason = f"{what}{others}; a hash check accepts what is there now (hashcheck, or download --check)"
        return StorageError(reason, self._torrent.path(files[0]), number)
