"""What the commands share that check files: the hash check with progress, and what its result means."""

from __future__ import annotations

import errno
import os
import time
from typing import Sequence

from ..client import Client
from ..errors import StorageError, WaitTimeout
from ..file_report import MISSING, RIGHT, FileReport, summary
from ..hashcheck import HashcheckResult
from ..options import given_folder
from ..progress import check_progress
from ..progress_bar import Pace, Report, pace_text
from .console import Console
from .outcome import Incomplete

LOOK_INTERVAL = 0.25
"""Seconds between two looks at a hash check."""
SHOWN_FILES = 3
"""Most files that the message of a failed check names; the result lists all."""


def check(client: Client, console: Console) -> HashcheckResult:
    """Check all pieces, show the progress, and return the result."""
    running, pace = client.hashcheck(wait=False), Pace()
    while True:
        try:
            result: HashcheckResult = running.wait(LOOK_INTERVAL)
        except WaitTimeout:
            status = client.status()
            line = check_progress(status)
            done = (status.piece_count - status.checking) * status.piece_length
            left = pace_text(Report(done, status.size, rate=pace.rate(done, time.monotonic())))
            console.progress(f"{line.text}, {left}" if left else line.text, line.share)
        else:
            console.end_progress()
            return result


def require_folder(folder: str) -> None:
    """Raise StorageError if there is no such folder: the path may be mistyped, and the folder must not be made."""
    path = given_folder(folder)
    try:
        os.stat(folder)
    except FileNotFoundError as error:
        raise StorageError("there is no such folder", path, errno.ENOENT) from error


def require_all(client: Client, result: HashcheckResult, reports: Sequence[FileReport]) -> None:
    """Raise StorageError for files that cannot be read, Incomplete for data that is missing or wrong."""
    where = f"{client.name} in {client.basedir}"
    if all(report.state == RIGHT for report in reports):
        if result.failed:
            raise Incomplete(f"{where}: all files are right, but hashes of padding in the torrent are wrong")
        return
    if all(report.state == MISSING for report in reports):
        raise Incomplete(f"{where}: none of its files is there{_other_folder(client)}")
    if result.error is not None:
        raise result.error
    raise Incomplete(f"{where}: {summary(reports, SHOWN_FILES)}")


def _other_folder(client: Client) -> str:
    """Return a hint if the user named the folder of the torrent instead of the folder that contains it."""
    parent, own = os.path.split(client.basedir)
    files = client.metainfo.files if client.metainfo is not None else ()
    inner = [file.path[1:] for file in files if not file.pad]
    if own == client.name or any(parts and os.path.lexists(os.path.join(client.basedir, *parts)) for parts in inner):
        return f" (--dir is the folder that contains {client.name}: try {parent})"
    return " (--dir is the folder that they are in)"
