"""Which resume data can be trusted, after a comparison with the files on disk.

The rule: a piece needs no hash check only if every file that it is in has the size, time and inode of the resume data,
and if it was synced, or is still in the page cache that it was written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, List, NamedTuple, Optional, Set, Tuple

from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import Metainfo
from .results import CheckedFiles, Moved
from .resume import Resume, Unfinished

if TYPE_CHECKING:
    from random import Random

SAMPLE = 16
"""Pieces that are hashed when only the inodes of the files changed: one piece of each of at most so many files.

Another disk, or an older copy, differs in most files.  Hashing these pieces takes a second, where all may take hours.
"""


class Trust(NamedTuple):
    """The part of a ``Resume`` that is trusted, as ``compare`` returns it."""

    have: Bitfield
    """Pieces that need no hash check."""
    unfinished: Unfinished
    """Incomplete pieces, and which of their blocks can be used."""
    suspects: Tuple[int, ...]
    """Pieces to hash: those with data that are doubtful or in a changed file, also if the resume data has them not."""
    missing: Tuple[int, ...]
    """Indexes of files that are gone.  They are not downloaded again until the user asks for a hash check."""
    unsynced: Tuple[int, ...] = ()
    """Pieces with data that is trusted, ``unfinished`` ones included, and that was never synced."""


def compare(resume: Resume, checked_files: CheckedFiles, metainfo: Metainfo, *, gone: Collection[int] = ()) -> Trust:
    """Compare resume data with the files on disk.

    Args:
        resume: The resume data.
        checked_files: The state of the files now.
        metainfo: The torrent.
        gone: Indexes of files that were missing before.  Such a file is missing until it is unchanged again.

    Returns:
        What can be trusted.  Pieces of a file that could not be examined are not trusted.
    """
    layout = metainfo.layout
    unseen = set(checked_files.unseen)
    have = Bitfield(layout.piece_count, resume.have)
    doubted = Bitfield(layout.piece_count, resume.doubtful or None)
    unsynced: Set[int] = set()
    cached = resume.page_cache == checked_files.page_cache
    if resume.page_cache and cached:
        unsynced.update(Bitfield(layout.piece_count, resume.unsynced or None).indexes())
        doubted.remove(sorted(unsynced))
        have.add(sorted(unsynced))
        unsynced.update(index for index, _ in resume.unfinished)
    missing: List[int] = []
    same_part_file = resume.part_file == checked_files.part_file
    for index, (file, then) in enumerate(zip(metainfo.files, resume.files)):
        now = checked_files.files[index] if checked_files.files else None
        if file.pad or not file.length:
            continue
        if index not in unseen:
            if then == now and (now is not None or same_part_file):
                continue
            if then is not None and then.size and (now is None or index in gone):
                missing.append(index)
        for piece in layout.file_pieces(index):
            doubted.set(piece)
    for piece in doubted.indexes():
        have.clear(piece)
    usable = resume.clean and (cached or not resume.page_cache)
    return Trust(
        have=have,
        unfinished=tuple(entry for entry in resume.unfinished if usable and not doubted[entry[0]]),
        suspects=tuple(piece for piece in checked_files.present if doubted[piece]),
        missing=tuple(missing),
        unsynced=tuple(sorted(piece for piece in unsynced if not doubted[piece])),
    )


def renumbered(resume: Resume, checked_files: CheckedFiles) -> Optional[Resume]:
    """Return the resume data with the inodes that the files have now; None if anything but inodes changed.

    File systems without inodes, such as sshfs, invent new ones at each mount.  A copy of the files looks the same, so
    the result may be trusted only if a sample of the pieces passes a hash check.
    """
    pairs = [*zip(resume.files, checked_files.files), (resume.part_file, checked_files.part_file)]
    known = [(then, now) for then, now in pairs if then is not None or now is not None]
    for then, now in known:
        if then is None or now is None or then == now or then._replace(inode=now.inode) != now:
            return None
    return resume._replace(files=checked_files.files, part_file=checked_files.part_file) if known else None


def sample(resume: Resume, metainfo: Metainfo, random: Random) -> List[int]:
    """Return one trusted piece of each of at most ``SAMPLE`` random files, in ascending order."""
    layout = metainfo.layout
    have = Bitfield(layout.piece_count, resume.have).without(Bitfield(layout.piece_count, resume.doubtful or None))
    files = [index for index, stat in enumerate(resume.files) if stat is not None and stat.size]
    found: Set[int] = set()
    for index in random.sample(files, len(files)):
        pieces = [piece for piece in layout.file_pieces(index) if have[piece]]
        if pieces:
            found.add(random.choice(pieces))
            if len(found) == SAMPLE:
                break
    return sorted(found)


def moved(resume: Resume, answer: Moved) -> Resume:
    """Return the resume data with the states of the files after they were moved."""
    if answer.part_file is None and all(before == after for _, before, after in answer.files):
        return resume  # of 20,000 files one was renamed
    files = list(resume.files)
    for index, before, after in answer.files:
        if files[index] == before:
            files[index] = after
    part_file = resume.part_file
    if answer.part_file is not None and part_file == answer.part_file[0]:
        part_file = answer.part_file[1]
    return resume._replace(files=tuple(files), part_file=part_file)
