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
from .small_files import SmallFiles
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
    real = [index for index, entry in enumerate(metainfo.files) if not entry.pad]
    adopted = SmallFiles(pool).adopt([files[index] for index in real])
    last = range(0)  # the last of ``present``
    for index, found in zip(real, adopted):
        size = 0
        if isinstance(found, StorageError):
            errors.append(bare(found))
            if metainfo.files[index].length:
                unseen.append(index)
        elif found is not None:
            size = min(found.size, metainfo.files[index].length)
        if size:
            begin = layout.file_offset(index)
            first, end = begin // piece_length, (begin + size - 1) // piece_length + 1
            if first < last.start or end > last.stop:  # 160 files may share a piece
                last = range(first, end)
                present.append(last)
        if index in slotted:
            present.extend(runs(part_file.pieces(index)))
            parted.append(index)
    error = errors[0] if errors else None
    pieces_present = tuple(_joined(present))
    if not readable or (unseen and len(unseen) == sum(bool(entry.length) for entry in metainfo.files if not entry.pad)):
        return CheckedFiles(pieces_present, error, names=files.chosen)
    return CheckedFiles(
        pieces_present, error, files.stats(), part_file.stat, tuple(unseen), tuple(parted), files.chosen
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
