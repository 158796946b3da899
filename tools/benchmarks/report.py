"""Figures of a line and what became of its targets, as text and as plain data."""

from __future__ import annotations

import dataclasses
import operator
import statistics
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

DIGITS = 3
"""Significant digits shown; runs differ by more than the next one."""

COMPARISONS = {"at least": operator.ge, "at most": operator.le}


@dataclasses.dataclass(frozen=True)
class Target:
    """``what`` must be ``bound`` (``at least`` or ``at most``) ``limit``; ``value`` is what it is, None if unknown.

    ``spread`` is the least and the greatest of the rounds, where ``value`` is the median of several.
    """

    what: str
    value: Optional[float]
    bound: str
    limit: float
    spread: Optional[Tuple[float, float]] = None

    @property
    def held(self) -> Optional[bool]:
        """None when it could not be measured."""
        return None if self.value is None else bool(COMPARISONS[self.bound](self.value, self.limit))

    def __str__(self) -> str:
        if self.value is None:
            return f"        {self.what} {self.bound} {self.limit:g}: not measured"
        verdict = "holds" if self.held else "MISSED"
        spread = f" ({number(self.spread[0])} to {number(self.spread[1])})" if self.spread else ""
        return f"{verdict:>8}  {self.what}: {number(self.value)}{spread}, {self.bound} {self.limit:g}"


@dataclasses.dataclass
class Line:
    """One line of the table: medians by variant and figure, targets, and remarks."""

    name: str
    title: str
    figures: Dict[str, Dict[str, float]] = dataclasses.field(default_factory=dict)
    targets: List[Target] = dataclasses.field(default_factory=list)
    remarks: List[str] = dataclasses.field(default_factory=list)

    def plain(self) -> Dict[str, Any]:
        """For JSON."""
        targets = [{**dataclasses.asdict(target), "held": target.held} for target in self.targets]
        return {**dataclasses.asdict(self), "targets": targets}

    def __str__(self) -> str:
        columns = list(dict.fromkeys(name for figures in self.figures.values() for name in figures))
        rows = [["", *columns]]
        for variant, figures in self.figures.items():
            rows.append([variant, *(number(figures[name]) if name in figures else "" for name in columns)])
        widths = [max(len(row[column]) for row in rows) for column in range(len(columns) + 1)]
        table = [
            "    " + "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]).rstrip()
            for row in rows
        ]
        return "\n".join([f"{self.name}: {self.title}", *table, *map(str, self.targets), *self._remarks()])

    def _remarks(self) -> List[str]:
        return [f"          {line}" for remark in self.remarks for line in remark.splitlines()]


class Rounds:
    """Figures of several variants that ran in turns."""

    def __init__(self) -> None:
        self._figures: Dict[str, List[Mapping[str, float]]] = {}

    def add(self, variant: str, figures: Mapping[str, float]) -> None:
        """What one round gave."""
        self._figures.setdefault(variant, []).append(figures)

    def medians(self) -> Dict[str, Dict[str, float]]:
        """Of each figure of each variant."""
        return {
            variant: {name: statistics.median(row[name] for row in rows) for name in rows[0]}
            for variant, rows in self._figures.items()
        }

    def ratio(self, figure: str, ours: str, theirs: str) -> Optional[float]:
        """The median of the ratios of the rounds; None where one of the two did not run."""
        ratios = self._ratios(figure, ours, theirs)
        return statistics.median(ratios) if ratios else None

    def spread(self, figure: str, ours: str, theirs: str) -> Optional[Tuple[float, float]]:
        """The least and the greatest of the ratios of the rounds; None where one of the two did not run."""
        ratios = self._ratios(figure, ours, theirs)
        return (min(ratios), max(ratios)) if ratios else None

    def _ratios(self, figure: str, ours: str, theirs: str) -> List[float]:
        pairs = zip(self._figures.get(ours, ()), self._figures.get(theirs, ()))
        return [one[figure] / other[figure] for one, other in pairs if one.get(figure) and other.get(figure)]

    def median(self, figure: str, variant: str) -> Optional[float]:
        """None where the variant did not run."""
        rows = self._figures.get(variant)
        return statistics.median(row[figure] for row in rows) if rows else None


def number(value: float) -> str:
    """As many digits as mean something, without an exponent."""
    if not value:
        return "0"
    places = max(0, DIGITS - len(str(int(abs(value)))) + (abs(value) < 1))
    return f"{value:.{places}f}"


def tally(lines: Sequence[Line]) -> str:
    """How many targets hold."""
    held = [target.held for line in lines for target in line.targets]
    return f"{held.count(True)} targets hold, {held.count(False)} missed, {held.count(None)} not measured"
