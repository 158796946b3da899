"""Sources of blocks and a writer that only record what is asked of them."""

from __future__ import annotations

from typing import Callable, List, Tuple

from bittorrent_threads.swarm.interfaces import BlockRequest, ReceivedPiece


class Record:
    """Everything that ``Downloads`` asked for; also its writer."""

    def __init__(self) -> None:
        self.requests: List[Tuple[str, BlockRequest]] = []
        self.cancels: List[Tuple[str, BlockRequest]] = []
        self.accused: List[str] = []
        self.pieces: List[ReceivedPiece] = []
        self.segments: List[Tuple[int, int, bytes, Callable[[bool], None]]] = []
        """Piece, begin, content, and what is to be called when it is written."""
        self.whole: List[int] = []

    def received(self, piece: ReceivedPiece) -> None:
        self.pieces.append(piece)

    def received_segment(self, index: int, begin: int, data: memoryview, written: Callable[[bool], None]) -> None:
        self.segments.append((index, begin, bytes(data), written))

    def written_whole(self, index: int) -> None:
        self.whole.append(index)

    def take(self) -> List[Tuple[str, BlockRequest]]:
        """The requests since the last call."""
        taken, self.requests = self.requests, []
        return taken


class RecordingSource:
    """A source that sends nothing; two of one name are the same sender."""

    address = ("10.0.0.1", 1)

    def __init__(self, name: str, record: Record) -> None:
        self.name = name
        self._record = record

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordingSource) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def sender(self) -> RecordingSource:
        return self

    def request(self, blocks: List[BlockRequest]) -> None:
        self._record.requests += [(self.name, block) for block in blocks]

    def cancel(self, blocks: List[BlockRequest]) -> None:
        self._record.cancels += [(self.name, block) for block in blocks]

    def blame(self, index: int) -> None:
        self._record.accused.append(self.name)
