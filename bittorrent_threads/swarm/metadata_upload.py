"""What one peer is sent of the metadata (BEP 9), bounded in all and at any moment.

A request of 50 bytes is answered with 16 KiB, so a peer gets ``TURNS`` times the metadata on one connection at most
(clients ask for each piece once, and again after a wrong hash), and nothing while ``MAX_WAITING`` bytes wait for it.
What it gets no piece for is rejected, and after ``MAX_REFUSED`` of those the connection ends.
"""

from __future__ import annotations

from ..protocol.metadata_exchange import piece_count, piece_size
from .uploads import MAX_REFUSED

TURNS = 4
"""How often a peer may have the whole metadata on one connection."""
MAX_WAITING = 256 * 1024
"""Bytes that wait to be sent to a peer, above which a request for metadata is rejected."""


class MetadataUpload:
    """The requests of one peer for metadata."""

    def __init__(self) -> None:
        self._sent = 0
        """Pieces that were sent."""
        self._refused = 0

    def grant(self, piece: int, size: int, *, waiting: int) -> bool:
        """Count a request, and return whether the piece is to be sent, or else rejected.

        Args:
            piece: Its index.
            size: Bytes of the metadata; 0 if it is not known.
            waiting: Bytes that wait to be sent to the peer.
        """
        granted = piece_size(piece, size) > 0 and waiting <= MAX_WAITING and self._sent < TURNS * piece_count(size)
        if granted:
            self._sent += 1
        else:
            self._refused += 1
        return granted

    @property
    def failed(self) -> str:
        """The reason to close the connection; empty if there is none."""
        return f"asked {self._refused} times for metadata in vain" if self._refused > MAX_REFUSED else ""
