from __future__ import annotations

from typing import Any, List

from bittorrent_threads.disk.results import Synced
from bittorrent_threads.engine.durable_pieces import DurablePieces
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.bitfield import Bitfield

COUNT = 8


class Pieces:
    """Pieces that come and go, and syncs of them."""

    def __init__(self) -> None:
        self.have = Bitfield(COUNT)
        self.durable = DurablePieces(self.have)

    def lose(self, *indexes: int) -> None:
        self.have.remove(indexes)
        self.durable.lost(indexes)

    def sync(self, **fields: Any) -> tuple[List[int], List[int]]:
        """The pieces that are durable after a sync, and those that are left in the page cache."""
        return self.end(self.durable.begin(), **fields)

    def end(self, claimed: Bitfield, **fields: Any) -> tuple[List[int], List[int]]:
        answer = Synced((), None, fields.pop("suspects", ()), fields.pop("error", None), **fields)
        late = self.durable.end(claimed, answer)
        return [*claimed.indexes()], [*late.indexes()]


def test_what_was_there_when_the_sync_began_is_durable() -> None:
    pieces = Pieces()
    pieces.have.add([1, 2])
    claimed = pieces.durable.begin()
    assert pieces.durable.syncing
    pieces.have.add([3])
    assert pieces.end(claimed) == ([1, 2], [])
    assert not pieces.durable.syncing


def test_what_a_sync_had_no_time_for_is_not_unless_it_was_before() -> None:
    pieces = Pieces()
    pieces.have.add([1, 2])
    pieces.sync()
    pieces.have.add([3, 6])
    assert pieces.sync(unsynced=(0, 1, 2, 3, 4)) == ([1, 2, 6], [3])
    assert pieces.sync() == ([1, 2, 3, 6], [])


def test_a_suspect_is_durable_only_after_another_sync() -> None:
    pieces = Pieces()
    pieces.have.add([1, 2])
    pieces.sync()
    assert pieces.sync(suspects=(2,)) == ([1], [])
    assert pieces.sync(unsynced=(1, 2)) == ([1], [2])


def test_a_piece_that_was_lost_and_came_again_is_not_durable() -> None:
    pieces = Pieces()
    pieces.have.add([1, 2])
    pieces.sync()
    claimed = pieces.durable.begin()
    pieces.lose(2)
    pieces.have.add([2])
    assert pieces.end(claimed) == ([1], []), "the sync may have ended before it was written"
    assert pieces.sync(unsynced=(1, 2)) == ([1], [2])


def test_a_sync_that_failed_makes_nothing_durable() -> None:
    pieces = Pieces()
    pieces.have.add([1])
    pieces.sync(error=StorageError("no", "x", 5))
    assert pieces.sync(unsynced=(1,)) == ([], [1])


def test_what_resume_data_says() -> None:
    pieces = Pieces()
    pieces.have.add([1, 2, 3])
    pieces.durable.trusted([1, 2, 3], [2, 5])
    assert pieces.durable.take_older() == [2, 5]
    assert pieces.durable.take_older() == []
    assert pieces.sync(unsynced=(1, 2, 3)) == ([1, 3], [2])
