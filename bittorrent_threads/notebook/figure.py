"""``PlotFigure``: rates over time, the map of the pieces, and the shares of the peers, drawn with matplotlib.

It uses no part of ``pyplot``, so that it changes neither the backend nor the figures of the program, and needs no
display.  A notebook shows the figure by its ``_repr_png_``.
"""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING, List, Sequence, Tuple, Type

from ..amounts import size_text
from ..status import Status
from ..text import printable
from .piece_map import COLUMNS, PieceMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOWN, UP, DONE, EMPTY = "#2563c9", "#a15c00", "#1a7f4b", "#e3e5e8"
MAX_PEERS = 8
MAX_LABEL = 40
"""Characters of a label from outside."""

Point = Tuple[float, float, float]
"""Seconds from now (negative), bytes a second received, and sent."""


def plot(status: Status, points: Sequence[Point]) -> Figure:
    """Return the figure of a status.

    Args:
        status: The status.
        points: Its rates, the oldest first.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    figure = _figure_class()(figsize=(8, 6.5), layout="constrained")
    rates, pieces, peers = figure.subplots(3, 1, height_ratios=[3, 1.3, 2])
    figure.suptitle(f"{_label(status.name)}: {status.progress:.1%} of {size_text(status.size)}", fontsize=12)
    _draw_rates(rates, points)
    _draw_pieces(pieces, status)
    _draw_peers(peers, status)
    return figure


def _figure_class() -> Type[Figure]:
    try:
        base: Type[Figure] = importlib.import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise ImportError("plot needs matplotlib: pip install 'bittorrent_threads[plot]'") from error

    def to_png(self: Figure) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()

    return type("PlotFigure", (base,), {"_repr_png_": to_png, "__module__": __name__})


def _draw_rates(axes: Axes, points: Sequence[Point]) -> None:
    times: List[float] = []
    rates: Tuple[List[float], List[float]] = [], []
    for at, down, up in points:
        if times and at - times[-1] > 90.0:  # nothing moved: longer than a minute, so that samples of a minute join
            times += [times[-1] + 1.0, at - 1.0]
            for line in rates:
                line += [0.0, 0.0]
        times.append(at)
        rates[0].append(down / 2**20)
        rates[1].append(up / 2**20)
    for line, color, name in zip(rates, (DOWN, UP), ("received", "sent")):
        axes.plot(times, line, color=color, label=name, linewidth=1.4, marker="o" if len(times) == 1 else "")
        axes.fill_between(times, line, color=color, alpha=0.15, linewidth=0)
    axes.set(ylabel="MiB/s", xlabel="seconds from now", ylim=(0, None))
    axes.margins(x=0)
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_pieces(axes: Axes, status: Status) -> None:
    found = PieceMap(status.bitfield, status.wanted, status.piece_count)
    for index, square in enumerate(found.squares):
        row, column = divmod(index, COLUMNS)
        share = square.have / square.pieces
        axes.broken_barh([(column, 0.85)], (-row, 0.85), facecolor=EMPTY)
        if share:
            axes.broken_barh([(column, 0.85)], (-row, 0.85), facecolor=DONE, alpha=0.25 + 0.75 * share)
    axes.set_title(f"{status.pieces_have:,} of {status.piece_count:,} pieces", fontsize=9, loc="left")
    axes.set_xlim(0, max(1, min(COLUMNS, len(found.squares))))
    axes.axis("off")


def _draw_peers(axes: Axes, status: Status) -> None:
    peers = sorted(status.peers, key=lambda peer: -(peer.downloaded + peer.uploaded))[:MAX_PEERS][::-1]
    names = [_label(f"{peer.address[0]} {peer.client}") for peer in peers]
    places = range(len(peers))
    down = [peer.downloaded / 2**20 for peer in peers]
    axes.barh(places, down, color=DOWN, label="received")
    axes.barh(places, [peer.uploaded / 2**20 for peer in peers], left=down, color=UP, label="sent")
    axes.set_yticks(places, names, fontsize=8)
    title = f"{len(peers)} of {len(status.peers)} connected peers" if peers else "no peer is connected"
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel("MiB received and sent")
    axes.set_xlim(0, None)
    axes.set_ylim(-0.6, max(3, len(peers)) - 0.4)  # a bar of one peer does not fill the height
    if not peers:
        axes.axis("off")
    axes.spines[["top", "right"]].set_visible(False)


def _label(text: str) -> str:
    # Dollar signs would begin a formula.
    return printable(text, MAX_LABEL).replace("$", r"\$")
