"""The blocks of one open piece."""

from __future__ import annotations

from support.pieces import asked

from bittorrent_threads.swarm.buffer_pool import BufferPool
from bittorrent_threads.swarm.open_piece import MAX_COPIES, RESTORED, OpenPiece


def opened(index: int, size: int) -> OpenPiece:
    return OpenPiece(index, size, size)


def put(piece: OpenPiece, block: int, data: bytes, memory: BufferPool) -> bool:
    return piece.put(block, block * 16384, block * 16384 + len(data), memoryview(data), memory)


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
    assert piece.duplicable(0, "B") and piece.duplicable(1, "B")
    piece.extra[0] = ["B"]
    assert not piece.duplicable(0, "B") and piece.duplicable(1, "B")
    piece.check()
    assert not piece.give_back(0, "A"), "B was asked as well"
    assert piece.owners[0] == "B" and not piece.extra
    piece.check()
    assert piece.give_back(0, "B")


def test_an_extra_owner_may_go() -> None:
    piece = opened(0, 16384)
    asked(piece, "A", 1)
    piece.extra[0] = ["B", "C"]
    assert not piece.give_back(0, "B")
    assert piece.extra == {0: ["C"]} and piece.owners[0] == "A"


def test_copies_are_bounded() -> None:
    piece = opened(0, 16384)
    asked(piece, "A", 1)
    piece.extra[0] = [f"extra{number}" for number in range(MAX_COPIES - 1)]
    assert not piece.duplicable(0, "Z")


def test_a_free_block_is_not_duplicable() -> None:
    assert not opened(0, 32768).duplicable(0, "A")


def test_blocks_come_into_one_buffer() -> None:
    memory = BufferPool(100_000)
    piece = opened(0, 32768 + 5)
    assert piece.view(0, 5) is None and piece.reserved == 32768 + 5
    memory.reserve(piece.reserved)
    assert not put(piece, 2, b"three", memory)
    assert not put(piece, 0, b"1" * 16384, memory)
    assert put(piece, 1, b"2" * 16384, memory), "all of it is here"
    buffer, view = piece.buffer, piece.view(32768, 5)
    assert buffer is not None
    assert bytes(buffer) == b"1" * 16384 + b"2" * 16384 + b"three"
    assert view is not None
    assert bytes(view) == b"three"
    view.release()
    piece.release(memory)
    assert memory.reserved == 0 and piece.buffer is None and memory.take(len(buffer)) is buffer


def test_what_was_on_disk_is_not_asked_for() -> None:
    piece = opened(0, 4 * 16384)
    assert piece.restore([1, 3]) == [0] and piece.free == [2, 0] and piece.left == 2
    assert not piece.untouched and piece.owners[1] is RESTORED
    piece.bring(0, b"x" * 4 * 16384, BufferPool(65536))
    view = piece.view(16384, 2)
    assert view is not None
    assert bytes(view) == b"xx"
    piece.check()


def test_a_place_for_each_block_that_is_free_or_asked_for() -> None:
    piece = opened(0, 2 * 16384)
    assert piece.expects(0) and piece.expects(1)
    asked(piece, "A", 1)
    assert piece.expects(0)


def test_who_was_asked_and_who_else() -> None:
    piece = opened(0, 3 * 16384)
    asked(piece, "A", 2)
    piece.extra[1] = ["B", "C"]
    assert piece.asked() == [(0, "A"), (1, "A"), (1, "B"), (1, "C")]
    put(piece, 1, bytes(16384), BufferPool(65536))
    assert sorted(piece.settle(1, "B")) == ["A", "C"] and piece.owners[1] == "B"
    put(piece, 2, bytes(16384), BufferPool(65536))
    assert piece.settle(2, "D") == [] and piece.free == [], "nobody was asked for it any more"
    assert piece.asked() == [(0, "A")]
    piece.check()


def test_senders_in_order_and_none_for_what_was_on_disk() -> None:
    class Peer:
        def __init__(self, key: str) -> None:
            self.key = key

    piece = opened(0, 3 * 16384)
    piece.owners = [Peer("A"), RESTORED, Peer("B")]
    assert piece.senders == ["A", None, "B"]
