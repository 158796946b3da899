"""``PathPatterns``: which files a list of patterns names, by name or by path.

A pattern without a slash matches every file and folder with such a name, one with a slash those with such a path; a
folder that matches stands for everything in it.  Patterns are those of ``fnmatch``, and case matters on every system.
"""

from __future__ import annotations

import fnmatch
import re
from typing import Iterable, List, Sequence

from ..errors import SettingsError


class PathPatterns:
    """Patterns of files.

    Args:
        setting: Name of the argument that the patterns are from, for the error.
        patterns: The patterns.

    Raises:
        SettingsError: A pattern is not valid.
    """

    def __init__(self, setting: str, patterns: Iterable[str]) -> None:
        names: List[str] = []
        self._paths: List[Sequence[str]] = []
        if not isinstance(patterns, Iterable):
            raise SettingsError(setting, f"must be a pattern or a list of patterns, not {patterns!r}")
        for pattern in patterns:
            if not isinstance(pattern, str):
                raise SettingsError(setting, f"{pattern!r} is no pattern: it is no text")
            parts = pattern.strip("/").split("/")
            if "" in parts:
                raise SettingsError(setting, f"{pattern!r} is no pattern: it has an empty name")
            if len(parts) > 1 or pattern.startswith("/"):
                self._paths.append(parts)
            else:
                names.append(fnmatch.translate(parts[0]))
        # One regular expression for all: a million names are matched.
        self._match_name = re.compile("|".join(names) if names else r"(?!)").match

    def match_name(self, name: str) -> bool:
        """Return whether a pattern without a slash matches the name of a file or folder."""
        return self._match_name(name) is not None

    def match_path(self, parts: Sequence[str]) -> bool:
        """Return whether a pattern with a slash matches a path.

        Args:
            parts: Components of the path.
        """
        return any(
            len(parts) == len(pattern) and all(map(fnmatch.fnmatchcase, parts, pattern)) for pattern in self._paths
        )

    def select(self, parts: Sequence[str]) -> bool:
        """Return whether a file, or a folder that it is in, matches.

        Args:
            parts: Components of its path.
        """
        return any(map(self.match_name, parts)) or (
            bool(self._paths) and any(self.match_path(parts[:depth]) for depth in range(1, len(parts) + 1))
        )
