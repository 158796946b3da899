"""``Findings`` stores the shortest failing input of each source line, and its traceback."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Dict, Optional

from .attempt import Finding, attempt
from .target import Target

MAX_TRIES = 2000
"""Most runs of ``check`` to shorten one input."""


class Findings:
    """The findings of one target, stored as files in ``folder``, which is created with the first finding."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._sizes: Dict[str, int] = {}
        self.counts: Dict[str, int] = {}
        """Number of failed inputs by place."""

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(self, finding: Finding) -> Optional[Path]:
        """Store a finding unless a shorter one of the same place is stored; return its path."""
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
        """Return the path of the stored input of a place."""
        return self._folder / f"{self._name}-{hashlib.sha1(place.encode()).hexdigest()[:8]}.bin"

    def report(self) -> str:
        """Return one line for each place."""
        return "\n".join(f"{count} times {place}: {self.path(place)}" for place, count in self.counts.items())


def shortened(target: Target, finding: Finding) -> Finding:
    """Return a finding of the same place with an input that is as short as could be found."""
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
