"""Which files of a torrent the options ``--select`` and ``--file`` mean."""

from __future__ import annotations

from typing import List

from ..metainfo.metainfo import Metainfo
from ..metainfo.path_patterns import PathPatterns


def selected(metainfo: Metainfo, patterns: PathPatterns) -> List[int]:
    """Return the indexes of the files that match; padding is never one of them.

    Args:
        metainfo: The torrent.
        patterns: For names and for paths in the folder of the torrent, whose own name is no part of them.
    """
    below = 1 if metainfo.multi_file else 0
    return [index for index, file in enumerate(metainfo.files) if not file.pad and patterns.select(file.path[below:])]
