from __future__ import annotations

import pickle
import random
from typing import Callable, List, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.metainfo.bitfield import REGION, Bitfield, count_bits, place, regions


def test_first_piece_is_the_most_significant_bit() -> None:
    field = Bitfield(10)
    assert field.set(0)
    assert bytes(field) == b"\x80\x00"
    assert field.set(9)
    assert bytes(field) == b"\x80\x40"
    assert Bitfield(10, b"\x80\x40") == field
    assert field.as_int() == 0x8040
    assert list(field.indexes()) == [0, 9]


def test_setting_and_clearing_tell_what_changed() -> None:
    field = Bitfield(3)
    assert (field.set(1), field.set(1), field[1], field.count) == (True, False, True, 1)
    assert (field.clear(1), field.clear(1), field[1], field.count) == (True, False, False, 0)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16, 1000])
def test_full_and_empty(size: int) -> None:
    field = Bitfield(size)
    assert field.empty
    assert field.full == (size == 0)
    for index in range(size):
        field.set(index)
    assert field.full
    assert field.empty == (size == 0)
    assert field == Bitfield.filled(size) == Bitfield(size, bytes(field))
    assert (len(field), field.count, Bitfield.filled(size).count) == (size, size, size)
    assert list(field.indexes()) == list(range(size))
    assert len(bytes(field)) == (size + 7) // 8


@pytest.mark.parametrize(
    ("size", "data", "reason"),
    [
        (8, b"", "0 bytes where 8 pieces need 1"),
        (8, b"\x00\x00", "2 bytes where 8 pieces need 1"),
        (9, b"\x00", "1 bytes where 9 pieces need 2"),
        (0, b"\x00", "1 bytes where 0 pieces need 0"),
        (7, b"\x01", "behind the 7 pieces: the last byte is 0x01"),
        (1, b"\x40", "behind the 1 pieces: the last byte is 0x40"),
        (9, b"\x00\x7f", "behind the 9 pieces: the last byte is 0x7f"),
        (-1, None, "-1 pieces"),
    ],
)
def test_wrong_data(size: int, data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Bitfield(size, data)


SIZES = st.integers(1, 40) | st.sampled_from([REGION - 1, REGION, REGION + 1, 2 * REGION + 9])
OPERATIONS = ("set", "clear", "add", "remove", "copy")


@given(SIZES, st.data())
def test_agrees_with_a_set(size: int, data: st.DataObject) -> None:
    field, pieces = Bitfield(size), set[int]()
    index = st.integers(0, size - 1)
    few = st.lists(index, unique=True, max_size=8) | st.tuples(index, index).map(lambda ends: [*range(*sorted(ends))])
    for _ in range(data.draw(st.integers(0, 8), "steps")):
        operation = data.draw(st.sampled_from(OPERATIONS), "operation")
        if operation == "copy":
            before, field = field, field.copy()
            before.set(0)
        elif operation in ("set", "clear"):
            one = data.draw(index, "piece")
            changed = one not in pieces if operation == "set" else one in pieces
            assert (field.set(one) if operation == "set" else field.clear(one)) == changed
            pieces ^= {one} if changed else set()
        else:
            some = data.draw(few, "pieces")
            changes = [one for one in some if (one in pieces) == (operation == "remove")]
            assert (field.add(some) if operation == "add" else field.remove(some)) == changes
            pieces ^= {*changes}
        assert_same(field, pieces, size)


def assert_same(field: Bitfield, pieces: Set[int], size: int) -> None:
    """Every view of a bitfield is that of the set."""
    assert list(field.indexes()) == sorted(pieces)
    assert (field.count, field.full, field.empty) == (len(pieces), len(pieces) == size, not pieces)
    assert list(field) == [index in pieces for index in range(size)]
    width = 8 * len(bytes(field))
    assert field.as_int() == sum(1 << width - 1 - index for index in pieces)
    assert Bitfield(size, bytes(field)) == field
    found: List[int] = []
    for region in range(-(-size // REGION)):
        packed = field.region(region)
        found += [region * REGION + at for at in range(REGION) if packed >> REGION - 1 - at & 1]
        assert packed == regions(field.as_int(), size)[region]
    assert found == sorted(pieces)
    for index in sorted(pieces)[:3]:
        region, bit = place(index)
        assert field.region(region) & bit


@given(SIZES, st.data())
def test_two_fields_are_like_two_sets(size: int, data: st.DataObject) -> None:
    some = st.sets(st.integers(0, size - 1), max_size=10)
    one, other = data.draw(some, "one"), data.draw(some, "other")
    field, another = Bitfield(size), Bitfield(size)
    field.add(sorted(one))
    another.add(sorted(other))
    assert set(field.without(another).indexes()) == one - other
    assert field.meets(another) == bool(one & other)
    assert (field == another) == (one == other)


@pytest.mark.parametrize("index", [-1, 9, 15, 16])
def test_no_such_piece(index: int) -> None:
    field = Bitfield(9)
    calls: Tuple[Callable[[int], bool], ...] = (field.set, field.clear, field.__getitem__)
    for call in calls:
        with pytest.raises(IndexError, match=f"piece {index} of 9"):
            call(index)


def test_a_copy_and_the_given_bytes_are_independent() -> None:
    data = bytearray(b"\xf0")
    field = Bitfield(8, data)
    twin = field.copy()
    data[0] = 0
    field.clear(0)
    assert (bytes(twin), twin.count, bytes(field), field.count) == (b"\xf0", 4, b"\x70", 3)


def test_sets_of_pieces_as_integers() -> None:
    ours, theirs = Bitfield(12, b"\xf0\x00"), Bitfield(12, b"\x3c\x10")
    missing = theirs.as_int() & ~ours.as_int()
    assert list(Bitfield(12, missing.to_bytes(2, "big")).indexes()) == [4, 5, 11]


def test_equality_repr_and_pickle() -> None:
    field = Bitfield(9, b"\x81\x80")
    assert field != Bitfield(10, b"\x81\x80")
    assert field != b"\x81\x80"
    assert repr(field) == "<Bitfield 3/9>"
    assert pickle.loads(pickle.dumps(field)) == field
    with pytest.raises(TypeError):
        hash(field)


@pytest.mark.parametrize("size", [1, 8, 13, 100, REGION + 9])
def test_many_bits_at_once(size: int) -> None:
    chance = random.Random(size)
    for _ in range(50):
        field, other = Bitfield(size), Bitfield(size)
        for _ in range(6):
            first = chance.randrange(size)
            run = range(first, chance.randrange(first, size) + 1)
            indexes = chance.choice([list(run), chance.sample(range(size), chance.randrange(size + 1))])
            if chance.random() < 0.7:
                assert field.add(indexes) == [index for index in indexes if other.set(index)]
            else:
                assert field.remove(indexes) == [index for index in indexes if other.clear(index)]
            assert field == other
            assert field.count == other.count
            assert field.as_int() == other.as_int()
            assert field.region(0) == other.region(0)


def test_of_many_bits_none_is_set_if_one_is_not_there() -> None:
    field = Bitfield(9)
    for indexes in ([1, 9], [-1, 2]):
        with pytest.raises(IndexError, match="of 9"):
            field.add(indexes)
    assert field.empty


@pytest.mark.parametrize("size", [0, 1, 9, REGION - 1, REGION, REGION + 1, 3 * REGION + 77])
def test_regions(size: int) -> None:
    chance = random.Random(size)
    field = Bitfield(size)
    for share in (0, 0.1, 0.5):
        field.add([index for index in range(size) if chance.random() < share])
        cut = regions(field.as_int(), size)
        assert cut == [field.region(number) for number in range(len(cut))]
        assert [field.copy().region(number) for number in range(len(cut))] == cut
        for index in range(size):
            region, bit = place(index)
            assert (cut[region] & bit != 0) is field[index]
        assert sum(bin(region).count("1") for region in cut) == field.count
        for index in [*field.indexes()][::7]:
            field.clear(index)
    assert len(cut) == -(-size // REGION)


def test_a_copy_has_regions_of_its_own() -> None:
    field = Bitfield(9, b"\x80\x00")
    assert field.region(0) == place(0)[1]
    twin = field.copy()
    twin.set(1)
    assert field.region(0) == place(0)[1]
    assert twin.region(0) == place(0)[1] | place(1)[1]


def test_fields_meet_in_any_region() -> None:
    size = 3 * REGION + 5
    field = Bitfield(size)
    field.add([3, size - 1])
    for indexes, met in [([], False), ([4, REGION], False), ([2, 3], True), ([size - 1], True)]:
        other = Bitfield(size)
        other.add(indexes)
        assert field.meets(other) is other.meets(field) is met
    assert not Bitfield(0).meets(Bitfield(0))


@pytest.mark.parametrize("size", [1, 8, 13, 5000])
def test_what_one_has_and_another_has_not(size: int) -> None:
    chance = random.Random(size)
    one, other = ({index for index in range(size) if chance.random() < 0.5} for _ in range(2))
    first, second = Bitfield(size), Bitfield(size)
    first.add(sorted(one))
    second.add(sorted(other))
    left = first.without(second)
    assert set(left.indexes()) == one - other
    assert left.count == len(one - other)


@given(st.binary(max_size=6), st.data())
def test_bits_of_a_range_are_counted(packed: bytes, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, 8 * len(packed)))
    end = data.draw(st.integers(0, 8 * len(packed)))
    field = Bitfield(8 * len(packed), packed)
    assert count_bits(packed, begin, end) == sum(field[index] for index in range(begin, end))
