"""Writes what was downloaded: finished pieces are hashed and written by the disk, and its answers set the bits.

The order after a piece was written is deliberate: the bit is set, peers are told, trackers are told, interest is looked
at again, and only then the user hears of it and may do anything.
"""

from __future__ import annotations

import functools
from typing import Callable, List, Protocol, Sequence, Tuple

from .. import events
from ..disk.results import Checked, Done, Saved
from ..swarm.downloads import Downloads
from ..swarm.interfaces import ReceivedPiece
from .event_publisher import Publisher
from .payload_parts import PieceStates, StoredFiles

SAVE_BYTES = 4 * 1024 * 1024
"""Bytes of finished pieces in one disk job: small pieces share a hop between threads, workers share the rest."""

LEAST_SAVE = 2 * 1024 * 1024
"""Bytes that make a job while the disk has another: a job costs 0.2 ms of Python in the two threads, like a piece."""


class Listener(Protocol):
    """Is told what was written."""

    def on_pieces_written(self, indexes: Sequence[int]) -> None:
        """These pieces were downloaded and written, and are there now."""


class PieceWriter:
    """The writer of one torrent (``swarm.interfaces.PieceWriter``).

    ``downloads`` is set by the payload once it made them, as they need the writer.

    Args:
        files: The files.
        pieces: Are told what was written.
        schedule: Calls ``save`` at the end of the pass.
        publisher: Gets the events of pieces.
        listener: Is told what was written.
        workers: Threads of the disk.
    """

    downloads: Downloads

    def __init__(
        self,
        files: StoredFiles,
        pieces: PieceStates,
        *,
        schedule: Callable[[], None],
        publisher: Publisher,
        listener: Listener,
        workers: int,
    ) -> None:
        self._storage = files.storage
        self._storage_retry = files.retry
        self._pieces = pieces.verified
        self._checks = pieces.checks
        self._unreadable = pieces.unreadable
        self._schedule = schedule
        self._publisher = publisher
        self._listener = listener
        self._finished: List[ReceivedPiece] = []
        self._bytes = 0
        """Bytes of these pieces."""
        self._saves = 0
        # One more than there are workers: what comes while all are busy goes together into the next job.  Beside a main
        # thread that computes, that thread keeps 64 % of its speed then, and 59 % with a job for each pass.
        self._most_saves = workers + 1
        self._waiting: List[Callable[[], None]] = []

    # -- what the downloads ask --------------------------------------------------------------------------------------

    def received(self, piece: ReceivedPiece) -> None:
        """Every block of a piece is here."""
        if not self._finished:  # 0.1 us less for each that is not the first of a pass
            self._schedule()
        self._finished.append(piece)
        self._bytes += piece.size

    def received_segment(self, index: int, begin: int, data: memoryview, written: Callable[[bool], None]) -> None:
        """A part of a large piece is here: write it, unhashed."""
        self._storage.write([(index, begin, data)], functools.partial(self._written, written))

    def _written(self, written: Callable[[bool], None], done: Done) -> None:
        if done.error is not None:
            self._storage_retry.begin(done.error)
        written(done.error is not None)
        self.tell_saved()

    def written_whole(self, index: int) -> None:
        """All of a large piece is on disk: hash it there."""
        self._storage.check([index], functools.partial(self._hashed, index))

    def _hashed(self, index: int, checked: Checked) -> None:
        wrong = checked.wrong
        unhashed = tuple([index for index in checked.failed if index not in wrong])
        saved = Saved(checked.passed, wrong, unhashed=unhashed, error=checked.error)

        def read(fingerprint: bytes) -> None:
            self._judge(saved._replace(fingerprints={index: fingerprint}))

        if not unhashed and self.downloads.finished.compares(index, right=not wrong):
            self._storage.fingerprint(index, read)
        else:
            self._judge(saved)

    # -- the disk ----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Give the finished pieces to the disk, if it has nothing else or they are worth a job."""
        finished = self._finished
        while finished and self._saves < self._most_saves and (not self._saves or self._bytes >= LEAST_SAVE):
            batch: List[Tuple[int, memoryview]] = []
            size = 0
            for piece in finished:
                batch.append((piece.index, piece.whole))
                size += piece.size
                if size >= SAVE_BYTES:
                    break
            del finished[: len(batch)]
            self._bytes -= size
            self._saves += 1
            suspects = self.downloads.finished.suspects
            compared = [index for index, _ in batch if index in suspects] if suspects else ()
            self._storage.save(batch, self._saved, compared=compared)

    def _saved(self, saved: Saved) -> None:
        self._saves -= 1
        self.save()
        self._judge(saved)

    def _judge(self, saved: Saved) -> None:
        kept = saved.kept
        self._unreadable.drop(kept)
        if saved.error is not None:
            self._storage_retry.begin(saved.error)
        elif kept:
            self._storage_retry.end()
        self._checks.overtake(kept)
        found = self._pieces.written(kept)
        failed = self.downloads.finished.saved(
            kept, wrong=saved.wrong, unwritten=saved.unwritten, unhashed=saved.unhashed, fingerprints=saved.fingerprints
        )
        self._listener.on_pieces_written(found)
        self._pieces.changed()
        self._publisher.publish_passed(found)
        for index, senders in failed:
            peers = tuple(dict.fromkeys(sender.address for sender in senders))
            self._publisher.publish(events.PieceFailed, index=index, peers=peers)
        self._pieces.passed_files(found)
        self.tell_saved()

    # -- the end of writes -------------------------------------------------------------------------------------------

    def when_saved(self, callback: Callable[[], None]) -> None:
        """Call when the disk works on no piece; at once if it does not."""
        if self._finished or self.downloads.saving:
            self._waiting.append(callback)
        else:
            callback()

    def tell_saved(self) -> None:
        """The disk is done with a piece: make the calls that wait, if it was the last piece."""
        if self._waiting and not self._finished and not self.downloads.saving:
            waiting, self._waiting = self._waiting, []
            for callback in waiting:
                callback()
