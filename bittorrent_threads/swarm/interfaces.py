"""What the download policy asks of the engine: sources of blocks, and a writer of pieces.

No method answers from inside the call: the caller is in the middle of a change of its own state.
"""

from __future__ import annotations

from typing import Callable, Hashable, List, Protocol, Tuple

from ..buffers import Buffer as Buffer
from ..protocol.addresses import Address

BlockRequest = Tuple[int, int, int]
"""Piece index, offset in the piece (``begin``) and length, the latter two in bytes."""


class Sender(Hashable, Protocol):
    """The identity of a source of blocks: what is blamed for a bad block.

    Hashable, and equal for every connection to the same source.  It outlives the source, because a piece may fail its
    hash check after the connection has closed.
    """

    @property
    def address(self) -> Address:
        """Where the source is, as shown to the user."""

    def blame(self, index: int) -> None:
        """Ban the source: it is proven that it sent a bad block of this piece."""


class BlockSource(Protocol):
    """Sends blocks on request: a peer (BEP 3) or a web seed (BEP 19).

    A source has a ``Pipeline`` and gives the results to ``Downloads``: ``block`` and ``rejected`` for each request,
    ``refill`` and ``tick`` when it can take more requests, ``release`` and ``left`` when it stops.
    """

    @property
    def sender(self) -> Sender:
        """The identity of the source."""

    def request(self, blocks: List[BlockRequest]) -> None:
        """Request these blocks, in this order."""

    def cancel(self, blocks: List[BlockRequest]) -> None:
        """Cancel requests made before; the blocks may come nevertheless, or may have come."""


class ReceivedPiece(Protocol):
    """A piece of which every block was received and is in memory."""

    @property
    def index(self) -> int:
        """The index of the piece."""

    @property
    def size(self) -> int:
        """Bytes of the piece."""

    @property
    def whole(self) -> memoryview:
        """The content of the piece."""


class PieceWriter(Protocol):
    """Hashes and writes what was received."""

    def received(self, piece: ReceivedPiece) -> None:
        """Hash this piece, write it if it is right, and give the verdict to ``FinishedPieces.saved``."""

    def received_segment(self, index: int, begin: int, data: memoryview, written: Callable[[bool], None]) -> None:
        """Write a part of a piece unhashed.

        Args:
            index: The piece.
            begin: Where the part begins in the piece, in bytes.
            data: Its content, unchanged until ``written`` is called.
            written: To be called later with True if the write failed, else False.
        """

    def written_whole(self, index: int) -> None:
        """Every part of the piece is written: hash it on disk, and give the verdict to ``FinishedPieces.saved``."""
