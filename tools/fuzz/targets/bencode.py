"""The bencode decoders: only ``BencodeError`` is raised, and no value has more tokens than its encoding has bytes.

The strict decoder accepts only what the encoder writes.  Decoders that accept the same input return the same value.
"""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from bittorrent_threads.errors import BencodeError
from bittorrent_threads.metainfo import bencode

from ..choices import Choices
from ..loose import recipe, written
from ..target import Target, require, require_shown

WORDS = (b"", b"a", b"b", b"ab", b"info", b"length", b"path", b"files", b"\xff", b"0", b"z" * 60)


def check(data: bytes) -> None:
    """The first byte selects bencoding or the encoding of ``loose``."""
    choices = Choices(data)
    text = written(choices, WORDS) if choices.below(2) else choices.rest()
    strict = _decoded(text)
    loose = _decoded(text, sorted_keys=False)
    if strict is not None:
        require(loose == strict, "unsorted decodes otherwise")
        require(bencode.encode(strict[0]) == text, "strict input is not what the encoder writes")
        require(bencode.decode(memoryview(text)) == strict[0], "a view decodes otherwise")
    if loose is not None:
        value = loose[0]
        require(tokens(value) <= len(text), "more tokens than bytes")
        require(bencode.decode(bencode.encode(value)) == value, "the value does not come back")
        require(bencode.decode_prefix(text + b"4:tail", sorted_keys=False) == (value, len(text)), "the prefix differs")
    _limits(text)


def _decoded(text: bytes, **options: Any) -> Optional[List[Any]]:
    try:
        return [bencode.decode(text, **options)]
    except BencodeError as error:
        require(0 <= error.offset <= len(text), f"offset {error.offset} of {len(text)}")
        require_shown(str(error), 300, "the error")
        return None


def _limits(text: bytes) -> None:
    try:
        value, end = bencode.decode_prefix(text, max_depth=3, max_tokens=20, sorted_keys=False)
    except BencodeError:
        return
    require(end <= len(text), "the end is behind the data")
    require(depth(value) <= 3, "deeper than the limit")
    require(tokens(value) <= 21, "more tokens than the limit, not counting the first beginning")


def tokens(value: Any) -> int:
    """Strings, integers, beginnings and ends of a value."""
    count, waiting = 0, [value]
    while waiting:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            count += 1 + len(value)
            waiting += value.values()
        elif isinstance(value, list):
            count += 1
            waiting += value
    return count


def depth(value: Any) -> int:
    """Lists and dictionaries inside each other."""
    if not isinstance(value, (dict, list)):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0)


VALUES: Tuple[Any, ...] = (
    0,
    -(2**63),
    b"",
    b"ab",
    [],
    {},
    [1, [b"a", {}], {b"a": 2**63 - 1, b"b": [b"", b"z" * 60]}],
    {b"files": [{b"length": 3, b"path": [b"a", b"b"]}, {b"length": 0, b"path": []}], b"info": {b"a": {b"a": []}}},
    [[[[[[[[]]]]]]]],
)


def seeds() -> List[bytes]:
    """Return values in both encodings."""
    return [b"\0" + bencode.encode(value) for value in VALUES] + [b"\1" + recipe(value, WORDS) for value in VALUES]


TOKENS = (b"d", b"l", b"e", b"i0e", b"i-1e", b"i-0e", b"i01e", b"1:a", b"0:", b"2:ab", b"d6:lengthi1e4:pathl1:aee")
TARGET = Target(
    check, seeds, (*TOKENS, b"i9223372036854775807e", b"99999999999:", b"d1:ai1e1:ai2ee", b"l" * 99), longest=400
)
