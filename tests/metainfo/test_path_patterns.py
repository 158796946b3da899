"""Which files patterns name."""

from __future__ import annotations

from typing import Any, List

import pytest

from bittorrent_threads.errors import SettingsError
from bittorrent_threads.metainfo.path_patterns import PathPatterns

FILES = ["a.iso", "raw/b.tif", "raw/sub/c.iso", "sub/raw/d.tif", "A.ISO"]


@pytest.mark.parametrize(
    ("patterns", "selected"),
    [
        ([], []),
        (["*.iso"], ["a.iso", "raw/sub/c.iso"]),
        (["raw"], ["raw/b.tif", "raw/sub/c.iso", "sub/raw/d.tif"]),
        (["/raw"], ["raw/b.tif", "raw/sub/c.iso"]),
        (["raw/*"], ["raw/b.tif", "raw/sub/c.iso"]),
        (["*a*i*o*", "*b*t*f*", "*a*i*o*"], ["a.iso", "raw/b.tif"]),
        (["raw/*.tif", "A*"], ["raw/b.tif", "A.ISO"]),
        (["*/raw/"], ["sub/raw/d.tif"]),
        (["?.[it]*"], ["a.iso", "raw/b.tif", "raw/sub/c.iso", "sub/raw/d.tif"]),
    ],
)
def test_selection(patterns: List[str], selected: List[str]) -> None:
    found = PathPatterns("select", patterns)
    assert [path for path in FILES if found.select(path.split("/"))] == selected


@pytest.mark.parametrize("pattern", ["", "/", "a//b"])
def test_no_pattern(pattern: str) -> None:
    with pytest.raises(SettingsError, match="select: .* is no pattern: it has an empty name"):
        PathPatterns("select", [pattern])


def test_what_is_no_pattern_at_all() -> None:
    wrong: Any = 5
    with pytest.raises(SettingsError, match="exclude: must be a pattern or a list of patterns, not 5"):
        PathPatterns("exclude", wrong)
    wrong = ["*.tmp", 5]
    with pytest.raises(SettingsError, match="exclude: 5 is no pattern: it is no text"):
        PathPatterns("exclude", wrong)
