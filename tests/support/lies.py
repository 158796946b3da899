"""Invalid messages of peers, as data: name, bytes, and the expected close reason.

The torrent that the bytes speak of has eleven pieces of 64 KiB, the last one of 100 bytes; the node that hears them has
the first half of it.  ``fast`` tells whether the liar has BEP 6.
"""

from __future__ import annotations

import random
import struct
from typing import List, NamedTuple

from bittorrent_threads.testing import peer_messages as pm
from bittorrent_threads.testing.peer_messages import message

PIECE_LENGTH = 65536
PIECE_COUNT = 11
SIZE = 10 * PIECE_LENGTH + 100
BLOCK = 16384
HUGE = 2**32 - 1

NAMES = {
    pm.CHOKE: "choke",
    pm.UNCHOKE: "unchoke",
    pm.INTERESTED: "interested",
    pm.NOT_INTERESTED: "not interested",
    pm.HAVE: "have",
    pm.REQUEST: "request",
    pm.CANCEL: "cancel",
    pm.PORT: "port",
    pm.SUGGEST: "suggest piece",
    pm.HAVE_ALL: "have all",
    pm.HAVE_NONE: "have none",
    pm.REJECT: "reject request",
    pm.ALLOWED_FAST: "allowed fast",
}
SIZES = {
    pm.HAVE: 5,
    pm.REQUEST: 13,
    pm.CANCEL: 13,
    pm.PORT: 3,
    pm.SUGGEST: 5,
    pm.REJECT: 13,
    pm.ALLOWED_FAST: 5,
}
"""Lengths of messages with their id; all others have 1 byte."""


class Lie(NamedTuple):
    """Bytes to send after a valid handshake, and the words that the close reason contains."""

    name: str
    data: bytes
    reason: str
    fast: bool = True


class Truth(NamedTuple):
    """Unusual bytes to send after a valid handshake, which must not end the connection."""

    name: str
    data: bytes
    fast: bool = True


def _wrong_sizes() -> List[Lie]:
    lies = []
    for kind, name in NAMES.items():
        right = SIZES.get(kind, 1)
        for size in {1, right - 1, right + 1, 1000} - {0, right}:
            data = message(kind, payload=bytes(size - 1))
            lies.append(Lie(f"{name} of {size} bytes", data, f"{name} message of {size} bytes instead of {right}"))
        data = struct.pack(">IB", HUGE, kind)
        lies.append(Lie(f"{name} of 4 GiB", data, f"{name} message of {HUGE} bytes instead of {right}"))
    for size in (0, 1, 3, 1000):
        reason = f"bitfield message of {size + 1} bytes instead of 3"
        lies.append(Lie(f"bitfield of {size} bytes", message(pm.BITFIELD, payload=bytes(size)), reason))
    for size in (0, BLOCK + 1, 100_000):
        data = message(pm.PIECE, 0, 0, payload=bytes(size))
        lies.append(Lie(f"block of {size} bytes", data, f"piece message of {size + 9} bytes"))
    lies.append(Lie("piece message without a block", message(pm.PIECE), "piece message of 1 bytes"))
    lies.append(Lie("piece message of 4 GiB", struct.pack(">IB", HUGE, pm.PIECE), f"piece message of {HUGE} bytes"))
    lies.append(Lie("unknown message of 4 GiB", struct.pack(">IB", HUGE, 99), f"message of {HUGE} bytes, more than"))
    lies.append(Lie("extended message without an id", message(pm.EXTENDED), "extended message without an id"))
    return lies


def _wrong_indexes() -> List[Lie]:
    lies = []
    for index in (PIECE_COUNT, 2**31, HUGE):
        for kind in (pm.HAVE, pm.SUGGEST, pm.ALLOWED_FAST):
            said = f"{NAMES[kind]} of piece {index}, there are {PIECE_COUNT}"
            lies.append(Lie(f"{NAMES[kind]} of piece {index}", message(kind, index), said))
        for kind in (pm.REQUEST, pm.CANCEL, pm.REJECT):
            said = f"{NAMES[kind]} of piece {index}, there are {PIECE_COUNT}"
            lies.append(Lie(f"{NAMES[kind]} of piece {index}", message(kind, index, 0, BLOCK), said))
        data = message(pm.PIECE, index, 0, payload=bytes(BLOCK))
        lies.append(Lie(f"block of piece {index}", data, f"piece of piece {index}, there are {PIECE_COUNT}"))
    data = message(pm.BITFIELD, payload=b"\x00\x01")
    lies.append(Lie("bitfield with a bit too many", data, f"bitfield with bits set beyond its {PIECE_COUNT} pieces"))
    return lies


def _wrong_order() -> List[Lie]:
    bits = message(pm.BITFIELD, payload=b"\xff\xe0")
    have = message(pm.HAVE, 3)
    return [
        Lie("have none after have", have + message(pm.HAVE_NONE), "have none after other messages"),
        Lie("have none after bitfield", bits + message(pm.HAVE_NONE), "have none after other messages"),
        Lie("have all twice", message(pm.HAVE_ALL) * 2, "said a second time what it has, and nothing new"),
        Lie("two bitfields", bits * 2, "said a second time what it has, and nothing new"),
        Lie("a bitfield after have all", message(pm.HAVE_ALL) + bits, "said a second time what it has"),
        Lie("have none twice", message(pm.HAVE_NONE) * 2, "have none after other messages"),
        Lie("have none after have all", message(pm.HAVE_ALL) + message(pm.HAVE_NONE), "have none after other messages"),
        Lie("have none after unchoke", message(pm.UNCHOKE) + message(pm.HAVE_NONE), "have none after other messages"),
        *[
            Lie(f"{NAMES[kind]} without BEP 6", message(kind, *fields), "without the fast extension", fast=False)
            for kind, fields in [
                (pm.HAVE_ALL, ()),
                (pm.HAVE_NONE, ()),
                (pm.SUGGEST, (0,)),
                (pm.ALLOWED_FAST, (0,)),
                (pm.REJECT, (0, 0, BLOCK)),
            ]
        ],
    ]


def _floods() -> List[Lie]:
    def requests(count: int, index: int, begin: int, length: int) -> bytes:
        return b"".join(message(pm.REQUEST, index, begin + at, length) for at in range(count))

    interested = message(pm.INTERESTED)
    return [
        Lie("rejects of nothing", message(pm.REJECT, 0, 0, BLOCK) * 201, "that were not asked for"),
        Lie("rejects of nonsense", message(pm.REJECT, 0, 7, HUGE) * 201, "that were not asked for"),
        Lie("unknown ids without end", message(99, payload=b"?") * 1001, "1001 messages of unknown ids"),
        Lie("requests while choked", requests(301, 0, 0, 1000), "the peer is choked"),
        Lie("requests while choked, without BEP 6", requests(301, 0, 0, 1000), "the peer is choked", fast=False),
        Lie("requests of nothing", interested + requests(301, 0, 0, 0), "the piece has no such block"),
        Lie(
            "requests beyond the piece",
            interested + requests(301, 0, PIECE_LENGTH - 10, 11 + 301),
            "the piece has no such block",
        ),
        Lie("requests beyond the last piece", interested + requests(301, 10, 0, 101), "the piece has no such block"),
        Lie("requests of 4 GiB", interested + requests(301, 0, 0, HUGE), "the piece has no such block"),
        Lie(
            "requests whose end wraps around",
            interested + requests(301, 0, HUGE - 400, 400),
            "the piece has no such block",
        ),
        Lie("requests of a missing piece", interested + requests(301, 9, 0, 1000), "do not have"),
        Lie(
            "blocks that nobody asked for",
            message(pm.HAVE_ALL) + message(pm.PIECE, 9, 0, payload=bytes(100)) * 201,
            "sent 201 blocks or rejects that were not asked for",
        ),
    ]


def _extension_handshakes() -> List[Lie]:
    bodies = {
        "garbage": b"\xff\xfe\xfd",
        "a truncated dictionary": b"d1:v100:short",
        "a list": b"le",
        "fifty levels deep": b"d1:m" + b"l" * 50 + b"e" * 50 + b"e",
        "ten thousand tokens": b"d1:ml" + b"i1e" * 10_000 + b"ee",
        "an endless number": b"d1:pi" + b"9" * 1000 + b"ee",
        "nothing": b"",
    }
    return [
        Lie(f"extension handshake of {name}", message(pm.EXTENDED, payload=b"\x00" + body), "extension handshake")
        for name, body in bodies.items()
    ]


LIES = _wrong_sizes() + _wrong_indexes() + _wrong_order() + _floods()
"""Each closes the connection at once, with the reason."""

EXTENDED_LIES = _extension_handshakes()
"""The same, from a peer that supports BEP 10."""

UNFINISHED = [
    Lie("a message that never ends", struct.pack(">IBII", 9 + BLOCK, pm.PIECE, 0, 0) + bytes(5), "a message took more"),
    Lie("half a prefix", b"\x00\x00", "a message took more"),
    Lie("silence", b"", "silent for"),
]
"""Each closes the connection after a timeout, when nothing follows."""

NOISE = [random.Random(seed).randbytes(2000) for seed in range(30)]
"""To send instead of a handshake, and after one: the connection is closed at some time, for any reason."""

TRUTHS = [
    Truth("keep-alives", bytes(4) * 1000),
    Truth("unknown ids", message(99, payload=b"new in some BEP") * 20 + message(255) * 20),
    Truth("an unknown extension message", message(pm.EXTENDED, payload=b"\x77whatever")),
    Truth("the DHT port before the bitfield", message(pm.PORT, payload=b"\x1a\xe1") + message(pm.HAVE_NONE)),
    Truth("a bitfield after a have", message(pm.HAVE, 3) + message(pm.BITFIELD, payload=b"\x11\x00")),
    Truth("a bitfield that adds", b"".join(message(pm.BITFIELD, payload=bits) for bits in (b"\x11\x00", b"\xff\xe0"))),
    Truth("have all after a have", message(pm.HAVE, 3) + message(pm.HAVE_ALL)),
    Truth("choking and unchoking", (message(pm.CHOKE) + message(pm.UNCHOKE)) * 200),
    Truth("changing its mind", (message(pm.INTERESTED) + message(pm.NOT_INTERESTED)) * 200),
    Truth("the same have", message(pm.HAVE, 1) * 1000),
    Truth("cancels of nothing", message(pm.CANCEL, 0, 0, BLOCK) * 500),
    Truth("cancels of nonsense", message(pm.CANCEL, 0, HUGE, HUGE) * 500),
    Truth("some rejects of nothing", message(pm.REJECT, 0, 0, BLOCK) * 100),
    Truth("some rejects of nonsense", message(pm.REJECT, 0, 7, HUGE) * 100),
    Truth("suggestions", b"".join(message(pm.SUGGEST, index) for index in range(PIECE_COUNT)) * 50),
    Truth("allowances", b"".join(message(pm.ALLOWED_FAST, index) for index in range(PIECE_COUNT)) * 50),
    Truth("some requests while choked", message(pm.REQUEST, 0, 0, BLOCK) * 100),
    Truth("some requests while choked, without BEP 6", message(pm.REQUEST, 0, 0, BLOCK) * 100, fast=False),
    Truth("some blocks nobody asked for", message(pm.PIECE, 9, 0, payload=bytes(BLOCK)) * 20),
    Truth("blocks of odd sizes at odd places", message(pm.PIECE, 9, 777, payload=bytes(33)) * 20),
    Truth("blocks behind the end of the piece", message(pm.PIECE, 10, HUGE, payload=bytes(100)) * 20),
    Truth("no bitfield at all", b"", fast=False),
    Truth("a bitfield that is empty", message(pm.BITFIELD, payload=bytes(2)), fast=False),
]
