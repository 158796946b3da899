"""``Limits``: what the DHT node of a session may take and send."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """The limits that depend on the use; others are constants of their modules."""

    upload_rate: int = 8000
    """Bytes a second of all datagrams, averaged over two seconds."""
    searches: int = 16
    """Searches for peers that run at once; others wait."""
    torrents: int = 2000
    """Infohashes for which peers are stored."""
    peers: int = 500
    """Peers that are stored of one infohash."""
