"""The field ``Range``: which bytes of a file are asked for (RFC 9110, section 14).

The rule: what cannot be understood is ignored, as the RFC demands, and then the whole file is the answer.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional

MAX_RANGES = 32
"""A field with more ranges is ignored: each costs a head of a part, and a real program asks for a few."""
_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
_MAX_DIGITS = 20
"""Digits of a number that is read; one of 64 bits has as many."""


class Span(NamedTuple):
    """Bytes of a file."""

    begin: int
    """The first one."""
    end: int
    """The one after the last."""


def parse_ranges(field: str, length: int) -> Optional[List[Span]]:
    """Return the bytes that are asked for.

    Args:
        field: The field, such as ``bytes=0-499,-1``.
        length: Bytes of the file.

    Returns:
        The spans that are in the file, in the order of the field, those that overlap or touch the one before joined to
        it; none if no range is in the file; None if the field is to be ignored.
    """
    unit, equals, rest = field.partition("=")
    texts = [text.strip(" \t") for text in rest.split(",")]
    texts = [text for text in texts if text]  # empty elements of a list are ignored (RFC 9110, section 5.6.1)
    if unit.strip().lower() != "bytes" or not equals or not texts or len(texts) > MAX_RANGES:
        return None
    spans: List[Span] = []
    for text in texts:
        match = _RANGE.fullmatch(text)
        if match is None or match[0] == "-" or max(len(match[1]), len(match[2])) > _MAX_DIGITS:
            return None
        if not match[1]:
            begin, end = max(0, length - int(match[2])), length
        else:
            begin = int(match[1])
            if match[2] and int(match[2]) < begin:
                return None
            end = min(int(match[2]) + 1, length) if match[2] else length
        if begin >= end:
            continue  # not in the file
        if spans and spans[-1].begin <= begin <= spans[-1].end:
            spans[-1] = Span(spans[-1].begin, max(spans[-1].end, end))
        else:
            spans.append(Span(begin, end))
    return spans
