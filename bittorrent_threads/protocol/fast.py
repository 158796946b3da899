"""The allowed fast set: pieces that a peer may ask for while it is choked (BEP 6).

Both ends can compute it from the peer's address and the torrent, so that a peer gains nothing by coming again, nor by
having several addresses in one network of 256.
"""

from __future__ import annotations

import hashlib
from ipaddress import AddressValueError, IPv4Address
from typing import Dict, Tuple

SET_SIZE = 10
"""Pieces of a set, ``k`` in BEP 6."""


def allowed_fast_set(infohash: bytes, host: str, piece_count: int, *, k: int = SET_SIZE) -> Tuple[int, ...]:
    """``k`` piece indexes for the peer at ``host``, or all there are; none for IPv6, where BEP 6 has no rule."""
    try:
        network = IPv4Address(host).packed[:3] + b"\0"
    except AddressValueError:
        return ()
    size = min(k, piece_count)
    chosen: Dict[int, None] = {}
    digest = network + infohash
    while len(chosen) < size:
        digest = hashlib.sha1(digest).digest()
        for start in range(0, 20, 4):
            if len(chosen) < size:
                chosen[int.from_bytes(digest[start : start + 4], "big") % piece_count] = None
    return tuple(chosen)
