"""``bencode``: bencoding (BEP 3) that shares no code with the library's, so that it finds mistakes of that."""

from __future__ import annotations

from typing import Any


def bencode(value: Any) -> bytes:  # noqa: ANN401  # any nesting of the five types
    """Return the canonical bencoding (BEP 3) of bytes, str, int, lists and dictionaries with str keys."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, dict):
        pairs = sorted((key.encode(), item) for key, item in value.items())
        return b"d" + b"".join(bencode(key) + bencode(item) for key, item in pairs) + b"e"
    return b"l" + b"".join(map(bencode, value)) + b"e"
