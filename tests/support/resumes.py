"""Resume data for tests: of a torrent of six pieces in five files, in a chosen state or from Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.metainfo.bitfield import Bitfield

# Pieces of 100 bytes:  a has 0-1, b has 1-3, the padding 3, empty none, c has 4-5.
FILES = [("a", 150), ("b", 230), (".pad/20", 20), ("empty", 0), ("c", 200)]
A, B, PAD, EMPTY, C = range(5)
COUNT = 6


def stat(number: int) -> FileStat:
    return FileStat(number, number * 10**18 + 1, number)


def packed(*pieces: int) -> bytes:
    bits = Bitfield(COUNT)
    for piece in pieces:
        bits.set(piece)
    return bytes(bits)


def resume_of(t: Torrent, *have: int, **changes: Any) -> Resume:
    resume = Resume(
        infohash=t.metainfo.infohash,
        have=packed(*have),
        files=(stat(1), stat(2), None, stat(4), stat(5)),
        part_file=None,
        unfinished=((3, b"\x80"), (5, b"\x80")),
        clean=True,
    )
    return resume._replace(**changes)


STATS = st.none() | st.builds(FileStat, st.integers(), st.integers(), st.integers())
BITS = st.sets(st.integers(0, COUNT - 1)).map(lambda pieces: packed(*pieces))
PROPERTY = torrent(FILES, 100).metainfo
"""Pieces of 100 bytes are of one block."""


@st.composite
def resumes(draw: st.DrawFn) -> Resume:
    """Return any valid resume data."""
    page_cache = draw(st.sampled_from(["", "boot 1", "boot 2"]))
    return Resume(
        infohash=PROPERTY.infohash,
        have=draw(BITS),
        files=draw(st.tuples(*[STATS] * len(FILES))),
        part_file=draw(STATS),
        unfinished=tuple((index, b"\x80") for index in draw(st.sets(st.integers(0, COUNT - 1)))),
        clean=draw(st.booleans()),
        names=draw(st.sampled_from([(), ((A, ("t", "other")),), ((A, ("t", "b")), (B, ("t", "a")))])),
        doubtful=draw(st.just(b"") | BITS),
        unsynced=draw(st.just(b"") | BITS) if page_cache else b"",
        page_cache=page_cache,
    )
