"""Parts of a payload that the parts which use the disk are given together."""

from __future__ import annotations

from typing import NamedTuple

from ..metainfo.bitfield import Bitfield
from ..swarm.file_progress import FileProgress
from .checks import Checks
from .file_ownership import FileOwnership
from .file_paths import FilePaths
from .interfaces.storage import Storage
from .storage_retry import StorageRetry
from .unreadable_pieces import UnreadablePieces
from .verified_pieces import VerifiedPieces


class StoredFiles(NamedTuple):
    """The files of one torrent."""

    storage: Storage
    """The disk."""
    progress: FileProgress
    """Which files are wanted, and how much of each is there."""
    paths: FilePaths
    """Where they are."""
    ownership: FileOwnership
    """Which of them are the torrent's own."""
    retry: StorageRetry
    """Is told what failed."""


class PieceStates(NamedTuple):
    """The pieces of one torrent, as far as the disk is known."""

    have: Bitfield
    """The bits of those that are there."""
    verified: VerifiedPieces
    """Those that are there; takes what was written and what was found."""
    unreadable: UnreadablePieces
    """Those that may be there."""
    checks: Checks
    """Those that are hashed now, or wait for it."""
