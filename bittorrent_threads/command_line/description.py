"""What ``info`` and ``create`` tell of a torrent."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..metainfo.metainfo import Metainfo
from ..text import masked, printable

DESCRIBED = ("name", "infohash", "total_size", "piece_length", "piece_count", "private", "creation_date")
"""Fields of a torrent that are written unchanged."""
MAX_COMMENT = 1000
"""Most characters of a text in a torrent that are shown."""


def description(metainfo: Metainfo) -> Dict[str, Any]:
    """Return what is told of a torrent, without secrets of its URLs."""
    return {
        **{name: getattr(metainfo, name) for name in DESCRIBED},
        "trackers": [[masked(url) for url in tier] for tier in metainfo.trackers],
        "infohash_v2": metainfo.infohashes.v2,
        "info_size": metainfo.info_size,
        "multi_file": metainfo.multi_file,
        "nodes": [list(node) for node in metainfo.nodes],
        "web_seeds": [masked(url) for url in metainfo.web_seeds],
        "comment": _shown(metainfo.comment),
        "created_by": _shown(metainfo.created_by),
        "source": _shown(metainfo.source),
        "files": [{"path": "/".join(file.path), "length": file.length, "pad": file.pad} for file in metainfo.files],
    }


def _shown(text: Optional[str]) -> Optional[str]:
    return None if text is None else printable(text, MAX_COMMENT)
