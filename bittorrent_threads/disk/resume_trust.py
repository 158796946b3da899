"""``compare``: which of the resume data is still true, now that the files are as they are.

Resume data describes files as they were when it was stored.  Where size, modification time or inode of a file differ
now, nothing that it says about the pieces of the file is used (but see ``renumbered``).
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
"""Pieces that are hashed of files whose inodes alone differ, one a file.

Another disk or an older copy differs in most files, so that 16 of them show it, in a second instead of hours.
"""


class Trust(NamedTuple):
    """What of a ``Resume`` is worth something, answer of ``compare``."""

    have: Bitfield
    """Pieces that need no hash check."""
    unfinished: Unfinished
    """Pieces of which these blocks can be kept."""
    suspects: Tuple[int, ...]
    """Pieces to hash: those that are there, and doubtful or in a file that changed, claimed or not."""
    missing: Tuple[int, ...]
    """Files that were there and are gone, by index: not to be downloaded again before somebody says so."""


def compare(resume: Resume, checked_files: CheckedFiles, metainfo: Metainfo, *, gone: Collection[int] = ()) -> Trust:
    """What is still true, now that the files are as ``checked_files``.

    A file that is ``gone`` is back only when it is as it was.  Nothing is believed of one that was not seen.
    """
    layout = metainfo.layout
    unseen = set(checked_files.unseen)
    doubted = Bitfield(layout.piece_count, resume.doubtful or None)
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
    have = Bitfield(layout.piece_count, resume.have)
    for piece in doubted.indexes():
        have.clear(piece)
    unfinished = tuple(entry for entry in resume.unfinished if resume.clean and not doubted[entry[0]])
    return Trust(have, unfinished, tuple(piece for piece in checked_files.present if doubted[piece]), tuple(missing))


def renumbered(resume: Resume, checked_files: CheckedFiles) -> Optional[Resume]:
    """The same, said of files that all have other inodes, and the size and time they had; None if they are not that.

    A file system that makes up its inodes, as sshfs does, does so anew at each mount.  A copy of the files looks the
    same: so what is said here is to be believed only if a sample of the pieces is right.
    """
    pairs = [*zip(resume.files, checked_files.files), (resume.part_file, checked_files.part_file)]
    known = [(then, now) for then, now in pairs if then is not None or now is not None]
    for then, now in known:
        if then is None or now is None or then == now or then._replace(inode=now.inode) != now:
            return None
    return resume._replace(files=checked_files.files, part_file=checked_files.part_file) if known else None


def sample(resume: Resume, metainfo: Metainfo, random: Random) -> List[int]:
    """One piece of each of ``SAMPLE`` files at random, of those that are there and not doubtful; ascending."""
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
    """The same, said of files that are at another place now: what was true of a file there is true of it here."""
    files = list(resume.files)
    for index, before, after in answer.files:
        if files[index] == before:
            files[index] = after
    part_file = resume.part_file
    if answer.part_file is not None and part_file == answer.part_file[0]:
        part_file = answer.part_file[1]
    return resume._replace(files=tuple(files), part_file=part_file)
