"""What of a torrent is ours: finished pieces go to the disk, hash checks say what is there, peers get what is sure.

The order after a piece was written is deliberate: the bit is set, peers are told, the tracker is told, interest is
looked at again, and only then the user hears of it, who may do anything then.
"""

from __future__ import annotations

import errno
import functools
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, Sequence, Tuple

from .. import events
from ..disk.file import Wrong
from ..errors import StorageError
from ..swarm.interfaces import ReceivedPiece
from .checks import Check
from .interfaces import Checked, Done, Saved

if TYPE_CHECKING:
    from .torrent import Torrent

SAVE_BYTES = 4 * 1024 * 1024
"""Bytes of finished pieces in one disk job: small pieces share a hop between threads, workers share the rest."""


class PieceTracker:
    """The pieces of one torrent that are there; also the writer of its downloads."""

    def __init__(self, torrent: Torrent) -> None:
        self._torrent = torrent
        self._finished: List[ReceivedPiece] = []
        self._saves = 0
        # As many as there are workers: what comes while all are busy goes together into the next job.  Beside a main
        # thread that computes, that thread keeps 64 % of its speed then, and 59 % with a job for each pass.
        self._most_saves = torrent.settings.disk_threads + 1
        self._waiting: List[Callable[[], None]] = []
        self._doubted: Dict[int, None] = {}
        """Pieces that could not be read: not served until a hash check has passed."""
        self._lost: Dict[int, None] = {}
        """Pieces that peers were told of and that turned out wrong: to ask for them is no offence."""
        self.complete = not torrent.picker.missing

    # -- writer of the downloads -------------------------------------------------------------------------------------

    def received(self, piece: ReceivedPiece) -> None:
        """Every block of a piece is here."""
        if not self._finished:  # 0.1 us less for each that is not the first of a pass
            self._torrent.peers.settle_later()
        self._finished.append(piece)

    def received_segment(self, index: int, begin: int, data: memoryview, written: Callable[[bool], None]) -> None:
        """Write a part of a large piece unhashed."""
        self._torrent.storage.write([(index, begin, data)], functools.partial(self._written, written))

    def _written(self, written: Callable[[bool], None], done: Done) -> None:
        if done.error is not None:
            self._torrent.storage_retry.begin(done.error)
        written(done.error is not None)
        self.tell_saved()

    def written_whole(self, index: int) -> None:
        """All of a large piece is on disk: hash it there."""
        self._torrent.storage.check([index], functools.partial(self._hashed, index))

    def _hashed(self, index: int, checked: Checked) -> None:
        wrong = checked.wrong
        unhashed = tuple([index for index in checked.failed if index not in wrong])
        saved = Saved(checked.passed, wrong, unhashed=unhashed, error=checked.error)

        def read(fingerprint: bytes) -> None:
            self._judged(saved._replace(fingerprints={index: fingerprint}))

        if not unhashed and self._torrent.downloads.finished.compares(index, right=not wrong):
            self._torrent.storage.fingerprint(index, read)
        else:
            self._judged(saved)

    # -- the disk ----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Give the finished pieces to the disk."""
        finished = self._finished
        while finished and self._saves < self._most_saves:
            batch: List[Tuple[int, memoryview]] = []
            size = 0
            for piece in finished:
                batch.append((piece.index, piece.whole))
                size += piece.size
                if size >= SAVE_BYTES:
                    break
            del finished[: len(batch)]
            self._saves += 1
            suspects = self._torrent.downloads.finished.suspects
            compared = [index for index, _ in batch if index in suspects] if suspects else ()
            self._torrent.storage.save(batch, self._saved, compared=compared)

    def _saved(self, saved: Saved) -> None:
        self._saves -= 1
        self.save()
        self._judged(saved)

    def _judged(self, saved: Saved) -> None:
        torrent = self._torrent
        kept = saved.kept
        torrent.unreadable.drop(kept)
        if saved.error is not None:
            torrent.storage_retry.begin(saved.error)
        elif kept:
            torrent.storage_retry.end()
        torrent.checks.overtake(kept)
        passed = torrent.have.add(kept)  # a hash check may have found it as soon as it was written
        failed = torrent.downloads.finished.saved(
            kept, wrong=saved.wrong, unwritten=saved.unwritten, unhashed=saved.unhashed, fingerprints=saved.fingerprints
        )
        torrent.picker.passed(kept)
        torrent.peers.tell_have(passed)
        if passed and torrent.have.full:
            torrent.announces.complete()
        self.changed()
        torrent.publish_passed(passed)
        for index, senders in failed:
            peers = tuple(dict.fromkeys(sender.address for sender in senders))
            torrent.publish(events.PieceFailed, index=index, peers=peers)
        self._publish_files(torrent.files.passed(passed))
        self.tell_saved()

    def when_saved(self, callback: Callable[[], None]) -> None:
        """Call when the disk works on no piece; at once if it does not."""
        if self._finished or self._torrent.downloads.saving:
            self._waiting.append(callback)
        else:
            callback()

    def tell_saved(self) -> None:
        """The disk is done with a piece: call who waits, if it was the last."""
        if self._waiting and not self._finished and not self._torrent.downloads.saving:
            waiting, self._waiting = self._waiting, []
            for callback in waiting:
                callback()

    def load_failed(self, index: int, error: StorageError) -> None:
        """A piece could not be read for a peer: see what is left of it, and of its file if that is not what it was."""
        if not self.serves(index):
            return
        torrent = self._torrent
        doubtful = [index, *self._beside(error)]
        doubtful = [each for each in dict.fromkeys(doubtful) if self.serves(each)]
        self._doubted.update(dict.fromkeys(doubtful))
        if isinstance(error, Wrong):
            self.lose([index])  # at once: whoever hears of it must not find the torrent complete
            self.changed()
        torrent.publish(events.StorageFailed, path=error.path, errno=error.errno, reason=error.reason, retry_in=0.0)
        torrent.checks.add(Check(sorted(doubtful), lambda check: None))

    def _beside(self, error: StorageError) -> List[int]:
        """The pieces of the file that was removed, replaced, cut or changed, if that is the error."""
        torrent = self._torrent
        if error.errno not in (errno.ENOENT, errno.ESTALE, 0):
            return []
        files = range(len(torrent.metainfo.files))
        found = [torrent.metainfo.layout.file_pieces(file) for file in files if torrent.path(file) == error.path]
        return [index for pieces in found for index in pieces]

    def serves(self, index: int) -> bool:
        """May peers ask for this piece?"""
        return self._torrent.have[index] and index not in self._doubted

    def misled(self, index: int) -> bool:
        """Were peers told of this piece, though it is not served (any more)?"""
        return index in self._doubted or index in self._lost

    def retract(self) -> None:
        """All that is lost is known: no message takes a HAVE back, so peers that heard too many come again."""
        if self._lost:
            self._lost.clear()
            self._torrent.peers.close_all("we lost pieces that the peer was told of")
            self._torrent.peerlist.forgive(self._torrent.now())
            self._torrent.engine.dialer.wake(self._torrent)

    # -- hash checks and memory --------------------------------------------------------------------------------------

    def trust(self, indexes: Sequence[int]) -> None:
        """These pieces are there: somebody vouched for them."""
        torrent = self._torrent
        found = torrent.have.add(indexes)
        torrent.downloads.drop(found)
        torrent.picker.passed(found)
        torrent.peers.tell_have(found)
        self._publish_files(torrent.files.passed(found))

    def lose(self, indexes: Iterable[int]) -> None:
        """These pieces are not there, as far as is known; those that heard otherwise hear it at the next retraction."""
        torrent = self._torrent
        lost = [index for index in indexes if torrent.have.clear(index)]
        self._lost.update(dict.fromkeys(lost))
        torrent.files.lost(lost)
        for index in lost:
            torrent.picker.lost(index)

    def checked(self, checked: Checked) -> None:
        """Some pieces of a hash check are done.

        Nothing is known of those that could not be read: they are had no more, and missing no more than that.
        """
        torrent = self._torrent
        torrent.unreadable.add(checked.unreadable)
        if self._doubted:
            again = [index for index in checked.passed if index in self._doubted]
            for index in (*checked.passed, *checked.failed):
                self._doubted.pop(index, None)
            torrent.peers.tell_have(again)  # whose requests for it were rejected
        self.trust(checked.passed)
        self.lose(checked.failed)
        torrent.unreadable.drop((*checked.passed, *checked.wrong))
        self.changed()
        torrent.publish_passed(checked.passed)
        for index in checked.wrong:
            torrent.publish(events.PieceFailed, index=index)

    def changed(self) -> None:
        """Pieces came, went, or changed their priority."""
        torrent = self._torrent
        torrent.resume_store.changed()
        complete = not torrent.picker.missing
        newly, lost = complete and not self.complete, self.complete and not complete
        self.complete = complete
        if newly or not complete or torrent.have.full:
            torrent.peers.update_interest(complete=complete)
        if newly:
            torrent.resume_store.completed()
            torrent.choking.hurry()
        torrent.refresh()
        if lost:
            torrent.file_preparation.begin()
        if newly:
            torrent.file_preparation.finished()
            torrent.publish(events.Completed)

    def made(self, files: Sequence[int]) -> None:
        """These files are under their paths now, with all that the part file had of them."""
        self._publish_files(self._torrent.files.made(files))

    def _publish_files(self, files: Sequence[int]) -> None:
        torrent = self._torrent
        for file in files:
            torrent.publish(events.FileCompleted, index=file, path=torrent.path(file))

    # -- figures -----------------------------------------------------------------------------------------------------

    @property
    def left(self) -> int:
        """Bytes of wanted pieces that are missing."""
        picker = self._torrent.picker
        return self._bytes(picker.missing_count, picker.wants(self._torrent.metainfo.piece_count - 1))

    @property
    def missing_bytes(self) -> int:
        """Bytes of all pieces that are missing, wanted or not: what trackers are told."""
        have = self._torrent.have
        return self._bytes(len(have) - have.count, not have[len(have) - 1])

    def _bytes(self, count: int, last: bool) -> int:
        """Bytes of ``count`` pieces; ``last`` tells whether the last one, which may be shorter, is among them."""
        metainfo = self._torrent.metainfo
        if not count:
            return 0
        shorter = metainfo.piece_length - metainfo.layout.piece_size(metainfo.piece_count - 1) if last else 0
        return count * metainfo.piece_length - shorter
