"""``check_files``: accept the files of a torrent as they are, and find the pieces that may be in them."""

from __future__ import annotations

from operator import attrgetter
from typing import Iterable, List

from ..errors import StorageError
from ..metainfo.layout import runs
from ..metainfo.metainfo import Metainfo
from .file_pool import FilePool
from .part_file import PartFile
from .results import CheckedFiles, bare
from .torrent_files import TorrentFiles


def check_files(
    metainfo: Metainfo, files: TorrentFiles, pool: FilePool, part_file: PartFile, padding: Iterable[range]
) -> CheckedFiles:
    """Check every file, without reading any but the part file.

    Args:
        metainfo: The torrent.
        files: Its files.
        pool: Checks them.
        part_file: Its part file; no other thread may use it meanwhile.
        padding: Ranges of pieces that are padding only.

    Returns:
        The result; its ``files`` are empty if the part file, or all files, could not be checked.
    """
    layout, piece_length = metainfo.layout, metainfo.layout.piece_length
    errors: List[StorageError] = []
    present = [*padding]
    unseen: List[int] = []
    parted: List[int] = []
    readable = _adopted(part_file, errors)
    slotted = part_file.files if readable else ()
    for index, entry in enumerate(metainfo.files):
        if entry.pad:
            continue
        size = 0
        try:
            stat = pool.adopt(files[index])
            size = min(stat.size, entry.length) if stat is not None else 0
        except StorageError as error:
            errors.append(bare(error))
            if entry.length:
                unseen.append(index)
        if size:
            begin = layout.file_offset(index)
            pieces = range(begin // piece_length, (begin + size - 1) // piece_length + 1)
            if not (present and pieces[0] in present[-1] and pieces[-1] in present[-1]):  # 160 files may share one
                present.append(pieces)
        if index in slotted:
            present.extend(runs(part_file.pieces(index)))
            parted.append(index)
    first = errors[0] if errors else None
    pieces_present = tuple(_joined(present))
    if not readable or (unseen and len(unseen) == sum(bool(entry.length) for entry in metainfo.files if not entry.pad)):
        return CheckedFiles(pieces_present, first, names=files.chosen)
    return CheckedFiles(
        pieces_present, first, files.stats(), part_file.stat, tuple(unseen), tuple(parted), files.chosen
    )


def _adopted(part_file: PartFile, errors: List[StorageError]) -> bool:
    # Whether the part file can be read.
    try:
        part_file.adopt()
        part_file.pieces(0)
    except StorageError as error:
        errors.append(bare(error))
        return False
    return True


def _joined(ranges: Iterable[range]) -> List[int]:
    # The pieces of ranges that may overlap, ascending.
    found: List[int] = []
    for pieces in sorted(ranges, key=attrgetter("start")):
        found.extend(range(max(pieces.start, found[-1] + 1 if found else 0), pieces.stop))
    return found
