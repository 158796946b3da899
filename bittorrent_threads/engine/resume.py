"""What was on the disk when the torrent last ran: believed at the start where nothing changed, kept up to date after.

The rule: a piece is remembered only after its data was synced.  So what is stored is the bitfield as it was when the
sync began, less what the sync found suspect, together with the files as the sync left them.  What is there besides is
remembered as doubtful, and hashed at the next start.
"""

from __future__ import annotations

import errno
import functools
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence

from .. import events
from ..disk.file import FileStat
from ..disk.results import Changed
from ..disk.resume import Names, Resume, Unfinished
from ..disk.resume_trust import moved
from ..errors import StateError, StorageError
from ..metainfo.bitfield import Bitfield
from .checks import Check
from .interfaces import Done, Loaded, Moved, Recalled, Synced, Timer

if TYPE_CHECKING:
    from .torrent import Torrent


class ResumeStore:
    """Resume data of one torrent.

    ``piece_cache`` is resume data by value; it is used instead of what is stored.  With ``stored`` false nothing is
    read from the disk nor written to it.
    """

    def __init__(self, torrent: Torrent, *, piece_cache: Optional[Mapping[str, Any]], stored: bool) -> None:
        self._torrent = torrent
        self.stored = stored
        self._recalled = not stored
        """Nothing that was stored is to be asked for (any more)."""
        self.resume: Optional[Resume] = None
        """What was remembered last."""
        if piece_cache is not None:
            try:
                self.resume = Resume.of(dict(piece_cache), torrent.metainfo)
            except (TypeError, ValueError) as error:
                raise StateError("piece_cache", f"cannot be used: it {error}") from error
            self._recalled = True
            self._learn(self.resume)
        self.unfinished: Unfinished = ()
        """Pieces of which some blocks are on disk, while the torrent is not live."""
        self._remembered = False
        """There is stored resume data."""
        self._dirty = False
        self._syncs = 0
        """Under way."""
        self._timer: Optional[Timer] = None

    def recall(self, then: Callable[[], None]) -> None:
        """Learn what was stored, the names of files first of all, unless that is known; and then go on."""
        if self._recalled:
            then()
            return

        def recalled(answer: Recalled) -> None:
            if not self._recalled:
                self._recalled = True
                self.resume = answer.resume
                self._remembered = answer.resume is not None or bool(answer.reasons)
                if answer.reasons:
                    self._torrent.publish(events.ResumeIgnored, reasons=answer.reasons)
                if answer.resume is not None:
                    self._learn(answer.resume)
            then()

        self._torrent.storage.recall(recalled)

    def _learn(self, resume: Resume) -> None:
        self._torrent.file_ownership.recall(resume)
        self._torrent.names.update(resume.names)
        self._torrent.storage.name(resume.names)

    def changed(self) -> None:
        """Pieces came or went: store that within the interval."""
        self._dirty = True
        if self._timer is None and self.stored and not self._torrent.closed:
            self._timer = self._torrent.engine.network.call_later(self._torrent.settings.sync_interval, self._due)

    def completed(self) -> None:
        """All that is wanted is there: store that now, unless it was there at the start."""
        if self.stored and self._torrent.live:
            self.keep(clean=False, done=lambda resume: None)

    def mark(self, done: Callable[[], None]) -> None:
        """Store which files are the torrent's own, and nothing else that is new, before the first of them is written.

        ``done`` is called also when that failed: it holds nothing up, and the next store tells why.
        """
        torrent, resume = self._torrent, self.resume
        if not self.stored:
            done()
            return
        if resume is None:
            nothing = bytes(Bitfield(torrent.metainfo.piece_count))
            resume = Resume(torrent.metainfo.infohash, nothing, (None,) * len(torrent.metainfo.files))
        resume = resume._replace(names=self._names(resume.files), own=bytes(torrent.file_ownership))
        marked = resume

        def stored(answer: Done) -> None:
            if answer.error is None:
                self._remembered = True
                torrent.file_ownership.stored(marked)
            done()

        torrent.storage.remember(marked, stored)

    def _due(self) -> None:
        self._timer = None
        if self._dirty and self._syncs:
            self.changed()  # a disk that hangs gets no second one
        elif self._dirty:
            self.keep(clean=False, done=lambda resume: None)

    def keep(self, *, clean: bool, done: Callable[[Optional[Resume]], None]) -> None:
        """Sync the data, store what is there, and call ``done`` with the resume data, or None when that failed.

        While it is not known which files are there, what was stored before stays: files that are gone would otherwise
        be taken for files that never were.  Pieces that wait for a hash check are doubtful.
        """
        self._cancel()
        if not self._torrent.file_check.known or self._torrent.unreadable:
            done(self.resume)
            return
        self._dirty = False
        if clean:
            self._torrent.piece_tracker.when_saved(lambda: self._keep_unfinished(done))
        else:
            self._sync(done=done, clean=False, unfinished=())

    def _keep_unfinished(self, done: Callable[[Optional[Resume]], None]) -> None:
        """Write what there is of the pieces that are not whole: they go on from there."""
        torrent = self._torrent
        pieces = torrent.downloads.unfinished()

        def written(answer: Done) -> None:
            if answer.error is not None:
                torrent.storage_retry.begin(answer.error)
            elif torrent.state == "stopped":
                self.unfinished += tuple((piece.piece, piece.blocks) for piece in pieces)
                torrent.downloads.forget()
            self._sync(done=done, clean=True, unfinished=self.unfinished)

        runs = [(piece.piece, begin, data) for piece in pieces for begin, data in piece.runs]
        torrent.storage.write(runs, written)

    def restore(self) -> None:
        """The files can be used: open the pieces that are not whole with what there is of them."""
        torrent = self._torrent
        if self._dirty:
            self.changed()
        unfinished, self.unfinished = self.unfinished, ()
        layout = torrent.metainfo.layout
        for index, blocks in unfinished:
            for segment, begin, size in torrent.downloads.restore(index, Bitfield(layout.block_count(index), blocks)):
                torrent.storage.load([(index, begin, size)], functools.partial(self._restored, segment))

    def _restored(self, segment: int, answers: Sequence[Loaded]) -> None:
        (loaded,) = answers
        self._torrent.downloads.restored(loaded.index, segment, None if loaded.error is not None else loaded.data)
        self._torrent.piece_tracker.tell_saved()
        self._torrent.peers.touch_all()

    def _sync(self, *, clean: bool, unfinished: Unfinished, done: Callable[[Optional[Resume]], None]) -> None:
        claimed = self._torrent.have.copy()

        def synced(answer: Synced) -> None:
            self._syncs -= 1
            if answer.error is not None:
                self._torrent.storage_retry.begin(answer.error)
            self._remember(claimed, answer, clean=clean, unfinished=unfinished, done=done)

        self._syncs += 1
        self._torrent.storage.sync(synced)

    def _hashed_again(self, changed: Sequence[Changed], check: Check) -> None:
        """Tell of files that another program changed; but some systems change times, and only times, by themselves."""
        failed = set(check.failed) if check.error is None else set()
        for path, suspects in changed:
            wrong = len(failed.intersection(suspects))
            if wrong:
                reason = f"was changed by another program, {wrong} piece{'s are' if wrong > 1 else ' is'} wrong now"
                self._torrent.publish(events.StorageFailed, path=path, errno=errno.ESTALE, reason=reason, retry_in=0.0)

    def _refused(self, error: StorageError) -> None:
        """Resume data could not be stored: try again with the next, while there is one to come."""
        self._dirty = True
        self._torrent.storage_retry.forget(error)
        if self._torrent.state != "stopped":
            self.changed()

    def finish(self, *, done: Callable[[Optional[Resume]], None]) -> None:
        """The torrent goes away: store what changed since the stop, and nothing later."""
        self._cancel()
        if self._dirty:
            self.keep(clean=True, done=done)
        else:
            done(self._torrent.kept)

    def moved(self, answer: Moved) -> None:
        """The files are at another place: what is known of them is true there, and is stored there."""
        self._found_again(answer)
        if self._torrent.state == "stopped":
            self._torrent.settle()
        else:
            self.keep(clean=False, done=lambda resume: None)

    def renamed(self, answer: Moved) -> None:
        """One file has another name, which is stored: of many that are renamed, each would have all of them synced."""
        self._found_again(answer)
        if self._torrent.state != "stopped":
            self.changed()
        elif self._dirty or self._torrent.kept is None:
            self._torrent.settle()
        else:
            self._torrent.storage.close(lambda done: None)

    def _found_again(self, answer: Moved) -> None:
        torrent = self._torrent
        if self.resume is not None:
            after = moved(self.resume, answer)
            self.resume = after._replace(names=self._names(after.files))
        if torrent.kept is not None:
            after = moved(torrent.kept, answer)
            torrent.kept = after._replace(names=self._names(after.files))

    def _names(self, files: Sequence[Optional[FileStat]]) -> Names:
        """The names to remember.  For files that are not there, the next start chooses a name anew."""
        torrent = self._torrent
        found = {index: parts for index, parts in torrent.chosen_names.items() if files[index] is not None}
        return tuple({**found, **torrent.names}.items())

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _remember(
        self,
        claimed: Bitfield,
        synced: Synced,
        *,
        clean: bool,
        unfinished: Unfinished,
        done: Callable[[Optional[Resume]], None],
    ) -> None:
        torrent = self._torrent
        for index in (*synced.suspects, *claimed.without(torrent.have).indexes()):
            claimed.clear(index)
        # The files are remembered as they are after the sync, with whatever was written or changed in them since the
        # claim was made: of those pieces the next start must not think that they are missing.
        doubtful = torrent.have.without(claimed)
        doubtful.add([*torrent.downloads.finished])
        doubtful.add([index for index in torrent.unreadable.hashing.indexes() if not claimed[index]])
        # Those that are not served are being hashed already, and it was told why.
        suspects = [index for index in synced.suspects if torrent.piece_tracker.serves(index)]
        if suspects and torrent.state != "stopped":
            torrent.checks.add(Check(suspects, functools.partial(self._hashed_again, synced.changed)))
        if synced.error is not None:
            # A file that is gone or cannot be synced may come back: what was said of it before is no less true.
            if torrent.state != "stopped":
                self.changed()
            done(self.resume)
            return
        resume = self.resume = Resume(
            infohash=torrent.metainfo.infohash,
            have=bytes(claimed),
            files=synced.files,
            part_file=synced.part_file,
            unfinished=unfinished,
            clean=clean,
            names=self._names(synced.files),
            doubtful=b"" if doubtful.empty else bytes(doubtful),
            own=bytes(torrent.file_ownership),
        )

        def stored(answer: Done) -> None:
            if answer.error is not None:
                self._refused(answer.error)
            else:
                torrent.storage_retry.remembered()
                torrent.file_ownership.stored(resume)
            done(resume)

        # A torrent of which nothing ever was there leaves no trace, whatever was there by its names.
        own = any(bytes(torrent.file_ownership))
        something = self._remembered or not (claimed.empty and doubtful.empty) or unfinished or own or torrent.names
        if self.stored and something:
            self._remembered = True
            torrent.storage.remember(resume, stored)
        else:
            done(resume)
