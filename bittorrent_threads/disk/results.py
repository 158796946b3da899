"""The results of disk jobs: one type for each kind of job, made by a worker and read by the network thread.

An error is a value in the result: a :class:`StorageError` with path and errno, without traceback (:func:`bare`).
"""

from __future__ import annotations

from typing import List, Mapping, NamedTuple, Optional, Tuple

from ..buffers import Buffer as Buffer
from ..errors import StorageError
from ..metainfo.hashes import Verdict
from .file import FileStat
from .folder import Parts
from .resume import Resume


class Saved(NamedTuple):
    """Result of ``Storage.save``: every index is in exactly one of the first four fields."""

    kept: Tuple[int, ...] = ()
    """Right and written."""
    wrong: Tuple[int, ...] = ()
    """With a wrong hash, and not written."""
    unwritten: Tuple[int, ...] = ()
    """Right, but not written because of ``error``."""
    unhashed: Tuple[int, ...] = ()
    """Not hashed because of ``error``: no peer is to blame."""
    error: Optional[StorageError] = None
    """The first error."""
    fingerprints: Mapping[int, bytes] = {}
    """Fingerprints of the wrong pieces of several blocks, and of right ones for which they were requested."""


class Loaded(NamedTuple):
    """Result of ``Storage.load``."""

    index: int  # type: ignore[assignment]  # a field may well be named like a method of tuple
    begin: int
    data: Buffer
    """As many bytes as requested; empty if ``error`` is set, or if they were read into a ``Destination``."""
    error: Optional[StorageError]


class Checked(NamedTuple):
    """Result of ``Storage.check``: every index is in exactly one of the first two fields."""

    passed: Tuple[int, ...]
    """Pieces that are right."""
    verdicts: Mapping[int, Verdict]
    """The verdict on each of the others."""
    error: Optional[StorageError]
    """The first error, if pieces could not be read; a file that never existed is not an error."""

    @property
    def failed(self) -> Tuple[int, ...]:
        """Pieces that are not known to be right."""
        return tuple(self.verdicts)

    @property
    def wrong(self) -> Tuple[int, ...]:
        """Pieces with a wrong hash, or with missing data."""
        return self._with(Verdict.WRONG)

    @property
    def unreadable(self) -> Tuple[int, ...]:
        """Pieces of which nothing is known because of ``error``."""
        return self._with(Verdict.UNREADABLE)

    def _with(self, verdict: Verdict) -> Tuple[int, ...]:
        return tuple([index for index, found in self.verdicts.items() if found is verdict])


class CheckedFiles(NamedTuple):
    """Result of ``Storage.check_files``."""

    present: Tuple[int, ...]
    """Pieces that have at least one byte in an existing file, ascending: those worth hashing."""
    error: Optional[StorageError]
    """The first error."""
    files: Tuple[Optional[FileStat], ...] = ()
    """What each file of the torrent is now; None for one that is not there, or was not seen.

    Empty if no file could be checked, or the part file could not.
    """
    part_file: Optional[FileStat] = None
    unseen: Tuple[int, ...] = ()
    """Indexes of files that could not be checked, without empty files."""
    parted: Tuple[int, ...] = ()
    """Files with bytes in the part file."""
    names: Tuple[Tuple[int, Parts], ...] = ()
    """The path of each file that has several possible paths (see ``path_choice``) and was not renamed."""
    page_cache: str = ""
    """The page cache that unsynced data of the files is in (see ``page_cache``); empty if it has no name."""

    @property
    def made(self) -> List[int]:
        """Files that exist and have no bytes in the part file."""
        parted = set(self.parted)
        return [index for index, stat in enumerate(self.files) if stat is not None and index not in parted]

    @property
    def unmade(self) -> List[int]:
        """Files that do not exist, or have bytes in the part file."""
        return sorted({*range(len(self.files))}.difference(self.made, self.unseen))


class Changed(NamedTuple):
    """A file that another program changed."""

    path: str
    suspects: Tuple[int, ...]
    """Its pieces that were not hashed since, ascending."""


class Synced(NamedTuple):
    """Result of ``Storage.sync``."""

    files: Tuple[Optional[FileStat], ...]
    """The state of each file at its last check or sync."""
    part_file: Optional[FileStat]
    suspects: Tuple[int, ...]
    """Pieces of files that could not be synced, are gone, or were changed by another program and not hashed since.

    Resume data must not have them before they pass a hash check.
    """
    error: Optional[StorageError]
    """The first error; all pieces but the suspects and the ``unsynced`` ones are durable."""
    changed: Tuple[Changed, ...] = ()
    """The changed files, and the suspects in them."""
    unsynced: Tuple[int, ...] = ()
    """Pieces of files for which there was no time, ascending: a part of them may be in the page cache only."""
    page_cache: str = ""
    """As in ``CheckedFiles``."""


class Recalled(NamedTuple):
    """Result of ``Storage.recall``."""

    resume: Optional[Resume]
    """None if there is no valid resume data."""
    reasons: Tuple[str, ...]
    """Why each file of resume data was not used; empty at the first start."""


class Moved(NamedTuple):
    """Result of ``Storage.move`` and ``Storage.rename``."""

    moved: bool
    """Whether the files are in the new place."""
    error: Optional[StorageError]
    """Why they are not, or why something in the old place could not be removed."""
    files: Tuple[Tuple[int, FileStat, FileStat], ...] = ()
    """Index of each moved file, and its state before and after."""
    part_file: Optional[Tuple[FileStat, FileStat]] = None


class Prepared(NamedTuple):
    """Result of ``Storage.prepare``."""

    error: Optional[StorageError]
    names: Tuple[Tuple[int, Parts], ...] = ()
    """As in ``CheckedFiles``; they may have changed, if the file system does not accept a name."""


class Done(NamedTuple):
    """Result of the operations that only succeed or fail."""

    error: Optional[StorageError]


class Stored(NamedTuple):
    """Result of ``Disk.load_state``."""

    state: Optional[object]
    """Dictionaries, lists, strings and numbers; None if there is no valid file."""
    error: Optional[StorageError]


def bare(error: StorageError) -> StorageError:
    """Return the error without its tracebacks, which would keep the buffers of the job alive."""
    link: Optional[BaseException] = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
