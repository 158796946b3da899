from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.notebook.piece_map import MAX_SQUARES, PieceMap, Square


@given(st.integers(1, 3000), st.data())
def test_squares_count_the_pieces(count: int, data: st.DataObject) -> None:
    have = Bitfield(count)
    have.add(sorted(data.draw(st.sets(st.integers(0, count - 1), max_size=50))))
    found = PieceMap(bytes(have), bytes(Bitfield.filled(count)), count)
    assert len(found.squares) <= MAX_SQUARES
    assert sum(square.pieces for square in found.squares) == count
    assert sum(square.have for square in found.squares) == have.count
    assert all(square.wanted == square.pieces for square in found.squares)


def test_colors_do_not_round_away_what_matters() -> None:
    assert [Square(100, have, 100).level for have in (0, 1, 50, 99, 100)] == ["h0", "h1", "h2", "h3", "h4"]
    assert Square(5, 0, 0).level == "un"
    assert Square(5, 5, 0).level == "h4"


def test_the_drawing_is_small_whatever_the_torrent() -> None:
    full = b"\xaa" * 262_144
    drawn = PieceMap(full, full, 2_097_152).svg()
    assert drawn.count("<path") <= 6
    assert drawn.count("z") <= MAX_SQUARES
    assert len(drawn) < 8_000
    assert "1,048,576 of 2,097,152 pieces" in drawn


def test_a_torrent_without_pieces_has_no_drawing() -> None:
    assert PieceMap(b"", b"", 0).svg() == ""
    assert 'width="36"' in PieceMap(b"\xe0", b"\xe0", 3).svg()
