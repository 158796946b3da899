"""``FileReport``: the result of a hash check of a whole torrent, file by file.

Pieces are hashed, and a piece may contain bytes of several files.  A file is *unsure* if all its failed pieces are
shared with other files: it may be right.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Dict, List, Optional, Sequence, Set, Tuple

from .client import Client
from .disk.folder import Folder
from .errors import StorageError
from .hashcheck import HashcheckResult
from .metainfo.metainfo import Metainfo

RIGHT, MISSING, SHORT, WRONG, UNREADABLE, UNSURE = "right", "missing", "short", "wrong", "unreadable", "unsure"
"""Conditions of a file."""


@dataclasses.dataclass(frozen=True)
class FileReport:
    """The condition of one file."""

    name: str
    """Path below the folder, with ``/`` between the components."""
    path: str
    """Absolute path."""
    length: int
    """Bytes of the file in the torrent."""
    state: str
    """One of the conditions above."""
    reason: str
    """A phrase to put behind the name of the file."""
    bad_pieces: Tuple[int, ...]
    """Indexes of the pieces that failed."""


def file_reports(client: Client, result: HashcheckResult) -> List[FileReport]:
    """Return a report of each file but padding, in the order of the torrent."""
    metainfo, folder = client.metainfo, Folder(client.basedir)
    assert metainfo is not None, "its pieces were checked"
    failed = set(result.failed)
    real = [file for file in client.files if not metainfo.files[file.index].pad]
    reports: Dict[int, FileReport] = {}
    sharing = _sharing(metainfo, failed)
    for file in real:
        parts = tuple(os.path.relpath(file.path, client.basedir).split(os.sep))
        bad = tuple(index for index in metainfo.layout.file_pieces(file.index) if index in failed)
        state, reason = _seen(folder, parts, file.length)
        if state == RIGHT and bad:
            error = result.error
            if error is not None and error.path == file.path:
                state, reason = UNREADABLE, f"cannot be read: {error.reason}"
            elif any(sharing[index] == [file.index] for index in bad):
                count = len(metainfo.layout.file_pieces(file.index))
                state, reason = WRONG, f"is wrong in {len(bad)} of {count} pieces"
            else:
                state = UNSURE
        reports[file.index] = FileReport("/".join(parts), file.path, file.length, state, reason, bad)
    return [_with_neighbour(index, report, reports, sharing) for index, report in reports.items()]


def _seen(folder: Folder, parts: Tuple[str, ...], length: int) -> Tuple[str, str]:
    try:
        found = folder.stat(parts)
    except (OSError, ValueError, StorageError) as error:
        return UNREADABLE, f"cannot be read: {StorageError.wrap(error).reason}"
    if found is None:
        return MISSING, "is missing"
    if found.st_size < length:
        return SHORT, f"has {found.st_size} of {length} bytes"
    if found.st_size > length:
        return RIGHT, f"has {found.st_size - length} bytes behind its end"
    return RIGHT, "is right"


def _sharing(metainfo: Metainfo, failed: Set[int]) -> Dict[int, List[int]]:
    # The files that each failed piece has bytes of.
    layout, files = metainfo.layout, metainfo.files
    return {index: [span.file for span in layout.piece_spans(index) if not files[span.file].pad] for index in failed}


def _with_neighbour(
    index: int, report: FileReport, reports: Dict[int, FileReport], sharing: Dict[int, List[int]]
) -> FileReport:
    if report.state != UNSURE:
        return report
    others = [reports[other] for piece in report.bad_pieces for other in sharing[piece] if other != index]
    bad: Optional[FileReport] = next((other for other in others if other.state not in (RIGHT, UNSURE)), None)
    if bad is not None:
        return dataclasses.replace(report, reason=f"shares a failed piece with {bad.name}, which {bad.reason}")
    return dataclasses.replace(report, reason=f"is wrong, or {others[0].name} is, which shares the failed piece")


def summary(reports: Sequence[FileReport], shown: int) -> str:
    """Return how many files are not right, and the names of the first ``shown`` of them."""
    bad = [report for report in reports if report.state != RIGHT]
    more = len(bad) - shown
    named = "; ".join(f"{report.name} {report.reason}" for report in bad[:shown])
    count = f"{len(bad)} of {len(reports)} files {'is' if len(bad) == 1 else 'are'} not right"
    return f"{count}: {named}{f'; and {more} more' if more > 0 else ''}"
