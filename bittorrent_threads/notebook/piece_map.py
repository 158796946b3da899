"""``PieceMap``: the pieces of a torrent as squares; each stands for several pieces where there are many."""

from __future__ import annotations

from typing import Dict, List, NamedTuple

from ..metainfo.bitfield import count_bits
from .markup import Html

MAX_SQUARES = 240
COLUMNS = 60
SIDE, STEP = 9, 12
"""Pixels of a square, and from one square to the next."""
LEVELS = 4


class Square(NamedTuple):
    """A run of pieces."""

    pieces: int
    have: int
    """Number of them that are there."""
    wanted: int
    """Number of them that are wanted."""

    @property
    def level(self) -> str:
        """The class of its color: ``h0`` (nothing is there) to ``h4`` (all), ``un`` (nothing, and nothing wanted)."""
        if not self.have:
            return "h0" if self.wanted else "un"
        # Neither the first piece nor the last missing one is rounded away.
        return f"h{LEVELS if self.have == self.pieces else max(1, min(LEVELS - 1, self.have * LEVELS // self.pieces))}"


class PieceMap:
    """The squares of a torrent.

    Args:
        bitfield: The pieces that are there, packed.
        wanted: The pieces that are wanted, packed likewise.
        count: Number of pieces.
    """

    def __init__(self, bitfield: bytes, wanted: bytes, count: int) -> None:
        self.per_square = max(1, -(-count // MAX_SQUARES))
        """Pieces of a square; the last one may have fewer."""
        self.squares: List[Square] = []
        """In the order of the pieces."""
        for begin in range(0, count, self.per_square):
            end = min(count, begin + self.per_square)
            have, needed = count_bits(bitfield, begin, end), count_bits(wanted, begin, end)
            self.squares.append(Square(end - begin, have, needed))

    def svg(self) -> Html:
        """Return the map as an SVG element; empty without pieces.  Squares of the same color are one path."""
        if not self.squares:
            return Html("")
        paths: Dict[str, List[str]] = {}
        for index, square in enumerate(self.squares):
            row, column = divmod(index, COLUMNS)
            paths.setdefault(square.level, []).append(f"M{column * STEP + 1} {row * STEP + 1}h{SIDE}v{SIDE}h-{SIDE}z")
        width = min(len(self.squares), COLUMNS) * STEP
        height = -(-len(self.squares) // COLUMNS) * STEP
        have, count = sum(square.have for square in self.squares), sum(square.pieces for square in self.squares)
        drawn = "".join(f'<path class="{level}" d="{"".join(paths[level])}"/>' for level in sorted(paths))
        return Html(
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}"><title>{have:,} of {count:,} pieces</title>{drawn}</svg>'
        )
