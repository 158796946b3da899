from __future__ import annotations

import random
from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK, Layout, Span, runs


def bytes_of(lengths: List[int]) -> List[Tuple[int, int]]:
    """File and offset of every byte: the layout, byte by byte."""
    return [(file, offset) for file, length in enumerate(lengths) for offset in range(length)]


SHAPES = [
    ([1], 1),
    ([1], 16384),
    ([16], 4),
    ([17], 4),
    ([15], 4),
    ([3], 4),
    ([0, 5, 0, 0, 7, 4, 0], 4),
    ([4, 4, 4], 4),
    ([1] * 9, 4),
    ([0], 4),
    ([0, 0, 0], 4),
    ([], 4),
]


@pytest.mark.parametrize(("lengths", "piece_length"), SHAPES, ids=repr)
def test_spans_are_the_bytes_in_order(lengths: List[int], piece_length: int) -> None:
    layout = Layout(lengths, piece_length)
    expected = bytes_of(lengths)
    assert layout.total_size == len(expected)
    assert layout.piece_count == len(range(0, len(expected), piece_length))
    for begin in range(len(expected) + 1):
        for end in range(begin, len(expected) + 1):
            spans = layout.spans(begin, end - begin)
            assert all(span.length > 0 for span in spans)
            assert len({span.file for span in spans}) == len(spans)
            assert [(span.file, span.offset + at) for span in spans for at in range(span.length)] == expected[begin:end]


@pytest.mark.parametrize(("lengths", "piece_length"), SHAPES, ids=repr)
def test_pieces_cover_the_torrent(lengths: List[int], piece_length: int) -> None:
    layout = Layout(lengths, piece_length)
    expected = bytes_of(lengths)
    pieces = [expected[at : at + piece_length] for at in range(0, len(expected), piece_length)]
    assert [layout.piece_size(index) for index in range(layout.piece_count)] == [len(piece) for piece in pieces]
    for index, piece in enumerate(pieces):
        assert layout.piece_spans(index) == layout.spans(index * piece_length, len(piece))
        assert layout.piece_spans(index, 1) == layout.spans(index * piece_length + 1, len(piece) - 1)
        assert layout.piece_spans(index, len(piece) - 1, 1) == [Span(*piece[-1], 1)]
    for file, length in enumerate(lengths):
        holding = [index for index, piece in enumerate(pieces) if any(place[0] == file for place in piece)]
        assert list(layout.file_pieces(file)) == holding
        if length:
            assert expected[layout.file_offset(file)] == (file, 0)


def test_span_over_files() -> None:
    layout = Layout([3, 0, 5, 9], 8)
    assert layout.spans(1, 10) == [Span(0, 1, 2), Span(2, 0, 5), Span(3, 0, 3)]
    assert layout.piece_spans(1, 2, 4) == [Span(3, 2, 4)]
    assert [layout.file_offset(file) for file in range(4)] == [0, 3, 3, 8]
    assert layout.file_pieces(1) == range(0)


@pytest.mark.parametrize(
    ("size", "counts", "last"),
    [
        (1, [1], 1),
        (BLOCK, [1], BLOCK),
        (BLOCK + 1, [2], 1),
        (3 * BLOCK, [3], BLOCK),
        (3 * BLOCK + 5, [3, 1], 5),
        (6 * BLOCK, [3, 3], BLOCK),
    ],
)
def test_blocks(size: int, counts: List[int], last: int) -> None:
    layout = Layout([size], 3 * BLOCK)
    assert [layout.block_count(index) for index in range(layout.piece_count)] == counts
    sizes = [layout.block_size(index, block) for index, count in enumerate(counts) for block in range(count)]
    assert sum(sizes) == size
    assert sizes[-1] == last
    assert set(sizes[:-1]) <= {BLOCK}


def test_pieces_shorter_than_a_block_and_uneven_ones() -> None:
    assert Layout([100], 30).block_size(0, 0) == 30
    layout = Layout([3 * 20_000], 20_000)
    assert [layout.block_size(1, block) for block in range(layout.block_count(1))] == [BLOCK, 20_000 - BLOCK]


def test_no_such_piece_block_or_file() -> None:
    layout = Layout([10], 4)
    for index in (-1, 3):
        for ask in (layout.piece_size, layout.block_count, layout.piece_spans):
            with pytest.raises(IndexError, match=f"piece {index} of 3"):
                ask(index)
    for block in (-1, 1):
        with pytest.raises(IndexError, match=f"piece 0 has 1 blocks, no block {block}"):
            layout.block_size(0, block)
    for file in (-1, 1):
        with pytest.raises(IndexError, match=f"file {file} of 1"):
            layout.file_offset(file)
        with pytest.raises(IndexError):
            layout.file_pieces(file)
    with pytest.raises(IndexError):
        Layout([0], 4).piece_size(0)


def test_no_such_bytes() -> None:
    layout = Layout([10], 4)
    for offset, length in ((-1, 2), (0, 11), (10, 1), (5, -1)):
        with pytest.raises(ValueError, match="of a torrent of 10 bytes"):
            layout.spans(offset, length)
    for begin, length in ((-1, 1), (0, 3), (2, 1), (1, -1)):
        with pytest.raises(ValueError, match="of piece 2 of 2 bytes"):
            layout.piece_spans(2, begin, length)
    assert layout.spans(10, 0) == []
    with pytest.raises(ValueError, match="bytes 3 to 2 of piece 2"):
        layout.piece_spans(2, 3)


def test_impossible_layouts() -> None:
    with pytest.raises(ValueError, match="piece length 0"):
        Layout([1], 0)
    with pytest.raises(ValueError, match="length -1"):
        Layout([1, -1], 4)


def test_terabytes() -> None:
    chance = random.Random(0)
    lengths = [chance.choice([0, 1, 2**40, chance.randrange(2**41)]) for _ in range(1000)]
    layout = Layout(lengths, 2**24)
    for _ in range(200):
        file = chance.randrange(1000)
        if lengths[file]:
            assert layout.spans(layout.file_offset(file) + lengths[file] - 1, 1) == [Span(file, lengths[file] - 1, 1)]
    assert sum(span.length for span in layout.spans(0, layout.total_size)) == sum(lengths)


@pytest.mark.parametrize("lengths", [[1], [0, 6, 0, 6, 3, 0], [4, 4, 4], [1, 1, 1, 1, 9, 0, 2]])
@pytest.mark.parametrize("piece_length", [1, 2, 4, 7])
def test_files_in_neighbouring_pieces(lengths: List[int], piece_length: int) -> None:
    layout = Layout(lengths, piece_length)
    for start in range(layout.piece_count):
        for stop in range(start + 1, layout.piece_count + 1):
            pieces = set(range(start, stop))
            shared = [len(pieces & set(layout.file_pieces(file))) for file in range(len(lengths))]
            expected = [(file, count) for file, count in enumerate(shared) if count]
            assert list(layout.files_in(range(start, stop))) == expected


def test_runs_of_neighbours() -> None:
    assert list(runs([])) == []
    assert list(runs([3])) == [range(3, 4)]
    assert list(runs([0, 1, 2, 5, 6, 4, 3])) == [range(0, 3), range(5, 7), range(4, 5), range(3, 4)]


SMALL = st.tuples(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 9))
LARGE = st.tuples(st.lists(st.integers(0, 2**62), max_size=12), st.integers(1, 2**40))


@given(SMALL | LARGE, st.data())
def test_every_view_of_any_layout_is_the_same(made_of: Tuple[List[int], int], data: st.DataObject) -> None:
    lengths, piece_length = made_of
    layout = Layout(lengths, piece_length)
    if not layout.piece_count:
        assert layout.total_size == 0
        assert layout.spans(0, 0) == []
        return
    index = data.draw(st.integers(0, layout.piece_count - 1) | st.just(layout.piece_count - 1), "index")
    spans = layout.piece_spans(index)
    assert sum(span.length for span in spans) == layout.piece_size(index)
    # The spans follow each other in the torrent, each within its file, and begin where the piece does.
    at = index * piece_length
    for file, offset, length in spans:
        assert layout.file_offset(file) + offset == at
        assert 0 < length <= lengths[file] - offset
        at += length
    # The three ways to ask which file shares which piece agree.
    sharing = {span.file for span in spans}
    assert {file for file in range(len(lengths)) if index in layout.file_pieces(file)} == sharing
    assert list(layout.files_in(range(index, index + 1))) == [(file, 1) for file in sorted(sharing)]
    # Blocks are the piece, and every cut of it has the spans of its parts.
    blocks = layout.block_count(index)
    assert (blocks - 1) * BLOCK + layout.block_size(index, blocks - 1) == layout.piece_size(index)
    cut = data.draw(st.integers(0, layout.piece_size(index)), "cut")
    parts = [*layout.piece_spans(index, 0, cut), *layout.piece_spans(index, cut)]
    joined: List[Span] = []
    for span in parts:
        if joined and joined[-1].file == span.file:
            joined[-1] = joined[-1]._replace(length=joined[-1].length + span.length)
        else:
            joined.append(span)
    assert joined == spans


@given(st.lists(st.integers(0, 30), max_size=6), st.integers(1, 9), st.data())
def test_the_bytes_of_a_file_that_are_there(lengths: List[int], piece_length: int, data: st.DataObject) -> None:
    layout = Layout(lengths, piece_length)
    have = Bitfield(layout.piece_count)
    for index in range(layout.piece_count):
        if data.draw(st.booleans()):
            have.set(index)
    expected = [0] * len(lengths)
    for offset, (file, _) in enumerate(bytes_of(lengths)):
        expected[file] += have[offset // piece_length]
    assert [layout.file_bytes(file, bytes(have)) for file in range(len(lengths))] == expected
