"""A lenient bencode decoder for the replies of trackers, whose bytes are never hashed.

It takes all that :mod:`metainfo.bencode` takes, and integers and lengths with leading zeros or a plus, keys in any
order, keys that occur twice (the first counts), and bytes behind the value.  Depth, tokens and lengths have limits.
"""

from __future__ import annotations

import re
from typing import Any, List, Optional, Tuple

from ..errors import BencodeError

MAX_DEPTH = 100
MAX_TOKENS = 50_000
"""Values and keys in one reply; a peer in the long form takes eight."""

_match_integer = re.compile(rb"i([+-]?[0-9]{1,20})e").match
_match_length = re.compile(rb"([0-9]{1,12}):").match
_CONTAINERS = {b"d": dict, b"l": list}


def decode(data: bytes) -> Any:
    """Decode the value at the beginning of ``data``.

    Returns:
        int, bytes, list, or dict with bytes as keys.

    Raises:
        BencodeError: The bytes are not bencoding, or exceed a limit.
    """
    outermost: List[Any] = []
    holder: Any = outermost
    key: Optional[bytes] = None
    enclosing: List[Any] = []
    pos = 0
    for _ in range(MAX_TOKENS):
        head = data[pos : pos + 1]
        if head == b"e" and enclosing and key is None:
            holder, pos = enclosing.pop(), pos + 1
        elif isinstance(holder, dict) and key is None:
            key, pos = _string(data, pos)
        else:
            value, pos = _value(data, pos, head)
            if isinstance(holder, dict):
                holder.setdefault(key, value)
            else:
                holder.append(value)
            key = None
            if head in _CONTAINERS:
                if len(enclosing) == MAX_DEPTH:
                    raise BencodeError(f"more than {MAX_DEPTH} levels deep", pos)
                enclosing.append(holder)
                holder = value
        if outermost and not enclosing:
            return outermost[0]
    raise BencodeError(f"more than {MAX_TOKENS} tokens", pos)


def _value(data: bytes, pos: int, head: bytes) -> Tuple[Any, int]:
    """The value at ``pos`` and the position behind it; for a list or dictionary an empty one, and its first element."""
    if head in _CONTAINERS:
        return _CONTAINERS[head](), pos + 1
    match = _match_integer(data, pos)
    return (int(match[1]), match.end()) if match is not None else _string(data, pos)


def _string(data: bytes, pos: int) -> Tuple[bytes, int]:
    match = _match_length(data, pos)
    if match is None:
        raise BencodeError("no value begins here" if pos < len(data) else "the data ends inside a value", pos)
    begin = match.end()
    end = begin + int(match[1])
    if end > len(data):
        raise BencodeError(f"{end - len(data)} bytes of a string are missing", pos)
    return data[begin:end], end
