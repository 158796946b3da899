"""Reads blocklist files: ``ipfilter.dat`` of eMule, the P2P text of PeerGuardian, lists of addresses and CIDR networks.

    001.002.004.000 - 001.002.004.255 , 100 , a description      DAT; a level above 127 allows the range
    Some organisation:1.2.4.0-1.2.4.255                          P2P
    1.2.4.0/24 ; a comment                                       one address, network or range a line

The form is found line by line, so that a file may have several.  Empty lines and comments (``#``, ``;``, ``//``) are
skipped, and a line that is none of these is counted and skipped, because every public list has some.
"""

from __future__ import annotations

import dataclasses
from typing import List, Optional, Tuple

from ..text import printable
from .ip_ranges import IpRange, parse_range, span

MAX_SIZE = 256 * 1024 * 1024
"""Bytes of the largest blocklist, decompressed; the largest public ones have 20 MB."""
MAX_RANGES = 2_000_000
"""Ranges of one blocklist."""
MAX_LINE = 512
"""Characters of the longest line that is read."""
MAX_EXAMPLES = 5
"""Lines that could not be read and are named."""
MOST_BLOCKED = 127
"""The highest level of a range that is blocked, in the DAT form."""

_SHOWN = 60
"""Characters of a line that are shown."""


@dataclasses.dataclass(frozen=True)
class Blocklist:
    """What was found in a blocklist file."""

    ranges: int
    """Lines with a range that is blocked from now on."""
    allowed: int
    """Lines with a range that is not to be blocked, because of its level."""
    bad_lines: int
    """Lines that could not be read, and were skipped."""
    examples: Tuple[str, ...]
    """The first of these lines, with their numbers."""


class BlocklistReader:
    """The parser of one file: give it the bytes with ``receive``, and then call ``finish``."""

    def __init__(self) -> None:
        self.ranges: List[IpRange] = []
        """The blocked ranges, in the order of the file."""
        self.failed = ""
        """Why the file cannot be used; empty while it can."""
        self._allowed = 0
        self._bad_lines = 0
        self._examples: List[str] = []
        self._lines = 0
        self._size = 0
        self._rest = ""

    def receive(self, data: bytes) -> None:
        """Read the next bytes of the file; it never raises."""
        if self.failed:
            return
        self._size += len(data)
        if self._size > MAX_SIZE:
            self.failed = f"has more than {MAX_SIZE} bytes"
            return
        lines = (self._rest + data.decode("latin-1")).split("\n")
        self._rest = lines.pop()[: MAX_LINE + 1]  # a line that is too long stays so, and takes no more memory
        for line in lines:
            self._read(line)
        if len(self.ranges) > MAX_RANGES:
            self.failed = f"has more than {MAX_RANGES} ranges"

    def finish(self) -> Blocklist:
        """Read the last line; ``failed`` is set if no line of the file could be read."""
        self._read(self._rest)
        self._rest = ""
        if not (self.failed or self.ranges or self._allowed):
            first = f" ({self._examples[0]})" if self._examples else ""
            self.failed = f"has no range of addresses{first}"
        return Blocklist(len(self.ranges), self._allowed, self._bad_lines, tuple(self._examples))

    def _read(self, line: str) -> None:
        self._lines += 1
        text = line.strip()
        if self._lines == 1 and text.startswith("\xef\xbb\xbf"):  # the byte order mark of UTF-8
            text = text[3:]
        if not text or text[0] in "#;" or text.startswith("//"):
            return
        try:
            if len(line) > MAX_LINE:
                raise ValueError("it is too long")
            found = parse_line(text)
        except ValueError:
            self._bad_lines += 1
            if len(self._examples) < MAX_EXAMPLES:
                self._examples.append(f"line {self._lines}: {printable(text, _SHOWN)!r}")
            return
        if found is None:
            self._allowed += 1
        else:
            self.ranges.append(found)


def parse_line(text: str) -> Optional[IpRange]:
    """Return the range that a line blocks; None if its level says that the range is not to be blocked.

    Args:
        text: The line, not empty and no comment.

    Raises:
        ValueError: The line has none of the forms.
    """
    # Addresses begin with a digit, and the names of the P2P form mostly do not: 300,000 failed attempts take 0.3 s.
    forms = (_parse_dat, _parse_p2p) if text[0] in "0123456789" else (_parse_p2p, _parse_dat)
    for form in forms:
        try:
            return form(text)
        except ValueError:
            continue
    return _parse_p2p_ipv6(text)


def _parse_dat(text: str) -> Optional[IpRange]:
    """A range, network or address, then a level if there is a comma, then anything."""
    entry, comma, behind = text.partition(",")
    if comma:
        level = behind.partition(",")[0].strip()
        blocked = not level.isdecimal() or int(level[:4]) <= MOST_BLOCKED
    else:
        blocked = True
        entry = entry.partition("#")[0].partition(";")[0]
    found = parse_range(entry)
    return found if blocked else None


def _parse_p2p(text: str) -> IpRange:
    """A name, a colon, and a range of IPv4."""
    first, _, last = text.rpartition(":")[2].partition("-")
    return span(first.strip(), last.strip())


def _parse_p2p_ipv6(text: str) -> IpRange:
    """A name, a colon, and a range of IPv6: the name ends at that of the last colons which leaves an address."""
    head, _, last = text.rpartition("-")
    pieces = head.split(":")
    for at in range(max(1, len(pieces) - 8), len(pieces) - 1):
        try:
            return span(":".join(pieces[at:]).strip(), last.strip())
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no line of a blocklist")
