"""How a command ends: its result, its error in one line, and its exit code."""

from __future__ import annotations

from typing import Any, Dict, Optional, overload

from ..errors import BitTorrentError, MetainfoError, SettingsError, StorageError, WaitTimeout
from .console import Console

DONE, FAILED, USAGE, LATE, DISK, BAD_TORRENT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

FAILURES = (BitTorrentError, OSError, KeyboardInterrupt)

_EXIT_CODES = (
    (KeyboardInterrupt, INTERRUPTED),
    (WaitTimeout, LATE),
    (StorageError, DISK),
    (MetainfoError, BAD_TORRENT),
    (SettingsError, USAGE),
    (BitTorrentError, FAILED),
    (OSError, DISK),
)
_OPTIONS = {
    "trackers": "--tracker",
    "ip_filter": "--ip-filter",
    "web_seeds": "--web-seed",
    **{
        name: f"--{name.replace('_', '-')}"
        for name in ("piece_length", "comment", "source", "exclude", "output", "name", "select", "file")
    },
    "max_size": "--max-metainfo-size",
    "add_tracker": "--add-tracker",
    "remove_tracker": "--remove-tracker",
}
"""The options that set arguments of ``create``."""


class Incomplete(BitTorrentError):
    """Data that should be there is missing or wrong."""


def conclude(console: Console, error: Optional[BaseException], document: Dict[str, Any], text: str = "") -> int:
    """Write the result of a command and its error, and return the exit code.

    Args:
        console: Where to write.
        error: What ended the command; None if it succeeded.
        document: The result for ``--json``.
        text: The result otherwise.
    """
    code = code_of(error)
    document = {**document, "exit_code": code, "error": reason(error)}
    if error is None:
        console.result(document, text)
    else:
        console.failure(f"bittorrent-threads: {reason(error)}", document, text)
    return code


def code_of(error: Optional[BaseException]) -> int:
    """Return the exit code of an error of ``FAILURES``; None is success."""
    return DONE if error is None else next(code for kind, code in _EXIT_CODES if isinstance(error, kind))


@overload
def reason(error: None) -> None: ...
@overload
def reason(error: BaseException) -> str: ...
def reason(error: Optional[BaseException]) -> Optional[str]:
    """Return what went wrong, in a line; None for success."""
    if error is None:
        return None
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, SettingsError) and error.name in _OPTIONS:
        return f"{_OPTIONS[error.name]}: {error.reason}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
