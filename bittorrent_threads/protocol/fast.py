"""The allowed fast set: pieces that a peer may ask for while it is choked (BEP 6).

Both ends compute the set from the peer's IPv4 address and the infohash.  It is the same at each connection and for
every address of a /24 network, so a peer cannot get other pieces by connecting again.
"""

from __future__ import annotations

import hashlib
from ipaddress import AddressValueError, IPv4Address
from typing import Dict, Tuple

SET_SIZE = 10
"""Pieces in the set, ``k`` in BEP 6."""


def allowed_fast_set(infohash: bytes, host: str, piece_count: int, *, k: int = SET_SIZE) -> Tuple[int, ...]:
    """The allowed fast set of one peer.

    Args:
        infohash: The 20 bytes of the handshake.
        host: Numeric address of the peer.
        piece_count: Pieces of the torrent.
        k: Pieces in the set, if the torrent has so many.

    Returns:
        Piece indexes; none for an IPv6 address, for which BEP 6 has no rule.
    """
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
