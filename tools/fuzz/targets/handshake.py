"""The handshake of a peer and the bytes after it, for outgoing and incoming connections.

The result does not depend on the chunks; our handshake is sent once and only for a known infohash; the bytes after the
handshake are returned unchanged; the client name of a peer id is printable.  The wire continues with the rest.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

from bittorrent_threads.protocol.handshake import RESERVED, SIZE, Handshake
from bittorrent_threads.protocol.peer_id import client_name

from ..choices import Choices, cut
from ..target import Target, require, require_shown
from . import wire

INFOHASH, PEERID = b"i" * 20, b"-TH0100-ourselves..."


def check(data: bytes) -> None:
    """Two bytes select the direction and the chunks; the rest is what the peer sends."""
    choices = Choices(data)
    infohash, way = choices.pick((INFOHASH, None)), choices.byte()
    stream = choices.rest()
    whole, said = shaken(infohash, [stream])
    require(shaken(infohash, cut(stream, way)) == (whole, said), "another handshake when cut")
    peerid, named, _, leftover, failed, done = whole
    require_shown(failed, 200, "the reason to close")
    require(len(said) in (0, SIZE), f"{len(said)} bytes said")
    require(not done or (len(said) == SIZE and len(stream) >= SIZE and not failed), "done too early")
    require(failed or leftover == stream[SIZE:], "another leftover")
    require(not peerid or stream[48:SIZE] == peerid, "another peer id")
    require(named in (None, infohash or stream[28:48]), "another infohash")
    require_shown(client_name(peerid or stream[:20]), 64, "the client's name")
    if done:
        wire.compare(9, leftover, fast=bool(stream[27] & RESERVED[7]), way=way)


State = Tuple[bytes, Optional[bytes], bytes, bytes, str, bool]


def shaken(infohash: Optional[bytes], chunks: List[bytes]) -> Tuple[State, bytes]:
    """Drive a handshake as the engine does; return its result and what we sent."""
    handshake = Handshake(infohash, PEERID)
    said = handshake.data_to_send()
    for chunk in chunks:
        handshake.receive(memoryview(chunk))
        # Our own peer id is answered, too: only the end that dialled knows the address, and must see that it is ours.
        fit = not handshake.failed or handshake.peerid == PEERID
        if infohash is None and handshake.infohash is not None and fit and not said:
            handshake.accept()
            said += handshake.data_to_send()
    require(handshake.data_to_send() == b"", "something is said twice")
    leftover = b"" if handshake.failed else handshake.leftover
    return (
        (handshake.peerid, handshake.infohash, handshake.reserved, leftover, handshake.failed, handshake.done),
        said,
    )


def seeds() -> List[bytes]:
    """Return valid handshakes, our own, one of another torrent, and half of one."""
    start = b"\x13BitTorrent protocol"
    good = start + RESERVED + INFOHASH + b"-LT2110-abcdefghijkl"
    said = b"".join(wire.spoken(9))
    heads = [bytes([dialled, way]) for dialled in (0, 1) for way in (0, 1, 3)]
    plain = start + bytes(8) + INFOHASH + b"M7-10-1--abcdefghijk"
    streams = [good, good + said, plain + said, good[:60], start + RESERVED + INFOHASH + PEERID, good[:40] + bytes(40)]
    return [head + stream for head in heads for stream in streams]


TOKENS = (
    *(b"\x13BitTorrent protocol", INFOHASH, PEERID, b"-TR4050-", b"-WW0109-", b"A2-1-37-0-", b"Q1-2-3--"),
    b"-TR294Z-",
)
TARGET = Target(check, seeds, (*TOKENS, *wire.TARGET.tokens), longest=500)
