"""Resume data: which pieces were on the disk when the torrent last ran, trusted at the start where no file changed.

The rule: a piece is remembered only after its data was synced.  So what is stored is the bitfield as it was when the
sync began, less what the sync found suspect, together with the files as the sync left them.  What is there besides is
remembered as doubtful, and hashed at the next start.

A stop does not wait for the disk for long: pieces that it could not sync are remembered with the name of the page cache
that has them (see ``disk.page_cache``), and are doubtful when that is another one at the next start.
"""

from __future__ import annotations

import errno
import functools
import math
from typing import Any, Callable, Mapping, Optional, Protocol, Sequence

from .. import events
from ..disk.file import FileStat
from ..disk.results import Changed, Done, Loaded, Moved, Recalled, Synced
from ..disk.resume import Names, Resume, Unfinished
from ..disk.resume_trust import moved
from ..errors import StateError, StorageError
from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import Metainfo
from ..settings import Settings
from ..swarm.downloads import Downloads
from .checks import Check
from .durable_pieces import DurablePieces
from .event_publisher import Publisher
from .interfaces.network import Network, Timer
from .payload_parts import PieceStates, StoredFiles
from .phase import Lifecycle
from .piece_writer import PieceWriter

PATIENCE = 0.1
"""Seconds in which a stop syncs what it can: as much as a disk writes in them needs no hash check after a power cut."""
SYNC_DELAY = 1.0
"""Seconds from the end of a download to its sync, which would be in the way of a program that ends then."""


class Owner(Protocol):
    """The payload that the resume data is of."""

    def settle(self) -> None:
        """The torrent is stopped: store what is there and close the files."""

    def touch_all(self) -> None:
        """Blocks may be requested that could not before."""


class ResumeStore:
    """Resume data of one torrent.

    Args:
        metainfo: The torrent.
        owner: The payload.
        files: The files.
        pieces: The pieces; what a sync found suspect is hashed.
        network: Gives timers.
        lifecycle: The phase of the torrent.
        downloads: The pieces that are not whole.
        writer: Tells when the disk works on no piece.
        publisher: Gets the events.
        settings: How long a change may wait, and whether a stop waits for the disk.
        piece_cache: Resume data by value, used instead of what is stored.
        stored: Read from the disk and written to it; False for neither.

    Raises:
        StateError: ``piece_cache`` cannot be used.
    """

    def __init__(
        self,
        metainfo: Metainfo,
        owner: Owner,
        files: StoredFiles,
        pieces: PieceStates,
        *,
        network: Network,
        lifecycle: Lifecycle,
        downloads: Downloads,
        writer: PieceWriter,
        publisher: Publisher,
        settings: Settings,
        piece_cache: Optional[Mapping[str, Any]],
        stored: bool,
    ) -> None:
        self._metainfo = metainfo
        self._owner = owner
        self._storage, _, self._paths, self._ownership, self._storage_retry = files
        self._have, self._pieces, self._unreadable, self._checks = pieces
        self._network = network
        self._lifecycle = lifecycle
        self._downloads = downloads
        self._writer = writer
        self._publisher = publisher
        self._sync_interval = settings.sync_interval
        self._patience = math.inf if settings.sync_at_close else PATIENCE
        self.stored = stored
        self._kept: Optional[Resume] = None
        self.recalled = not stored
        """Stored resume data was read, or must not be."""
        self._resume: Optional[Resume] = None
        self._renamed = False
        """A file was renamed: the names in ``_kept`` and ``_resume`` may be old."""
        if piece_cache is not None:
            if not isinstance(piece_cache, Mapping):
                raise StateError(
                    "piece_cache", f"must be what the property of that name returned, not {piece_cache!r:.80}"
                )
            try:
                resume = self._resume = Resume.of(dict(piece_cache), metainfo)
            except (TypeError, ValueError) as error:
                raise StateError("piece_cache", f"cannot be used: it {error}") from error
            self.recalled = True
            self._learn(resume)
        self.unfinished: Unfinished = ()
        """Pieces of which some blocks are on disk, while the torrent is not live."""
        self._remembered = False
        """There is stored resume data."""
        self._dirty = False
        self.durable = DurablePieces(pieces.have)
        self._timer: Optional[Timer] = None

    @property
    def kept(self) -> Optional[Resume]:
        """Resume data as of the last stop."""
        return self._named(self._kept)

    @kept.setter
    def kept(self, resume: Optional[Resume]) -> None:
        self._kept = resume

    @property
    def resume(self) -> Optional[Resume]:
        """The resume data read or stored last."""
        return self._named(self._resume)

    @resume.setter
    def resume(self, resume: Optional[Resume]) -> None:
        self._resume = resume

    def _named(self, resume: Optional[Resume]) -> Optional[Resume]:
        """Put in the names as they are: done here, as 20,000 files may be renamed before the data is used."""
        return resume._replace(names=self._names(resume.files)) if resume is not None and self._renamed else resume

    def recall(self, then: Callable[[], None]) -> None:
        """Read stored resume data once, as it has the names of files, then call ``then``."""
        if self.recalled:
            then()
            return

        def recalled(answer: Recalled) -> None:
            if not self.recalled:
                self.recalled = True
                self.resume = answer.resume
                self._remembered = answer.resume is not None or bool(answer.reasons)
                if answer.reasons:
                    self._publisher.publish(events.ResumeIgnored, reasons=answer.reasons)
                if answer.resume is not None:
                    self._learn(answer.resume)
            then()

        self._storage.recall(recalled)

    def _learn(self, resume: Resume) -> None:
        self._ownership.recall(resume)
        self._paths.recall(resume.names)
        self._storage.name(resume.names)

    def changed(self) -> None:
        """Pieces were found or lost: store that within the interval."""
        self._dirty = True
        self._schedule(self._sync_interval)

    def _schedule(self, delay: float) -> None:
        if self._timer is None and self.stored and not self._lifecycle.closed:
            self._timer = self._network.call_later(delay, self._due)

    def completed(self) -> None:
        """The download became complete in this run: store that now."""
        if self.stored and self._lifecycle.live:
            # At once and without a sync: the program may be about to end.  The sync follows if it does not.
            self.keep(clean=False, patience=min(self._patience, 0.0), done=lambda resume: None)

    def mark(self, done: Callable[[], None]) -> None:
        """Store which files are the torrent's own, and nothing else that is new, before the first of them is written.

        ``done`` is called also when that failed: the files are used all the same, and the next store reports why.
        """
        resume = self.resume
        if not self.stored:
            done()
            return
        if resume is None:
            nothing = bytes(Bitfield(self._metainfo.piece_count))
            resume = Resume(self._metainfo.infohash, nothing, (None,) * len(self._metainfo.files))
        resume = resume._replace(names=self._names(resume.files), own=bytes(self._ownership))
        marked = resume

        def stored(answer: Done) -> None:
            if answer.error is None:
                self._remembered = True
                self._ownership.stored(marked)
            done()

        self._storage.remember(marked, stored)

    def _due(self) -> None:
        self._timer = None
        if self._dirty and self.durable.syncing:
            self.changed()  # no second sync on a disk that hangs
        elif self._dirty:
            self.keep(clean=False, done=lambda resume: None)

    def keep(self, *, clean: bool, patience: float = math.inf, done: Callable[[Optional[Resume]], None]) -> None:
        """Sync the data, store what is there, and call ``done`` with the resume data, or None when that failed.

        While it is not known which files are there, what was stored before stays: files that are gone would otherwise
        be remembered as never written.  Pieces that wait for a hash check are doubtful.

        Args:
            clean: Whether the torrent is stopped.
            patience: As for ``Storage.sync``.
            done: Called with the resume data.
        """
        self._cancel()
        if not self._pieces.known or self._unreadable:
            done(self.resume)
            return
        self._dirty = False
        if clean:
            self._writer.when_saved(lambda: self._keep_unfinished(patience, done))
        else:
            self._sync(patience, done=done, clean=False, unfinished=())

    def stow(self, done: Callable[[Optional[Resume]], None]) -> None:
        """The torrent was stopped: store what is there, as ``keep`` does."""
        self.keep(clean=True, patience=self._patience, done=done)

    def _keep_unfinished(self, patience: float, done: Callable[[Optional[Resume]], None]) -> None:
        """Write the blocks of unfinished pieces, so that the next start continues with them."""
        pieces = self._downloads.unfinished()

        def written(answer: Done) -> None:
            if answer.error is not None:
                self._storage_retry.begin(answer.error)
            elif not self._lifecycle.started:
                self.unfinished += tuple((piece.piece, piece.blocks) for piece in pieces)
                self._downloads.forget()
            self._sync(patience, done=done, clean=True, unfinished=self.unfinished)

        runs = [(piece.piece, begin, data) for piece in pieces for begin, data in piece.runs]
        self._storage.write(runs, written)

    def restore(self) -> None:
        """The files can be used: open the unfinished pieces with the blocks that are on disk."""
        if self._dirty:
            self.changed()
        unfinished, self.unfinished = self.unfinished, ()
        layout = self._metainfo.layout
        for index, blocks in unfinished:
            for segment, begin, size in self._downloads.restore(index, Bitfield(layout.block_count(index), blocks)):
                self._storage.load([(index, begin, size)], functools.partial(self._restored, segment))

    def _restored(self, segment: int, answers: Sequence[Loaded]) -> None:
        (loaded,) = answers
        self._downloads.restored(loaded.index, segment, None if loaded.error is not None else loaded.data)
        self._writer.tell_saved()
        self._owner.touch_all()

    def _sync(
        self, patience: float, *, clean: bool, unfinished: Unfinished, done: Callable[[Optional[Resume]], None]
    ) -> None:
        claimed = self.durable.begin()

        def synced(answer: Synced) -> None:
            late = self.durable.end(claimed, answer)
            if answer.error is not None:
                self._storage_retry.begin(answer.error)
            self._remember(claimed, late, answer, clean=clean, unfinished=unfinished, done=done)

        self._storage.sync(synced, older=self.durable.take_older(), patience=patience)

    def _hashed_again(self, changed: Sequence[Changed], check: Check) -> None:
        """Report files that another program changed if a piece is wrong: some systems change times alone."""
        failed = set(check.failed) if check.error is None else set()
        for path, suspects in changed:
            wrong = len(failed.intersection(suspects))
            if wrong:
                reason = f"was changed by another program, {wrong} piece{'s are' if wrong > 1 else ' is'} wrong now"
                self._publisher.publish(
                    events.StorageFailed, path=path, errno=errno.ESTALE, reason=reason, retry_in=0.0
                )

    def _refused(self, error: StorageError) -> None:
        """Resume data could not be stored: try again after the interval if the torrent is started."""
        self._dirty = True
        self._storage_retry.forget(error)
        if self._lifecycle.started:
            self.changed()

    def finish(self, *, done: Callable[[Optional[Resume]], None]) -> None:
        """The torrent was closed: store what changed since the stop."""
        self._cancel()
        if self._dirty:
            self.stow(done)
        else:
            done(self.kept)

    def moved(self, answer: Moved) -> None:
        """All files were moved: store resume data with their new place."""
        self._found_again(answer)
        if not self._lifecycle.started:
            self._owner.settle()
        else:
            self.keep(clean=False, done=lambda resume: None)

    def renamed(self, answer: Moved) -> None:
        """One file was renamed, and the disk stored that; no sync, as a user may rename many in a row."""
        self._renamed = True
        self._found_again(answer)
        if self._lifecycle.started:
            self.changed()
        elif self._dirty or self._kept is None:
            self._owner.settle()
        else:
            self._storage.close(lambda done: None)

    def _found_again(self, answer: Moved) -> None:
        if self._resume is not None:
            self._resume = moved(self._resume, answer)
        if self._kept is not None:
            self._kept = moved(self._kept, answer)

    def _names(self, files: Sequence[Optional[FileStat]]) -> Names:
        """The names to remember.  For files that are not there, the next start chooses a name anew."""
        found = {index: parts for index, parts in self._paths.chosen.items() if files[index] is not None}
        return tuple({**found, **self._paths.renamed}.items())

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _remember(
        self,
        claimed: Bitfield,
        late: Bitfield,
        synced: Synced,
        *,
        clean: bool,
        unfinished: Unfinished,
        done: Callable[[Optional[Resume]], None],
    ) -> None:
        # The files are remembered as they are after the sync, with whatever was written or changed in them since the
        # claim was made: of those pieces the next start must not think that they are missing.
        doubtful = self._have.without(claimed)
        doubtful.add([*self._downloads.finished])
        doubtful.add([index for index in self._unreadable.hashing.indexes() if not claimed[index]])
        # Pieces that are not sent are being hashed already, and an event said why.
        suspects = [index for index in synced.suspects if self._pieces.serves(index)]
        if suspects and self._lifecycle.started:
            self._checks.add(Check(suspects, functools.partial(self._hashed_again, synced.changed)))
        if synced.error is not None:
            # A file that is gone or cannot be synced may come back: the resume data of before stays true.
            if self._lifecycle.started:
                self.changed()
            done(self.resume)
            return
        resume = self.resume = Resume(
            infohash=self._metainfo.infohash,
            have=bytes(claimed),
            files=synced.files,
            part_file=synced.part_file,
            unfinished=unfinished,
            clean=clean,
            names=self._names(synced.files),
            doubtful=b"" if doubtful.empty else bytes(doubtful),
            unsynced=b"" if late.empty else bytes(late),
            page_cache=synced.page_cache if synced.unsynced else "",
            own=bytes(self._ownership),
        )

        if synced.unsynced:
            self._dirty = True
            if self._lifecycle.started:
                self._schedule(min(SYNC_DELAY, self._sync_interval))

        def stored(answer: Done) -> None:
            if answer.error is not None:
                self._refused(answer.error)
            else:
                self._storage_retry.remembered()
                self._ownership.stored(resume)
            done(resume)

        # A torrent of which no piece was ever there stores nothing, whatever files have its names.
        own = any(bytes(self._ownership))
        something = (
            self._remembered or not (claimed.empty and doubtful.empty) or unfinished or own or self._paths.renamed
        )
        if self.stored and something:
            self._remembered = True
            self._storage.remember(resume, stored)
        else:
            done(resume)
