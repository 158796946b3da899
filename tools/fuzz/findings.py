"""What failed: for each place in the code one file with the shortest input that failed there, and one that says how."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Dict, Optional

from .attempt import Finding, attempt
from .target import Target

MAX_TRIES = 2000
"""Runs of ``check`` that making one input shorter may take."""


class Findings:
    """The findings of one target, as files named after it in ``folder``, which is made when there is one."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._sizes: Dict[str, int] = {}
        self.counts: Dict[str, int] = {}
        """How many inputs failed at each place."""

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(self, finding: Finding) -> Optional[Path]:
        """Keep a finding, unless a shorter one of that place is kept already; returns where."""
        place = finding.place
        self.counts[place] = self.counts.get(place, 0) + 1
        if len(finding.data) >= self._sizes.get(place, 1 << 62):
            return None
        self._sizes[place] = len(finding.data)
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(finding.data)
        path.with_suffix(".txt").write_text(f"{finding.data!r}\n\n{finding.text}", encoding="utf-8", errors="replace")
        return path

    def path(self, place: str) -> Path:
        """Where the input that failed at a place is kept."""
        return self._folder / f"{self._name}-{hashlib.sha1(place.encode()).hexdigest()[:8]}.bin"

    def report(self) -> str:
        """A line for each place."""
        return "\n".join(f"{count} times {place}: {self.path(place)}" for place, count in self.counts.items())


def shortened(target: Target, finding: Finding) -> Finding:
    """A finding of the same place, with all taken out of its input that is not needed for it."""
    tries = MAX_TRIES
    size = max(1, len(finding.data) // 2)
    while size and tries:
        at = 0
        while at < len(finding.data) and tries:
            tries -= 1
            found = attempt(target, finding.data[:at] + finding.data[at + size :])
            if found is not None and found.place == finding.place:
                finding = found
            else:
                at += size
        size //= 2
    return finding
