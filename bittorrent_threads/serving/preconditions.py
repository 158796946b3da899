"""The fields ``If-Match``, ``If-None-Match`` and ``If-Range`` (RFC 9110, section 13).

Files have strong entity tags and no date: dates are never equal, so fields with dates change nothing.
"""

from __future__ import annotations

import re
from typing import List

_TAGS = re.compile(r'[ \t,]*(?:(W/)?("[\x21\x23-\x7e\x80-\xff]*"))[ \t]*(?=,|$)')


def matches(field: str, tag: str, *, weak: bool) -> bool:
    """Return whether a list of entity tags has a tag, or is ``*``.

    Args:
        field: The field ``If-Match`` or ``If-None-Match``.
        tag: The strong tag of the file, with its quotes.
        weak: Compare as ``If-None-Match`` does: a weak tag matches too.
    """
    return field.strip() == "*" or tag in _tags(field, weak=weak)


def range_applies(field: str, tag: str) -> bool:
    """Return whether ``Range`` counts beside a field ``If-Range``: only if the field is the strong tag of the file."""
    return field.strip() == tag


def _tags(field: str, *, weak: bool) -> List[str]:
    found: List[str] = []
    at = 0
    while at < len(field):
        match = _TAGS.match(field, at)
        if match is None:
            break
        if weak or not match[1]:
            found.append(match[2])
        at = match.end()
    return found
