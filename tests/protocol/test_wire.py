"""The wire parser: one stream, any cut; and everything a peer can do wrong."""

from __future__ import annotations

import itertools
import random
import struct
import tracemalloc
from typing import Any, List, Optional, Set, Tuple
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chunks import cuts, random_chunks

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.metainfo import MAX_PIECES
from bittorrent_threads.protocol import messages, wire
from bittorrent_threads.protocol.messages import (
    ALLOWED_FAST,
    BITFIELD,
    CANCEL,
    CHOKE,
    EXTENDED,
    HAVE,
    HAVE_ALL,
    HAVE_NONE,
    INTERESTED,
    KEEPALIVE,
    NOT_INTERESTED,
    PIECE,
    PORT,
    REJECT,
    REQUEST,
    SUGGEST,
    UNCHOKE,
)
from bittorrent_threads.protocol.wire import Message, Wire

PIECES = 21
BLOCK = bytes(range(256)) * 64
NOTHING_NEW = "said a second time what it has, and nothing new"


def block(index: int, begin: int, data: bytes) -> bytes:
    return messages.piece_headers([(index, begin, len(data))])[0] + data


def raw(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(payload), kind) + payload


def copied(message: Message) -> List[Tuple[Any, ...]]:
    """A message for each block of a PIECE, with the block copied, and for each REQUEST; other messages as they are."""
    kind, index, begin, blocks = message
    if kind == REQUEST:
        return [(kind, *request) for request in index]
    if kind != PIECE:
        return [message]
    assert len(blocks) == 1 or {len(each) for each in blocks} == {len(BLOCK)}
    return [(kind, index, begin + place * len(BLOCK), bytes(each)) for place, each in enumerate(blocks)]


def feed(chunks: List[bytes], *, fast: bool = True) -> Tuple[Wire, List[Tuple[Any, ...]]]:
    """A wire that was fed all chunks, and what it returned."""
    machine = Wire(PIECES, fast=fast)
    found = []
    for chunk in chunks:
        # The engine's buffer is used again for the next chunk.
        shared = bytearray(chunk)
        for message in machine.receive(memoryview(shared)):
            found += copied(message)
        shared[:] = bytes(len(shared))
    return machine, found


SESSION = [
    (messages.bitfield(b"\xff\x00\x08"), (BITFIELD, b"\xff\x00\x08", 0, 0)),
    (messages.extended(0, b"d1:mdee"), (EXTENDED, 0, b"d1:mdee", 0)),
    (messages.KEEPALIVE_MESSAGE, (KEEPALIVE, 0, 0, 0)),
    (messages.UNCHOKE_MESSAGE, (UNCHOKE, 0, 0, 0)),
    (messages.INTERESTED_MESSAGE, (INTERESTED, 0, 0, 0)),
    (messages.have(20), (HAVE, 20, 0, 0)),
    (messages.request(3, 16384, 1000), (REQUEST, 3, 16384, 1000)),
    (block(4, 16384, BLOCK[:300]), (PIECE, 4, 16384, BLOCK[:300])),
    (block(20, 0, b"x"), (PIECE, 20, 0, b"x")),
    (messages.cancel(3, 16384, 1000), (CANCEL, 3, 16384, 1000)),
    (messages.reject(0, 0, 16384), (REJECT, 0, 0, 16384)),
    (messages.suggest(5), (SUGGEST, 5, 0, 0)),
    (messages.allowed_fast(6), (ALLOWED_FAST, 6, 0, 0)),
    (raw(PORT, b"\x1a\xe1"), (PORT, 6881, 0, 0)),
    (messages.extended(3, b""), (EXTENDED, 3, b"", 0)),
    (messages.KEEPALIVE_MESSAGE, (KEEPALIVE, 0, 0, 0)),
    (messages.NOT_INTERESTED_MESSAGE, (NOT_INTERESTED, 0, 0, 0)),
    (messages.CHOKE_MESSAGE, (CHOKE, 0, 0, 0)),
]


def test_a_session_is_the_same_however_it_is_cut() -> None:
    stream = b"".join(message for message, _ in SESSION)
    expected = [parsed for _, parsed in SESSION]
    for chunks in cuts(stream):
        machine, found = feed(chunks)
        assert (found, machine.failed, machine.partial) == (expected, "", False)


def test_full_blocks_are_the_same_however_they_are_cut() -> None:
    stream = b"".join(block(index, 0, BLOCK) for index in range(PIECES))
    expected = [(PIECE, index, 0, BLOCK) for index in range(PIECES)]
    assert feed([stream])[1] == expected
    for longest in (200, 9000, 80_000):
        assert feed(random_chunks(stream, 1, longest))[1] == expected


def test_neighbouring_blocks_of_full_length_are_one_message() -> None:
    size = len(BLOCK)
    stream = [
        block(2, 0, BLOCK),
        block(2, size, BLOCK[::-1]),
        block(2, 2 * size, BLOCK),
        block(2, 4 * size, BLOCK),  # not a neighbour
        block(3, 5 * size, BLOCK),  # of another piece
        block(3, 6 * size, BLOCK),
        messages.UNCHOKE_MESSAGE,
        block(3, 7 * size, BLOCK),  # not directly behind
        messages.request(1, 0, 5),
        block(3, 8 * size, BLOCK),
        block(3, 9 * size, b"short"),
        block(3, 9 * size + 5, BLOCK),
        block(4, 2**32 - size, BLOCK),
        block(4, 0, BLOCK),
    ]
    found = Wire(PIECES, fast=True).receive(b"".join(stream))
    assert [(kind, a, b // size, len(c) if kind == PIECE else c) for kind, a, b, c in found] == [
        (PIECE, 2, 0, 3),
        (PIECE, 2, 4, 1),
        (PIECE, 3, 5, 2),
        (UNCHOKE, 0, 0, 0),
        (PIECE, 3, 7, 1),
        (REQUEST, [(1, 0, 5)], 0, 0),
        (PIECE, 3, 8, 1),
        (PIECE, 3, 9, 1),
        (PIECE, 3, 9, 1),
        (PIECE, 4, 2**32 // size - 1, 1),
        (PIECE, 4, 0, 1),
    ]
    assert [each == BLOCK for each in found[0][3]] == [True, False, True]


def test_neighbouring_requests_are_one_message() -> None:
    asked = [(index % PIECES, index, 2**32 - 1 - index) for index in range(3 * PIECES)]
    stream = b"".join(itertools.starmap(messages.request, asked))
    others = [messages.UNCHOKE_MESSAGE, messages.have(5), messages.cancel(1, 0, 5), block(1, 0, b"x" * 8), b"\0\0"]
    for other in others:
        found = Wire(PIECES, fast=True).receive(stream + other + stream[:17])
        assert found[0] == (REQUEST, asked, 0, 0)
        assert found[2:] == ([] if other == others[-1] else [(REQUEST, asked[:1], 0, 0)])
    for place, byte in enumerate(messages.request(0, 0, 0)[:5]):
        for number in (1, 2, len(asked) - 1):
            wrong = bytearray(stream)
            wrong[17 * number + place] = byte ^ 1
            (first, *_) = Wire(PIECES, fast=True).receive(bytes(wrong))
            assert first == (REQUEST, asked[:number], 0, 0)


def test_a_request_for_a_piece_that_does_not_exist_ends_the_run() -> None:
    for number in range(4):
        machine = Wire(PIECES, fast=True)
        asked = [(PIECES - 1, 0, 5)] * number
        stream = b"".join([messages.request(*each) for each in [*asked, (PIECES, 0, 5), (0, 0, 5)]])
        assert machine.receive(stream) == ([(REQUEST, asked, 0, 0)] if asked else [])
        assert machine.failed == f"request of piece {PIECES}, there are {PIECES}"


def test_blocks_are_views_into_what_was_given() -> None:
    data = bytearray(block(1, 0, b"abc") + block(2, 0, b"def"))
    first, second = Wire(PIECES, fast=False).receive(data)
    data[13:16] = b"ABC"
    assert (bytes(first[3][0]), bytes(second[3][0])) == (b"ABC", b"def")


def test_blocks_of_one_call_stay_good_together() -> None:
    # One message completed by its own copy, and one in place, are looked at after both were parsed.
    stream = block(1, 0, BLOCK) + block(2, 0, BLOCK[::-1]) + block(3, 0, BLOCK)
    machine = Wire(PIECES, fast=False)
    machine.receive(stream[:9000])
    found = machine.receive(stream[9000:45000])
    assert [bytes(view) for _, _, _, (view,) in found] == [BLOCK, BLOCK[::-1]]
    assert machine.partial


def test_only_the_message_that_was_cut_is_copied() -> None:
    data = bytearray(1024 * 1024)
    stream = b"".join(block(index % PIECES, 0, BLOCK) for index in range(64))
    data[: len(stream) - 5000] = stream[5000:]
    machine = Wire(PIECES, fast=False)
    machine.receive(stream[:5000])
    tracemalloc.start()
    try:
        found = machine.receive(memoryview(data)[: len(stream) - 5000])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 64
    assert peak < 80_000, f"{peak} bytes allocated for a message of 16 KiB"


def test_long_messages_in_small_pieces_are_not_quadratic() -> None:
    # A quadratic parser would copy 16 GB here.
    message = messages.extended(1, bytes(512 * 1024))
    machine = Wire(PIECES, fast=False)
    found = [parsed for pos in range(0, len(message), 16) for parsed in machine.receive(message[pos : pos + 16])]
    assert found == [(EXTENDED, 1, bytes(512 * 1024), 0)]


def test_partial_from_the_first_byte_to_the_last() -> None:
    machine = Wire(PIECES, fast=False)
    for byte in messages.have(3)[:-1]:
        assert machine.receive(bytes([byte])) == []
        assert machine.partial
    assert machine.receive(messages.have(3)[-1:]) == [(HAVE, 3, 0, 0)]
    assert not machine.partial


def test_how_much_of_a_message_is_missing() -> None:
    machine = Wire(PIECES, fast=False)
    assert machine.missing == 0
    machine.receive(b"\0\0")
    assert machine.missing == 2, "of the length"
    machine.receive(b"\x40\x09\x07")
    assert machine.missing == 16384 + 13 - 5
    machine.receive(bytes(8 + 16000))
    assert machine.partial
    assert machine.missing == 384
    assert len(machine.receive(bytes(384))) == 1
    assert machine.missing == 0


def test_every_message_is_told_with_its_last_byte() -> None:
    for message, _ in SESSION:
        for chunks in cuts(message):
            machine = Wire(PIECES, fast=True)
            assert [len(machine.receive(chunk)) for chunk in chunks] == [0] * (len(chunks) - 1) + [1]


# -- availability ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [messages.bitfield(bytes(3)), messages.HAVE_ALL_MESSAGE, messages.HAVE_NONE_MESSAGE])
def test_what_may_come_before_the_availability(first: bytes) -> None:
    before = messages.KEEPALIVE_MESSAGE + messages.extended(0, b"de") + raw(PORT, b"\x1a\xe1") + raw(99)
    machine, found = feed([before + first])
    assert machine.failed == ""
    assert found[-1][0] in (BITFIELD, HAVE_ALL, HAVE_NONE)


@pytest.mark.parametrize(
    "before",
    [
        messages.HAVE_NONE_MESSAGE,
        messages.bitfield(bytes(3)),
        messages.have(1),
        messages.UNCHOKE_MESSAGE,
        messages.allowed_fast(1),
        block(0, 0, b"x"),
    ],
)
def test_a_late_have_none_ends_the_connection(before: bytes) -> None:
    for chunks in cuts(before + messages.HAVE_NONE_MESSAGE + messages.have(2)):
        machine, found = feed(chunks)
        assert machine.failed == "have none after other messages"
        assert len(found) == 1


def test_a_late_bitfield_is_taken_since_aria2_sends_one_in_place_of_many_haves() -> None:
    for chunks in cuts(messages.have(1) + messages.bitfield(b"\xf0\0\0") + messages.HAVE_ALL_MESSAGE):
        machine, found = feed(chunks)
        assert not machine.failed
        assert [kind for kind, *_ in found] == [messages.HAVE, BITFIELD, messages.HAVE_ALL]


@pytest.mark.parametrize("piece_count", [1, 7, 8, 9, 16, 21])
def test_spare_bits_of_a_bitfield_must_be_zero(piece_count: int) -> None:
    size = (piece_count + 7) // 8
    good = ((1 << piece_count) - 1 << size * 8 - piece_count).to_bytes(size, "big")
    machine = Wire(piece_count, fast=False)
    assert machine.receive(messages.bitfield(good)) == [(BITFIELD, good, 0, 0)]
    for spare in range(size * 8 - piece_count):
        machine = Wire(piece_count, fast=False)
        bad = good[:-1] + bytes([good[-1] | 1 << spare])
        assert machine.receive(messages.bitfield(bad)) == []
        assert machine.failed == f"bitfield with bits set beyond its {piece_count} pieces"


U32 = st.integers(0, 2**32 - 1)
BARE = [(kind, 0, 0, 0) for kind in (KEEPALIVE, CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE_ALL)]


def bitfields(piece_count: int) -> st.SearchStrategy[Message]:
    size = (piece_count + 7) // 8
    bits = st.integers(0, 2**piece_count - 1)
    return bits.map(lambda chosen: (BITFIELD, (chosen << 8 * size - piece_count).to_bytes(size, "big"), 0, 0))


def sessions(piece_count: int) -> st.SearchStrategy[List[Message]]:
    """What a peer may send, as the wire returns it."""
    index = st.integers(0, max(0, piece_count - 1))
    one: List[st.SearchStrategy[Message]] = [
        st.sampled_from(BARE),
        st.binary(max_size=40).map(lambda payload: (EXTENDED, len(payload), payload, 0)),
        st.tuples(st.just(PORT), st.integers(0, 65535), st.just(0), st.just(0)),
        bitfields(piece_count),
    ]
    if piece_count:
        one += [
            st.tuples(st.sampled_from([HAVE, SUGGEST, ALLOWED_FAST]), index, st.just(0), st.just(0)),
            st.tuples(st.sampled_from([REQUEST, CANCEL, REJECT]), index, U32, U32),
            st.tuples(st.just(PIECE), index, U32, st.binary(min_size=1, max_size=40)),
        ]
    none = st.lists(st.just((HAVE_NONE, 0, 0, 0)), max_size=1)
    return st.tuples(none, st.lists(st.one_of(one), max_size=12)).map(lambda parts: parts[0] + parts[1])


def pieces_of(stream: bytes, data: st.DataObject) -> List[bytes]:
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=6).map(sorted), "cuts")
    return [stream[begin:end] for begin, end in zip([0, *places], [*places, len(stream)])]


def received(machine: Wire, chunks: List[bytes]) -> List[Message]:
    """All messages, whatever is held back; the memory of each chunk is used again."""
    found: List[Message] = []
    for chunk in chunks:
        shared = bytearray(chunk)
        chunk_view = memoryview(shared)
        while chunk_view or machine.held:
            for message in machine.receive(chunk_view):
                found += copied(message)
            shared[:] = bytes(len(shared))
            chunk_view = chunk_view[:0]
    return found


@given(st.integers(0, 40), st.data())
def test_any_session_comes_back_however_it_is_cut(piece_count: int, data: st.DataObject) -> None:
    said = data.draw(sessions(piece_count), "messages")
    machine = Wire(piece_count, fast=True)
    found = received(machine, pieces_of(b"".join(map(written, said)), data))
    assert (found, machine.failed, machine.partial, machine.missing) == (said, "", False, 0)


def nearly_right(piece_count: int) -> st.SearchStrategy[bytes]:
    """A message of any id, of about the length that it should have."""
    kinds = st.sampled_from([*SIZES, PIECE, EXTENDED, 21, 99])
    lengths = st.sampled_from([0, 1, 2, 3, 4, 9, 12, 13, (piece_count + 7) // 8])
    numbers = st.sampled_from([0, 1, piece_count - 1, piece_count, 2**32 - 1]).map(
        lambda n: struct.pack(">I", n % 2**32)
    )
    payload = st.tuples(numbers, st.binary(min_size=9, max_size=9), lengths).map(lambda p: (p[0] + p[1])[: p[2]])
    return st.one_of(st.builds(raw, kinds, payload), st.sampled_from([bytes(4), b"\xff\xff\xff\xff"]))


@given(st.none() | st.just(PIECES), st.booleans(), st.data())
def test_anything_has_one_end_however_it_is_cut(told: Optional[int], fast: bool, data: st.DataObject) -> None:
    stream = b"".join(
        data.draw(st.lists(st.one_of(nearly_right(PIECES), st.sampled_from(BARE).map(written)), max_size=9))
    )
    whole, pieces = Wire(told, fast=fast), Wire(told, fast=fast)
    found = received(whole, [stream])
    with mock.patch.object(wire, "MAX_MESSAGES", 2):
        assert received(pieces, pieces_of(stream, data)) == found
    assert (pieces.failed, pieces.partial, pieces.missing) == (whole.failed, whole.partial, whole.missing)
    if told is None:
        assert pieces.set_piece_count(PIECES) == whole.set_piece_count(PIECES)
        assert pieces.failed == whole.failed


@given(st.integers(1, 40), st.data())
def test_what_comes_early_means_the_same_as_what_comes_late(piece_count: int, data: st.DataObject) -> None:
    """The number of pieces, told at any moment, changes nothing in what the peer is known to have."""
    said = data.draw(sessions(piece_count), "messages")
    known, learning = Wire(piece_count, fast=True), Wire(None, fast=True)
    expected = received(known, [b"".join(map(written, said))])
    when = data.draw(st.integers(0, len(said)), "told after")
    found = received(learning, [b"".join(map(written, said[:when]))])
    found += learning.set_piece_count(piece_count)
    if learning.failed:
        assert learning.failed == NOTHING_NEW
        return
    found += received(learning, [b"".join(map(written, said[when:]))])
    assert not learning.failed
    assert available(found, piece_count) == available(expected, piece_count)
    others = [message for message in expected if message[0] not in ABOUT_PIECES]
    assert [message for message in found if message[0] not in ABOUT_PIECES] == others


ABOUT_PIECES = (HAVE, BITFIELD, HAVE_ALL, HAVE_NONE, SUGGEST, ALLOWED_FAST)


def available(said: List[Message], piece_count: int) -> Tuple[Set[int], List[Message]]:
    """The pieces that a peer has after these messages, and its hints."""
    pieces: Set[int] = set()
    for kind, a, *_ in said:
        if kind == HAVE:
            pieces.add(a)
        elif kind == HAVE_ALL:
            pieces.update(range(piece_count))
        elif kind == BITFIELD:
            pieces.update(Bitfield(piece_count, a).indexes())
    return pieces, [message for message in said if message[0] in (SUGGEST, ALLOWED_FAST)]


def written(message: Tuple[Any, ...]) -> bytes:
    kind, a, b, c = message
    if kind == KEEPALIVE:
        return messages.KEEPALIVE_MESSAGE
    if kind == PIECE:
        return block(a, b, c)
    if kind == EXTENDED:
        return messages.extended(a, b)
    if kind == BITFIELD:
        return messages.bitfield(a)
    if kind == PORT:
        return raw(PORT, struct.pack(">H", a))
    return raw(kind, struct.pack(">III", a, b, c)[: SIZES[kind]])


# -- violations --------------------------------------------------------------------------------------------------------

SIZES = {
    CHOKE: 0,
    UNCHOKE: 0,
    INTERESTED: 0,
    NOT_INTERESTED: 0,
    HAVE: 4,
    BITFIELD: 3,
    REQUEST: 12,
    CANCEL: 12,
    PORT: 2,
    SUGGEST: 4,
    HAVE_ALL: 0,
    HAVE_NONE: 0,
    REJECT: 12,
    ALLOWED_FAST: 4,
}


@pytest.mark.parametrize("kind", SIZES)
def test_wrong_sizes_end_the_connection(kind: int) -> None:
    size = SIZES[kind]
    for wrong in {0, 1, 2, 3, 4, 5, 11, 12, 13, 5000} - {size}:
        message = raw(kind, bytes(wrong))
        for chunks in cuts(message) if wrong < 20 else [[message]]:
            machine, found = feed(chunks)
            assert found == []
            assert machine.failed == f"{messages.NAMES[kind]} message of {wrong + 1} bytes instead of {size + 1}"
    assert len(feed([raw(kind, bytes(size))])[1]) == 1


@pytest.mark.parametrize("length", [1, 8, 9, 9 + 16385, 2**32 - 1])
def test_blocks_that_cannot_have_been_asked_for(length: int) -> None:
    for chunks in cuts(struct.pack(">IBII", length, PIECE, 0, 0)):
        machine, found = feed(chunks)
        assert found == []
        assert machine.failed == f"piece message of {length} bytes, not 10 to 16393"


@pytest.mark.parametrize("kind", [HAVE, SUGGEST, ALLOWED_FAST, REQUEST, CANCEL, REJECT, PIECE])
@pytest.mark.parametrize("index", [PIECES, 2**32 - 1])
def test_pieces_that_do_not_exist(kind: int, index: int) -> None:
    size = 9 if kind == PIECE else SIZES[kind] - 4
    for chunks in cuts(raw(kind, struct.pack(">I", index) + bytes(size))):
        machine, found = feed(chunks)
        assert found == []
        assert machine.failed == f"{messages.NAMES[kind]} of piece {index}, there are {PIECES}"


@pytest.mark.parametrize("kind", [SUGGEST, HAVE_ALL, HAVE_NONE, REJECT, ALLOWED_FAST])
def test_fast_messages_need_the_fast_extension(kind: int) -> None:
    for chunks in cuts(raw(kind, bytes(SIZES[kind]))):
        machine, found = feed(chunks, fast=False)
        assert found == []
        assert machine.failed == f"{messages.NAMES[kind]} message without the fast extension"


def test_the_longest_message_taken() -> None:
    assert len(feed([raw(EXTENDED, bytes(wire.MAX_MESSAGE - 1))])[1]) == 1
    for kind in (EXTENDED, 99):
        machine = feed([struct.pack(">IB", wire.MAX_MESSAGE + 1, kind)])[0]
        assert machine.failed == "message of 1048577 bytes, more than 1048576"


def limited() -> Wire:
    """A wire that takes extension messages with the id 7 of at most 10 bytes."""
    return Wire(PIECES, fast=True, objection=lambda sub_id, size: "too long" if sub_id == 7 and size > 10 else "")


def test_an_extension_message_has_the_limit_of_its_id() -> None:
    taken = messages.extended(7, bytes(10)) + messages.extended(8, bytes(5000)) + messages.have(1)
    for chunks in [*cuts(taken), [taken[:5], taken[5:]], [taken[:21], taken[21:]]]:
        machine = limited()
        found = [message for chunk in chunks for message in machine.receive(chunk)]
        assert [(kind, a) for kind, a, *_ in found] == [(EXTENDED, 7), (EXTENDED, 8), (HAVE, 1)]
    for size in (11, wire.MAX_MESSAGE - 2):
        header = struct.pack(">IBB", size + 2, EXTENDED, 7)
        for chunks in [*cuts(header), [header + bytes(20)], [header[:5], header[5:] + bytes(size)]]:
            machine = limited()
            assert [message for chunk in chunks for message in machine.receive(chunk)] == []
            assert (machine.failed, machine.partial) == ("too long", False), "nothing is kept of it"
            assert machine.receive(bytes(100)) == []


def test_a_bitfield_may_be_longer_than_other_messages() -> None:
    machine = Wire(8 * 2000, fast=False, max_message=1000)
    assert machine.receive(messages.bitfield(bytes(2000))) == [(BITFIELD, bytes(2000), 0, 0)]
    machine.receive(messages.extended(1, bytes(2000)))
    assert machine.failed == "message of 2002 bytes, more than 1000"


def test_nothing_is_kept_of_a_message_that_is_too_long() -> None:
    machine = Wire(PIECES, fast=False)
    machine.receive(b"\xff\xff\xff\xff")
    assert machine.partial
    machine.receive(bytes([EXTENDED]))
    assert machine.failed
    assert not machine.partial


def test_an_extended_message_needs_an_id() -> None:
    assert feed([raw(EXTENDED)])[0].failed == "extended message without an id"


def test_unknown_messages_are_ignored_but_not_for_ever() -> None:
    for chunks in cuts(raw(99, b"whatever") + raw(21) + messages.have(1)):
        machine, found = feed(chunks)
        assert (found, machine.failed, machine.unknown) == ([(HAVE, 1, 0, 0)], "", 2)
    machine = Wire(PIECES, fast=False)
    machine.receive(raw(99) * wire.MAX_UNKNOWN)
    assert machine.failed == ""
    assert machine.receive(messages.have(1) + raw(99) + messages.have(2)) == [(HAVE, 1, 0, 0)]
    assert machine.failed == "1001 messages of unknown ids"


def test_what_came_before_a_violation_counts_and_nothing_after() -> None:
    for chunks in cuts(messages.have(1) + messages.have(PIECES) + messages.have(2)):
        machine, found = feed(chunks)
        assert found == [(HAVE, 1, 0, 0)]
        assert machine.receive(messages.have(3)) == []
        assert machine.failed == "have of piece 21, there are 21"


# -- noise -------------------------------------------------------------------------------------------------------------


def noise(seed: int) -> bytes:
    """Random bytes, or a session with a few of its bytes changed."""
    chance = random.Random(seed)
    if seed % 3 == 0:
        return chance.randbytes(200)
    if seed % 3 == 1:
        kinds = chance.choices([*SIZES, PIECE, EXTENDED, 30], k=9)
        return b"".join(raw(kind, chance.randbytes(chance.randint(0, 13))) for kind in kinds)
    stream = bytearray(b"".join(message for message, _ in SESSION))
    for _ in range(chance.randint(1, 4)):
        stream[chance.randrange(len(stream))] = chance.randrange(256)
    return bytes(stream)


def test_noise_never_raises_and_is_the_same_however_it_is_cut() -> None:
    for seed in range(60):
        outcomes = {repr((found, one.failed, one.unknown)) for one, found in map(feed, cuts(noise(seed)))}
        assert len(outcomes) == 1, seed


# -- floods ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        messages.KEEPALIVE_MESSAGE,
        messages.CHOKE_MESSAGE,
        messages.have(3),
        messages.request(3, 0, 16384),
        messages.extended(0, b"de"),
    ],
)
def test_one_call_returns_a_bounded_number_of_messages_and_holds_the_rest(message: bytes) -> None:
    machine = Wire(PIECES, fast=True)
    total = 3 * wire.MAX_MESSAGES + 10
    shared = bytearray(message * total)
    counts = [sum(len(copied(each)) for each in machine.receive(memoryview(shared)))]
    shared[:] = bytes(len(shared))  # the engine uses the memory again, and what is held is a copy
    while machine.held:
        counts.append(sum(len(copied(each)) for each in machine.receive(b"")))
    assert counts == [wire.MAX_MESSAGES] * 3 + [10]
    assert not machine.failed


def test_blocks_are_not_counted() -> None:
    found = Wire(PIECES, fast=True).receive(block(1, 0, b"x") * (2 * wire.MAX_MESSAGES))
    assert len(found) == 2 * wire.MAX_MESSAGES


def test_what_comes_while_something_is_held_follows_it() -> None:
    machine = Wire(PIECES, fast=True)
    keepalives = messages.KEEPALIVE_MESSAGE * wire.MAX_MESSAGES
    assert len(machine.receive(keepalives + messages.have(1) + block(2, 0, b"abc")[:7])) == wire.MAX_MESSAGES
    assert machine.held
    assert not machine.partial
    found = machine.receive(block(2, 0, b"abc")[7:] + messages.have(3))
    assert [(kind, a) for kind, a, *_ in found] == [(HAVE, 1), (PIECE, 2), (HAVE, 3)]
    assert [bytes(each) for each in found[1][3]] == [b"abc"]
    assert not machine.held
    assert not machine.partial


def test_a_message_cut_off_behind_what_is_held_is_partial_in_the_end() -> None:
    machine = Wire(PIECES, fast=True)
    machine.receive(messages.KEEPALIVE_MESSAGE * (wire.MAX_MESSAGES + 1) + messages.have(1)[:6])
    assert machine.held
    assert not machine.partial
    assert machine.receive(b"") == [(KEEPALIVE, 0, 0, 0)]
    assert machine.partial
    assert not machine.held
    assert machine.receive(messages.have(1)[6:]) == [(HAVE, 1, 0, 0)]


@pytest.mark.parametrize("pieces", [0, 1, 7, 8, 9])
@pytest.mark.parametrize("fast", [True, False])
def test_a_bitfield_of_any_torrent_is_taken_or_refused_and_never_raises(pieces: int, fast: bool) -> None:
    for length in range(4):
        for byte in (b"\0", b"\x80", b"\xff"):
            machine = Wire(pieces, fast=fast)
            found = machine.receive(messages.bitfield(byte * length))
            right = length == (pieces + 7) // 8
            spare = right and bool(length) and bool(byte[0] & (1 << -pieces % 8) - 1)
            assert bool(found) == (right and not spare) == (not machine.failed)


# -- without a number of pieces ----------------------------------------------------------------------------------------

EARLY: List[Tuple[List[bytes], List[Message]]] = [
    ([], []),
    ([messages.bitfield(b"\xff\x00\x08")], [(BITFIELD, b"\xff\x00\x08", 0, 0)]),
    ([messages.HAVE_ALL_MESSAGE], [(HAVE_ALL, 0, 0, 0)]),
    ([messages.HAVE_NONE_MESSAGE], [(HAVE_NONE, 0, 0, 0)]),
    ([messages.have(3), messages.have(20)], [(BITFIELD, b"\x10\x00\x08", 0, 0)]),
    (
        [messages.HAVE_NONE_MESSAGE, messages.allowed_fast(7), messages.have(0)],
        [(BITFIELD, b"\x80\x00\x00", 0, 0), (ALLOWED_FAST, 7, 0, 0)],
    ),
]


@pytest.mark.parametrize(("said", "settled"), EARLY)
def test_what_a_peer_says_about_pieces_waits_for_their_number(said: List[bytes], settled: List[Message]) -> None:
    others = [messages.extended(0, b"de"), messages.UNCHOKE_MESSAGE, block(9, 0, b"x"), messages.request(8, 0, 5)]
    stream = b"".join([others[0], *said, *others[1:]])
    for chunks in cuts(stream):
        machine = Wire(None, fast=True)
        found = [message for chunk in chunks for message in machine.receive(chunk)]
        assert [kind for kind, *_ in found] == [EXTENDED, UNCHOKE, PIECE, REQUEST]
        assert machine.set_piece_count(PIECES) == settled
        assert (machine.failed, machine.partial) == ("", False)
        assert machine.receive(messages.have(1)) == [(HAVE, 1, 0, 0)], "from now on as ever"
        assert machine.receive(messages.have(PIECES)) == []
        assert machine.failed == "have of piece 21, there are 21"


def test_the_number_of_pieces_is_told_once() -> None:
    machine = Wire(None, fast=False)
    assert machine.set_piece_count(PIECES) == []
    for known in (machine, Wire(PIECES, fast=False)):
        with pytest.raises(ValueError, match="known already"):
            known.set_piece_count(PIECES)


def test_pieces_that_are_taken_back_before_the_number_is_known() -> None:
    machine = Wire(None, fast=True)
    machine.receive(messages.HAVE_ALL_MESSAGE)
    assert machine.take_back(1) == ""
    assert machine.set_piece_count(8) == [(BITFIELD, b"\xbf", 0, 0)]
    with pytest.raises(ValueError, match="known already"):
        machine.take_back(2)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (messages.bitfield(b"\xff\x00"), "bitfield of 2 bytes instead of 3"),
        (messages.bitfield(b"\xff\x00\x04"), "bitfield or have of piece 21, there are 21"),
        (messages.have(21), "bitfield or have of piece 21, there are 21"),
        (messages.suggest(21), "suggest piece of piece 21, there are 21"),
    ],
)
def test_what_does_not_fit_fails_when_the_number_is_told(said: bytes, reason: str) -> None:
    machine = Wire(None, fast=True)
    assert machine.receive(said) == []
    assert (machine.failed, machine.set_piece_count(PIECES), machine.failed) == ("", [], reason)
    assert machine.receive(messages.have(1)) == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (messages.have(MAX_PIECES), "have of piece 2097152, there are 2097152"),
        (messages.request(MAX_PIECES, 0, 5), "request of piece 2097152, there are 2097152"),
        (block(MAX_PIECES, 0, b"x"), "piece of piece 2097152, there are 2097152"),
        (messages.HAVE_NONE_MESSAGE * 2, "have none after other messages"),
        (messages.HAVE_ALL_MESSAGE * 2, NOTHING_NEW),
        (messages.bitfield(b"\x80") + messages.have(8), "have of piece 8, the bitfield has 1 bytes"),
    ],
)
def test_bounds_before_the_number_of_pieces(said: bytes, reason: str) -> None:
    for chunks in cuts(messages.UNCHOKE_MESSAGE + said + messages.CHOKE_MESSAGE):
        machine = Wire(None, fast=True)
        assert [m for chunk in chunks for m in machine.receive(chunk)] == [(UNCHOKE, 0, 0, 0)]
        assert machine.failed == reason
        assert machine.set_piece_count(PIECES) == []
        assert machine.failed == reason


def test_the_longest_bitfield_that_a_torrent_can_have() -> None:
    machine = Wire(None, fast=False, max_message=1000)
    field = bytes(MAX_PIECES // 8 - 1) + b"\1"
    assert machine.receive(messages.bitfield(field)) == []
    assert machine.set_piece_count(MAX_PIECES) == [(BITFIELD, field, 0, 0)]
    machine = Wire(None, fast=False)
    machine.receive(struct.pack(">IB", MAX_PIECES // 8 + 2, BITFIELD))
    assert machine.failed == "bitfield message of 262146 bytes, more than 262145"
    assert not machine.partial, "nothing is kept of it"


def test_a_message_that_is_incomplete_when_the_number_is_told() -> None:
    for at in range(1, 8):
        machine = Wire(None, fast=False)
        message = messages.bitfield(b"\xff\x00\x08")
        assert machine.receive(message[:at]) == []
        assert machine.set_piece_count(PIECES) == []
        assert machine.receive(message[at:]) == [(BITFIELD, b"\xff\x00\x08", 0, 0)]
        machine = Wire(None, fast=False)
        machine.receive(messages.bitfield(bytes(4))[:at])
        machine.set_piece_count(PIECES)
        machine.receive(messages.bitfield(bytes(4))[at:])
        assert machine.failed == "bitfield message of 5 bytes instead of 4"


def test_what_is_held_when_the_number_is_told_is_parsed_with_it() -> None:
    machine = Wire(None, fast=False)
    assert machine.receive(messages.have(1) * wire.MAX_MESSAGES + messages.have(PIECES)) == []
    assert machine.held
    assert machine.set_piece_count(PIECES) == [(BITFIELD, b"\x40\x00\x00", 0, 0)]
    assert machine.receive(b"") == []
    assert machine.failed == "have of piece 21, there are 21"


def test_nothing_is_kept_behind_what_does_not_fit() -> None:
    twice = messages.HAVE_ALL_MESSAGE * 2
    for rest in (messages.KEEPALIVE_MESSAGE * wire.MAX_MESSAGES, messages.have(1)[:7]):
        machine = Wire(None, fast=True)
        assert machine.receive(twice + rest) == []
        assert (machine.failed, machine.held, machine.partial) == (NOTHING_NEW, 0, False)
    machine = Wire(None, fast=True)
    machine.receive(messages.have(21) + messages.have(1)[:7])
    assert machine.partial
    assert machine.set_piece_count(PIECES) == []
    assert (machine.failed, machine.partial) == ("bitfield or have of piece 21, there are 21", False)


def test_noise_without_a_number_of_pieces_is_the_same_however_it_is_cut() -> None:
    for seed in range(60):
        outcomes = set()
        for chunks in cuts(noise(seed)):
            machine = Wire(None, fast=True)
            found = [each for chunk in chunks for message in machine.receive(chunk) for each in copied(message)]
            failed = machine.failed
            outcomes.add(repr((found, failed, machine.set_piece_count(PIECES), machine.failed)))
        assert len(outcomes) == 1, seed
