"""The outermost dictionary of a .torrent file, around the bytes of ``info`` (BEP 3, BEP 12, BEP 19).

The rule: the bytes of ``info`` are never encoded anew, because the infohash is their hash.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import bencode

INFO = b"info"


def tracker_keys(tiers: Sequence[Sequence[str]]) -> Dict[bytes, Any]:
    """The keys of trackers; None for a key that is absent.

    Args:
        tiers: Tiers of usable URLs; ``announce-list`` is written only if there is more than one URL.
    """
    urls: List[List[bytes]] = [[url.encode() for url in tier] for tier in tiers if tier]
    return {
        b"announce": urls[0][0] if urls else None,
        b"announce-list": urls if sum(map(len, urls)) > 1 else None,
    }


def web_seed_keys(urls: Sequence[str]) -> Dict[bytes, Any]:
    """The key of web seeds; None if it is absent."""
    return {b"url-list": [url.encode() for url in urls] or None}


def text_key(key: bytes, text: Optional[str], codec: Optional[str] = None) -> Dict[bytes, Any]:
    """A key of free text; None if it is absent.

    Args:
        key: The key.
        text: The text; an empty one is absent.
        codec: The codec of texts that are not UTF-8, if the torrent names one.
    """
    if not text:
        return {key: None}
    try:
        return {key: text.encode(codec or "utf-8")}
    except UnicodeEncodeError:  # the codec does not have its characters
        return {key: text.encode()}


def assembled(outer: Mapping[bytes, Any], info: bytes) -> Tuple[bytes, Tuple[int, int]]:
    """The bytes of a .torrent file, and begin and end of ``info`` in them.

    Args:
        outer: The other keys and their values, in the types that :func:`bencode.encode` takes; None for absent keys.
        info: The bytes of ``info``.
    """
    # Keys are sorted (BEP 3).
    said = {key: value for key, value in outer.items() if value is not None and key != INFO}
    head = bencode.encode({key: value for key, value in said.items() if key < INFO})
    tail = bencode.encode({key: value for key, value in said.items() if key > INFO})
    begin = len(head) - 1 + len(b"4:info")
    return b"".join((head[:-1], b"4:info", info, tail[1:])), (begin, begin + len(info))
