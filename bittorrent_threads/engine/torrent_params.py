"""``TorrentParams``: how a torrent is added to a session, besides its metainfo or magnet link."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Sequence

from ..disk.allocation import SPARSE


class TorrentParams(NamedTuple):
    """What the user says of a torrent when it is added."""

    basedir: str
    """Absolute path of the folder of the data."""
    piece_cache: Optional[Mapping[str, Any]] = None
    """Resume data by value, used instead of what is stored."""
    resume: bool = True
    """Resume data is read from the disk and written to it."""
    resume_dir: Optional[str] = None
    """Folder of the resume data; None for one beside the data."""
    sequential: bool = False
    """Pieces are requested in order."""
    super_seeding: bool = False
    """A seed offers each peer a few pieces at a time (BEP 16)."""
    allocation: str = SPARSE
    """``disk.allocation``."""
    priorities: Optional[Sequence[int]] = None
    """Priorities of files, if they are given before the metadata is known; those of further files are ignored."""
    stop_at_metadata: bool = False
    """The torrent is stopped as soon as its metadata has come, before any file is made."""
    trackers: Sequence[Sequence[str]] = ()
    """Tiers of tracker URLs besides those of the torrent."""
    download_limit: int = 0
    """Bytes a second, 0 for no limit."""
    upload_limit: int = 0
    origin: str = ""
    """Where the program made the client, for other torrents that want the same files; may be empty."""
