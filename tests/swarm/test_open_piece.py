"""The blocks of one open piece."""

from __future__ import annotations

from support.block_sources import Record, RecordingSource
from support.pieces import asked, opened, put

from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.open_piece import MAX_COPIES, RESTORED


def test_blocks_are_free_in_order() -> None:
    piece = opened(3, 65536)
    assert piece.untouched
    assert asked(piece, "A", 4) == [0, 1, 2, 3]
    assert not piece.untouched


def test_give_back_frees_only_the_owners_blocks() -> None:
    piece = opened(0, 65536)
    asked(piece, "A", 2)
    assert not piece.give_back(0, "B")
    assert piece.give_back(0, "A")
    assert piece.free[-1] == 0
    piece.check()


def test_a_received_block_is_not_given_back() -> None:
    piece = opened(0, 65536)
    asked(piece, "A", 1)
    put(piece, 0, bytes(16384), BufferPool(65536))
    assert not piece.give_back(0, "A")
    piece.check()


def test_endgame_owners_step_in_for_each_other() -> None:
    piece = opened(0, 32768)
    asked(piece, "A", 2)
    assert not piece.duplicable(0, "A")
    assert piece.duplicable(0, "B")
    assert piece.duplicable(1, "B")
    piece.extra[0] = ["B"]
    assert not piece.duplicable(0, "B")
    assert piece.duplicable(1, "B")
    piece.check()
    assert not piece.give_back(0, "A"), "B was asked as well"
    assert piece.owners[0] == "B"
    assert not piece.extra
    piece.check()
    assert piece.give_back(0, "B")


def test_an_extra_owner_may_go() -> None:
    piece = opened(0, 16384)
    asked(piece, "A", 1)
    piece.extra[0] = ["B", "C"]
    assert not piece.give_back(0, "B")
    assert piece.extra == {0: ["C"]}
    assert piece.owners[0] == "A"


def test_copies_are_bounded() -> None:
    piece = opened(0, 16384)
    asked(piece, "A", 1)
    piece.extra[0] = [f"extra{number}" for number in range(MAX_COPIES - 1)]
    assert not piece.duplicable(0, "Z")


def test_a_free_block_is_not_duplicable() -> None:
    assert not opened(0, 32768).duplicable(0, "A")


def test_a_place_for_each_block_that_is_free_or_asked_for() -> None:
    piece = opened(0, 2 * 16384)
    assert piece.expects(0)
    assert piece.expects(1)
    asked(piece, "A", 1)
    assert piece.expects(0)


def test_who_was_asked_and_who_else() -> None:
    piece = opened(0, 3 * 16384)
    asked(piece, "A", 2)
    piece.extra[1] = ["B", "C"]
    assert piece.asked() == [(0, "A"), (1, "A"), (1, "B"), (1, "C")]
    put(piece, 1, bytes(16384), BufferPool(65536))
    assert sorted(piece.settle(1, "B")) == ["A", "C"]
    assert piece.owners[1] == "B"
    put(piece, 2, bytes(16384), BufferPool(65536))
    assert piece.settle(2, "D") == []
    assert piece.free == [], "it was requested from no other peer"
    assert piece.asked() == [(0, "A")]
    piece.check()


def test_senders_in_order_and_none_for_what_was_on_disk() -> None:
    record = Record()

    class Owner:
        def __init__(self, name: str) -> None:
            self.sender = RecordingSource(name, record)

    piece = opened(0, 3 * 16384)
    piece.owners = [Owner("A"), RESTORED, Owner("B")]
    assert piece.senders == [RecordingSource("A", record), None, RecordingSource("B", record)]


def test_who_was_not_asked_gives_nothing_back() -> None:
    piece = opened(0, 16384)
    asked(piece, "A", 1)
    piece.extra[0] = ["B"]
    assert not piece.give_back(0, "C")
    assert piece.owners[0] == "A"
    assert piece.extra == {0: ["B"]}
