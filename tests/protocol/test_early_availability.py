"""What peers say about their pieces before the number of pieces is known: kept, bounded, checked later."""

from __future__ import annotations

import tracemalloc
from typing import List, Sequence, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.metainfo import MAX_PIECES
from bittorrent_threads.protocol import early_availability
from bittorrent_threads.protocol.early_availability import MAX_ABSENT, MAX_HAVES, MAX_HINTS, EarlyAvailability
from bittorrent_threads.protocol.messages import (
    ALLOWED_FAST,
    BITFIELD,
    EXTENDED,
    HAVE,
    HAVE_ALL,
    HAVE_NONE,
    SUGGEST,
    UNCHOKE,
)
from bittorrent_threads.protocol.wire import Message

ALL: Message = (HAVE_ALL, 0, 0, 0)
NONE: Message = (HAVE_NONE, 0, 0, 0)


def bits(packed: bytes) -> Message:
    return (BITFIELD, packed, 0, 0)


def have(*indexes: int) -> List[Message]:
    return [(HAVE, index, 0, 0) for index in indexes]


def kept(*said: Message) -> EarlyAvailability:
    early = EarlyAvailability()
    assert early.take(list(said)) == []
    return early


SETTLED: List[Tuple[Sequence[Message], List[Message]]] = [
    ([], []),
    ([ALL], [ALL]),
    ([NONE], [NONE]),
    ([bits(b"\xf0\x00\x08")], [bits(b"\xf0\x00\x08")]),
    ([bits(bytes(3))], [bits(bytes(3))]),
    (have(0), [bits(b"\x80\x00\x00")]),
    (have(20, 3, 3), [bits(b"\x10\x00\x08")]),
    ([NONE, *have(20)], [bits(b"\x00\x00\x08")]),
    ([bits(b"\xf0\x00\x00"), *have(20, 0)], [bits(b"\xf0\x00\x08")]),
    ([*have(20, 0), bits(b"\xf0\x00\x00")], [bits(b"\xf0\x00\x08")]),
    ([*have(1), bits(b"\x40\x00\x00")], [bits(b"\x40\x00\x00")]),
    ([bits(b"\xf0\x00\x00"), bits(b"\x0f\x00\x08")], [bits(b"\xff\x00\x08")]),
    ([NONE, bits(b"\xf0\x00\x00")], [bits(b"\xf0\x00\x00")]),
    ([bits(b"\xf0\x00\x00"), ALL], [ALL]),
    ([NONE, ALL, *have(3)], [ALL]),
]


@pytest.mark.parametrize(("said", "settled"), SETTLED)
def test_one_message_says_what_all_of_them_said(said: Sequence[Message], settled: List[Message]) -> None:
    early = kept(*said)
    assert early.settle(21) == settled
    assert early.failed == ""


def test_a_torrent_without_a_piece() -> None:
    assert kept(bits(b"")).settle(0) == [bits(b"")]
    assert kept(NONE).settle(0) == [NONE]
    assert kept(ALL).settle(0) == [ALL]


def test_other_messages_pass_in_order() -> None:
    early = EarlyAvailability()
    others: List[Message] = [(UNCHOKE, 0, 0, 0), (EXTENDED, 0, b"de", 0)]
    assert early.take([others[0], *have(1), others[1]]) == others
    assert early.settle(21) == [bits(b"\x40\x00\x00")]


def test_the_first_hints_are_kept_and_follow_the_availability() -> None:
    hints: List[Message] = [((SUGGEST, ALLOWED_FAST)[n % 2], n % 21, 0, 0) for n in range(1000)]
    assert kept(*hints).settle(21) == hints[:MAX_HINTS]
    assert kept(hints[3], NONE, hints[4]).settle(21) == [NONE, hints[3], hints[4]]


REFUSED: List[Tuple[Sequence[Message], str]] = [
    ([bits(b"\xf0\x00")], "bitfield of 2 bytes instead of 3"),
    ([bits(b"\xf0\x00\x00\x00")], "bitfield of 4 bytes instead of 3"),
    ([bits(b"\xf0\x00\x04")], "bitfield or have of piece 21, there are 21"),
    ([bits(b"\xf0\x00\xff")], "bitfield or have of piece 23, there are 21"),
    (have(3, 21), "bitfield or have of piece 21, there are 21"),
    (have(2**21 - 1), "bitfield or have of piece 2097151, there are 21"),
    ([ALL, *have(21)], "bitfield or have of piece 21, there are 21"),
    ([(SUGGEST, 20, 0, 0), (SUGGEST, 21, 0, 0)], "suggest piece of piece 21, there are 21"),
    ([ALL, (ALLOWED_FAST, 30, 0, 0)], "allowed fast of piece 30, there are 21"),
]


@pytest.mark.parametrize(("said", "reason"), REFUSED)
def test_what_does_not_fit_the_torrent_is_found_when_the_number_is_known(said: Sequence[Message], reason: str) -> None:
    early = kept(*said)
    assert early.settle(21) == []
    assert early.failed == reason


CONTRADICTIONS: List[Tuple[Sequence[Message], str]] = [
    ([bits(b"\xf0\x00"), bits(b"\xf0\xf0\x00")], "bitfield of 3 bytes, after one of 2"),
    ([bits(b"\xf0\x00"), *have(16)], "have of piece 16, the bitfield has 2 bytes"),
    ([*have(16), bits(b"\xf0\x00")], "bitfield of 2 bytes, after a have of piece 16"),
    ([bits(b"\xf0\x00"), bits(b"\x70\x00")], "said a second time what it has, and nothing new"),
    ([bits(bytes(2)), bits(bytes(2))], "said a second time what it has, and nothing new"),
    ([NONE, bits(bytes(2))], "said a second time what it has, and nothing new"),
    ([ALL, ALL], "said a second time what it has, and nothing new"),
    ([ALL, bits(b"\xf0")], "said a second time what it has, and nothing new"),
]


@pytest.mark.parametrize(("said", "reason"), CONTRADICTIONS)
def test_what_contradicts_itself_is_found_at_once(said: Sequence[Message], reason: str) -> None:
    early = EarlyAvailability()
    after: Message = (UNCHOKE, 0, 0, 0)
    assert early.take([after, *said, after]) == [after], "what came before the violation"
    assert early.failed == reason


@given(st.integers(1, 80), st.data())
def test_a_model_of_sets(piece_count: int, data: st.DataObject) -> None:
    indexes = st.sets(st.integers(0, piece_count - 1))
    told: Set[int] = data.draw(indexes, "bitfield")
    before = data.draw(st.lists(st.integers(0, piece_count - 1)), "haves before")
    after = data.draw(st.lists(st.integers(0, piece_count - 1)), "haves after")
    field = Bitfield(piece_count)
    field.add(sorted(told))
    early = kept(*have(*before), bits(bytes(field)), *have(*after))
    field.add(sorted({*before, *after} - told))
    assert early.settle(piece_count) == [bits(bytes(field))]


@pytest.mark.parametrize(
    ("said", "back", "then", "settled"),
    [
        ([ALL], (3, 20), (), [bits(b"\xef\xff\xf0")]),
        ([ALL], (3, 20), (3,), [bits(b"\xff\xff\xf0")]),
        ([ALL], (3,), (3,), [ALL]),
        ([bits(b"\xf0\x00\x08")], (0, 20, 19), (), [bits(b"\x70\x00\x00")]),
        (have(0, 9), (0, 2**32 - 1), (), [bits(b"\x00\x40\x00")]),
        ([NONE], (5,), (6,), [bits(b"\x02\x00\x00")]),
        ([], (5,), (), []),
    ],
)
def test_pieces_that_are_taken_back(
    said: Sequence[Message], back: Sequence[int], then: Sequence[int], settled: List[Message]
) -> None:
    early = kept(*said)
    for index in back:
        early.take_back(index)
    assert early.take(have(*then)) == []
    assert early.settle(21) == settled
    assert early.failed == ""


def test_pieces_beyond_the_end_cannot_be_taken_back() -> None:
    early = kept(ALL)
    early.take_back(21)
    assert early.settle(21) == []
    assert early.failed == "lt_donthave of piece 21, there are 21"


def test_few_pieces_can_be_taken_back_before_the_number_is_known() -> None:
    early = kept(ALL)
    for index in (*range(MAX_ABSENT), 0):
        early.take_back(index)
    assert early.failed == ""
    early.take_back(MAX_ABSENT)
    assert early.failed == f"took back {MAX_ABSENT + 1} pieces before the metadata was known"


def test_many_haves_are_the_same_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_availability, "MAX_HAVES", 3)
    assert kept(*have(*range(0, 21, 2), *range(20, -1, -4))).settle(21) == [bits(b"\xaa\xaa\xa8")]


def test_no_number_of_messages_costs_more_than_three_bitfields() -> None:
    early = EarlyAvailability()
    batch = have(*range(MAX_PIECES - 2048, MAX_PIECES))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(3 * MAX_HAVES // len(batch) + 5):
            early.take(batch)
        early.take([bits(b"\xff" * (MAX_PIECES // 8 - 1) + b"\xfe")])
        for _ in range(MAX_HAVES // len(batch)):
            early.take(batch)
        size, peak = (traced - before for traced in tracemalloc.get_traced_memory())
    finally:
        tracemalloc.stop()
    assert early.settle(MAX_PIECES) == [bits(b"\xff" * (MAX_PIECES // 8))]
    assert early.failed == ""
    assert size < 3 * MAX_PIECES // 8, f"{size} bytes are kept"
    assert peak < 6 * MAX_PIECES // 8, f"{peak} bytes while one bitfield is added to another"


def test_a_have_costs_less_memory_than_its_message() -> None:
    early = EarlyAvailability()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for count in range(1, MAX_HAVES, 97):
            early.take(have(MAX_PIECES - 1))
            kept_bytes = tracemalloc.get_traced_memory()[0] - before
            assert kept_bytes < 9 * count + 2000, f"{kept_bytes} bytes after {count} messages"
    finally:
        tracemalloc.stop()
