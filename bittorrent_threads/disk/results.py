"""What the disk answers: one NamedTuple for each kind of question, made by a worker and read by the network thread.

An answer carries its error as a value: a :class:`StorageError` with path and errno, and :func:`bare` of its traceback.
"""

from __future__ import annotations

from typing import List, Mapping, NamedTuple, Optional, Tuple, Union

from ..errors import StorageError
from ..metainfo.hashes import Verdict
from .file import FileStat
from .folder import Parts
from .resume import Resume

Buffer = Union[bytes, bytearray, memoryview]


class Saved(NamedTuple):
    """Answer to ``Storage.save``: every index is in exactly one of the first four."""

    kept: Tuple[int, ...] = ()
    """Right, and in the files."""
    wrong: Tuple[int, ...] = ()
    """Not what the hash says, and written nowhere."""
    unwritten: Tuple[int, ...] = ()
    """Right, but not in the files because of ``error``."""
    unhashed: Tuple[int, ...] = ()
    """Nothing is known of these because of ``error``, and nobody is to blame for them."""
    error: Optional[StorageError] = None
    """The first met."""
    fingerprints: Mapping[int, bytes] = {}
    """Those of the wrong pieces of several blocks, and of right ones that were asked for."""


class Loaded(NamedTuple):
    """Answer to ``Storage.load``."""

    index: int  # type: ignore[assignment]  # a field may well be named like a method of tuple
    begin: int
    data: Buffer
    """As many bytes as asked for, or empty when ``error`` is set."""
    error: Optional[StorageError]


class Checked(NamedTuple):
    """Answer to ``Storage.check``: every index asked for is in exactly one of the first two."""

    passed: Tuple[int, ...]
    """Pieces that are right."""
    verdicts: Mapping[int, Verdict]
    """The verdict on each of the others."""
    error: Optional[StorageError]
    """The first file error met, if pieces could not be read; a file that was never there is no error."""

    @property
    def failed(self) -> Tuple[int, ...]:
        """Pieces that are not known to be right."""
        return tuple(self.verdicts)

    @property
    def wrong(self) -> Tuple[int, ...]:
        """Pieces with other data than the hash says, or with data that was never there."""
        return self._with(Verdict.WRONG)

    @property
    def unreadable(self) -> Tuple[int, ...]:
        """Pieces of which nothing is known because of ``error``."""
        return self._with(Verdict.UNREADABLE)

    def _with(self, verdict: Verdict) -> Tuple[int, ...]:
        return tuple([index for index, found in self.verdicts.items() if found is verdict])


class CheckedFiles(NamedTuple):
    """Answer to ``Storage.check_files``."""

    present: Tuple[int, ...]
    """Pieces that have at least one byte in an existing file, ascending: those worth hashing."""
    error: Optional[StorageError]
    """The first met."""
    files: Tuple[Optional[FileStat], ...] = ()
    """What each file of the torrent is now; None for one that is not there, or was not seen.

    None at all if nothing could be seen, or the part file could not.
    """
    part_file: Optional[FileStat] = None
    unseen: Tuple[int, ...] = ()
    """Files that could not be looked at, by index, but for those of no bytes."""
    parted: Tuple[int, ...] = ()
    """Files of which something is in the part file."""
    names: Tuple[Tuple[int, Parts], ...] = ()
    """The path of each file that may have several (see ``naming``), and was not renamed."""

    @property
    def made(self) -> List[int]:
        """Files that are under their own paths, with all that there is of them."""
        parted = set(self.parted)
        return [index for index, stat in enumerate(self.files) if stat is not None and index not in parted]

    @property
    def unmade(self) -> List[int]:
        """Files that are not, as far as could be seen."""
        return sorted({*range(len(self.files))}.difference(self.made, self.unseen))


class Changed(NamedTuple):
    """A file that another program changed."""

    path: str
    suspects: Tuple[int, ...]
    """Its pieces that were not hashed since, ascending."""


class Synced(NamedTuple):
    """Answer to ``Storage.sync``."""

    files: Tuple[Optional[FileStat], ...]
    """What each file of the torrent is, as of the last inspection or sync that looked at it."""
    part_file: Optional[FileStat]
    suspects: Tuple[int, ...]
    """Pieces of files that could not be synced, are gone, or were changed by another program and not hashed since.

    Not to be claimed in resume data before they have passed a hash check.
    """
    error: Optional[StorageError]
    """The first failure; every piece that is no suspect is durable all the same."""
    changed: Tuple[Changed, ...] = ()
    """The files to which suspects belong because another program changed them."""


class Recalled(NamedTuple):
    """Answer to ``Storage.recall``."""

    resume: Optional[Resume]
    """None if nothing of use was remembered."""
    reasons: Tuple[str, ...]
    """What was wrong with what was not used, in sentences; empty at the first start."""


class Moved(NamedTuple):
    """Answer to ``Storage.move`` and ``rename``."""

    moved: bool
    """The files are at the new place."""
    error: Optional[StorageError]
    """Why they are not, or what could not be removed at the old place."""
    files: Tuple[Tuple[int, FileStat, FileStat], ...] = ()
    """Index of each file that was moved, what it was, and what it is."""
    part_file: Optional[Tuple[FileStat, FileStat]] = None


class Prepared(NamedTuple):
    """Answer to ``Storage.prepare``."""

    error: Optional[StorageError]
    names: Tuple[Tuple[int, Parts], ...] = ()
    """As in ``CheckedFiles``: some may have changed, for a file system that does not store a name."""


class Done(NamedTuple):
    """Answer to the operations that only succeed or fail."""

    error: Optional[StorageError]


def bare(error: StorageError) -> StorageError:
    """The error without the tracebacks of itself and of its causes, which would keep the buffers of the job alive."""
    link: Optional[BaseException] = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
