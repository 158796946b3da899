"""Which pieces of a torrent are there and right: the bits that peers, trackers and the user are told of.

Bits are set by a piece that was written and by hash checks, and cleared by hash checks and by files that are gone.  A
piece that is lost is not sent any more; the peers are told when all that is lost is known (BEP 54).
"""

from __future__ import annotations

import errno
from typing import Dict, Iterable, List, Protocol, Sequence

from .. import events
from ..disk.file import Wrong
from ..disk.results import Checked
from ..errors import StorageError
from ..metainfo.bitfield import Bitfield
from ..metainfo.layout import Layout
from ..swarm.file_progress import FileProgress
from ..swarm.picker import Picker
from .checks import Check, Checks
from .event_publisher import Publisher
from .file_paths import FilePaths
from .unreadable_pieces import UnreadablePieces


class Listener(Protocol):
    """Is told how the pieces change; declared in the order in which it is told of one change."""

    def on_pieces_found(self, indexes: Sequence[int]) -> None:
        """These pieces are there now, without having been downloaded."""

    def on_pieces_restored(self, indexes: Sequence[int]) -> None:
        """Peers may ask again for these pieces, of which they were told before."""

    def on_pieces_lost(self, indexes: Sequence[int]) -> None:
        """These pieces are not there, as far as is known."""

    def on_pieces_changed(self, *, newly_complete: bool, no_longer_complete: bool) -> None:
        """Pieces came, were lost, or changed their priority."""

    def on_pieces_retracted(self, indexes: Sequence[int]) -> None:
        """Peers were told of these pieces, and they are lost."""


class VerifiedPieces:
    """The verified pieces of one torrent.

    Args:
        layout: Of pieces and files.
        picker: What is wanted and missing.
        have: The bits; shared with the picker, changed here only.
        files: The progress of the files.
        paths: Where the files are.
        checks: Hash a piece that could not be read for a peer.
        unreadable: Pieces that may be there.
        publisher: Gets the events of pieces and files.
        listener: Is told how the pieces change.
    """

    def __init__(
        self,
        layout: Layout,
        picker: Picker,
        have: Bitfield,
        files: FileProgress,
        *,
        paths: FilePaths,
        checks: Checks,
        unreadable: UnreadablePieces,
        publisher: Publisher,
        listener: Listener,
    ) -> None:
        self.known = False
        """It is known which pieces are there, but for those that are unreadable or wait for a hash check."""
        self.complete = not picker.missing
        self._layout = layout
        self._picker = picker
        self._have = have
        self._files = files
        self._paths = paths
        self._checks = checks
        self._unreadable = unreadable
        self._publisher = publisher
        self._listener = listener
        self._doubted: Dict[int, None] = {}
        """Pieces that could not be read for a peer: not sent until a hash check has passed."""
        self._lost = Bitfield(layout.piece_count)
        """Pieces that peers were told of and that are wrong: a request for one is no offence."""
        self._untold = Bitfield(layout.piece_count)
        """Those of them of which the peers were not told yet that they are lost."""

    # -- what peers may ask for ------------------------------------------------------------------------------------

    def serves(self, index: int) -> bool:
        """Whether peers may request this piece."""
        return self._have[index] and index not in self._doubted

    def misled(self, index: int) -> bool:
        """Whether peers were told of this piece, though it is not sent now."""
        return index in self._doubted or self._lost[index]

    def load_failed(self, index: int, error: StorageError) -> None:
        """A piece could not be read for a peer: hash it, and the pieces of its file if that is not what it was."""
        if not self.serves(index):
            return
        doubtful = [index, *self._beside(error)]
        doubtful = [each for each in dict.fromkeys(doubtful) if self.serves(each)]
        self._doubted.update(dict.fromkeys(doubtful))
        if isinstance(error, Wrong):
            self.lose([index])  # at once: the user must not find the torrent complete when the event arrives
            self.changed()
        self._publisher.publish(
            events.StorageFailed, path=error.path, errno=error.errno, reason=error.reason, retry_in=0.0
        )
        self._checks.add(Check(sorted(doubtful), lambda check: None))

    def _beside(self, error: StorageError) -> List[int]:
        """The pieces of the file that was removed, replaced, cut or changed, if that is the error."""
        if error.errno not in (errno.ENOENT, errno.ESTALE, 0):
            return []
        files = range(self._layout.file_count)
        found = [self._layout.file_pieces(file) for file in files if self._paths.path(file) == error.path]
        return [index for pieces in found for index in pieces]

    def retract(self) -> None:
        """All that is lost is known: tell the peers."""
        if not self._untold.empty:
            untold = list(self._untold.indexes())
            self._untold = Bitfield(len(self._untold))
            self._listener.on_pieces_retracted(untold)

    # -- hash checks and resume data -------------------------------------------------------------------------------

    def trust(self, indexes: Sequence[int]) -> None:
        """These pieces are there: a hash check passed, or resume data says so."""
        found = self._have.add(indexes)
        self._found(found)
        self._picker.passed(found)
        self._listener.on_pieces_found(found)
        self.publish_files(self._files.passed(found))

    def lose(self, indexes: Iterable[int]) -> None:
        """These pieces are not there, as far as is known; peers that were told of them learn it by ``retract``."""
        lost = [index for index in indexes if self._have.clear(index)]
        self._lost.add(lost)
        self._untold.add(lost)
        self._files.lost(lost)
        self._listener.on_pieces_lost(lost)
        for index in lost:
            self._picker.lost(index)

    def checked(self, checked: Checked) -> None:
        """Some pieces of a hash check are done.

        Nothing is known of those that could not be read: they are not sent, and are neither right nor wrong.
        """
        self._unreadable.add(checked.unreadable)
        if self._doubted:
            again = [index for index in checked.passed if index in self._doubted]
            for index in (*checked.passed, *checked.failed):
                self._doubted.pop(index, None)
            self._listener.on_pieces_restored(again)  # requests for these were rejected
        self.trust(checked.passed)
        self.lose(checked.failed)
        self._unreadable.drop((*checked.passed, *checked.wrong))
        self.changed()
        self._publisher.publish_passed(checked.passed)
        for index in checked.wrong:
            self._publisher.publish(events.PieceFailed, index=index)

    # -- the disk ----------------------------------------------------------------------------------------------------

    def written(self, indexes: Sequence[int]) -> List[int]:
        """These pieces were written; returns those that were not there before."""
        found = self._have.add(indexes)  # a hash check may have found one as soon as it was written
        self._found(found)
        self._picker.passed(indexes)
        return found

    def _found(self, indexes: Sequence[int]) -> None:
        if not self._lost.empty:
            self._lost.remove(indexes)
            self._untold.remove(indexes)

    def changed(self) -> None:
        """Pieces came, were lost, or changed their priority."""
        complete = not self._picker.missing
        newly, lost = complete and not self.complete, self.complete and not complete
        self.complete = complete
        self._listener.on_pieces_changed(newly_complete=newly, no_longer_complete=lost)

    def made(self, files: Sequence[int]) -> None:
        """These files are under their paths now, with all that the part file had of them."""
        self.publish_files(self._files.made(files))

    def passed_files(self, indexes: Sequence[int]) -> None:
        """These pieces are right: report the files that they complete."""
        self.publish_files(self._files.passed(indexes))

    def publish_files(self, files: Sequence[int]) -> None:
        """Report that these files are complete."""
        self._publisher.publish_files(files, self._paths.path)

    # -- figures -----------------------------------------------------------------------------------------------------

    @property
    def wanting(self) -> bool:
        """Whether a wanted piece is missing."""
        return self._picker.missing

    @property
    def partial_seed(self) -> bool:
        """Whether all that is wanted is there, and not all of the torrent (BEP 21)."""
        return not self._picker.missing and not self._have.full

    @property
    def wanted_left(self) -> int:
        """Bytes of wanted pieces that are missing."""
        return self._bytes(self._picker.missing_count, self._picker.wants(self._layout.piece_count - 1))

    @property
    def wanted_size(self) -> int:
        """Bytes of wanted pieces."""
        last = self._layout.piece_count - 1
        wanted = last >= 0 and self._picker.wanted_bytes[last >> 3] & 0x80 >> (last & 7) != 0
        return self._bytes(self._picker.wanted_count, wanted)

    @property
    def left(self) -> int:
        """Bytes of all pieces that are missing, wanted or not: what trackers are told."""
        have = self._have
        return 0 if have.full else self._bytes(len(have) - have.count, not have[len(have) - 1])

    def _bytes(self, count: int, last: bool) -> int:
        """Bytes of ``count`` pieces; ``last`` tells whether the last one, which may be shorter, is among them."""
        layout = self._layout
        shorter = layout.piece_length - layout.piece_size(layout.piece_count - 1) if last else 0
        return count * layout.piece_length - shorter
