"""``Storage``: the files of one torrent, and its resume data."""

from __future__ import annotations

import math
from typing import Callable, Collection, List, Optional, Protocol, Sequence, Tuple

from ...disk.destination import Destination
from ...disk.results import Checked, CheckedFiles, Done, Loaded, Moved, Prepared, Recalled, Saved, Synced
from ...disk.resume import Names, Resume
from ...net.interfaces import Buffer


class Storage(Protocol):
    """The files of one torrent.

    Once a file was opened or seen, operations are for that very file.  If it is gone (ENOENT) or another file has its
    name (ESTALE), every operation on it fails until ``check_files`` accepts the files as they are.  If another program
    changed it, its pieces are hashed before they are loaded, and every ``sync`` names them as suspects until then.
    """

    def check_files(self, deliver: Callable[[CheckedFiles], None]) -> None:
        """Find out from the files alone which pieces may be there; the first step of a full hash check.

        Later operations are for the files as they are now.
        """

    def claim(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Done], None], *, writing: bool
    ) -> None:
        """Claim the files that are ``wanted`` or the torrent's ``own`` until ``close``, without making any.

        Fails with EBUSY and the path if another torrent, of any session or process, has claimed one of them and one of
        the two is ``writing``; two torrents of the same content may share files of which one writes.  Fails with EEXIST
        if a file that is wanted and not the torrent's own is not empty.
        """

    def prepare(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Prepared], None], *, writing: bool = True
    ) -> None:
        """Claim files as ``claim`` does, then make the folders and empty files of those ``wanted``.

        To be called before the first ``save``, so that a folder that cannot be written is known at once, and again when
        other files are wanted.  From then on the bytes of a file that is not wanted go to the part file, unless it is
        there and the torrent's ``own``; the bytes that the part file has of a wanted file are moved into that file.
        """

    def save(
        self,
        pieces: Sequence[Tuple[int, memoryview]],
        deliver: Callable[[Saved], None],
        *,
        compared: Collection[int] = (),
    ) -> None:
        """Hash whole pieces and write those that are right, in one job with one answer.

        Bad data is never written.  The answer has the fingerprints of what is wrong, and of those ``compared``.
        """

    def fingerprint(self, index: int, deliver: Callable[[bytes], None]) -> None:
        """Deliver the fingerprint (``metainfo.fingerprint``) of a piece on disk, empty if it cannot be read."""

    def write(self, blocks: Sequence[Tuple[int, int, Buffer]], deliver: Callable[[Done], None]) -> None:
        """Write ``(index, begin, data)`` unhashed, of pieces that are unfinished at a stop or too large for the memory.

        Only for pieces whose bit is not set; ``check`` tells when one is right.
        """

    def load(
        self,
        spans: Sequence[Tuple[int, int, int]],
        deliver: Callable[[List[Loaded]], None],
        *,
        into: Optional[Destination] = None,
        at_once: Optional[Callable[[List[Loaded]], None]] = None,
    ) -> None:
        """Read parts of pieces in one job, each an ``(index, begin, length)`` that may span many blocks.

        There is one answer for each, in the same order.  Of parts that are read ``into`` memory there are answers up to
        the first error only, and none if the memory was taken back.

        Args:
            spans: The parts.
            deliver: Gets the answers.
            into: Memory for the bytes, one part behind the other.
            at_once: For a thread of the program that waits: gets the same answers before that, in another thread.
        """

    def check(self, indexes: Sequence[int], deliver: Callable[[Checked], None]) -> None:
        """Read and hash these pieces in one job; the caller chooses how many (about 16 MiB is a good job)."""

    def sync(self, deliver: Callable[[Synced], None], *, older: Sequence[int] = (), patience: float = math.inf) -> None:
        """Sync what was saved and answered before this call, and see whether the files are still the same.

        Resume data may then claim the pieces whose bits were set at the call, except the ``suspects`` of the answer,
        and those ``unsynced`` only as such.

        Args:
            deliver: Gets the answer.
            older: Pieces to sync that an earlier process wrote.
            patience: Seconds from now on after which this sync, and those under way, leave what is left to the page
                cache, if that is known to outlive the process; otherwise they take as long as they need.
        """

    def remember(self, resume: Resume, deliver: Callable[[Done], None]) -> None:
        """Store resume data atomically; the resume data before it is kept as a second copy."""

    def recall(self, deliver: Callable[[Recalled], None]) -> None:
        """The resume data stored last; ``disk.resume_trust.compare`` returns what of it is still true."""

    def move(self, basedir: str, deliver: Callable[[Moved], None]) -> None:
        """Move every file to another folder, with the part file, and the resume data if it is beside them.

        Every other operation waits meanwhile.  After a failure every file is at its old place.
        """

    def rename(self, index: int, parts: Tuple[str, ...], *, stored: bool, deliver: Callable[[Moved], None]) -> None:
        """Give a file another path below the folder, and store that if ``stored``; other operations wait."""

    def name(self, names: Names) -> None:
        """Tell which files an earlier client renamed; before any other operation on files."""

    def interrupt(self) -> None:
        """Make a move that is under way fail soon; harmless if none is."""

    def close(self, deliver: Callable[[Done], None]) -> None:
        """Close every open file, after the jobs given before."""
