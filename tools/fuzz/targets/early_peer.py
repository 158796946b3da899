"""A peer of a torrent whose metadata is not known, which sends any bytes before the metadata comes and after it.

No callback raises and no rule of the network interfaces is broken; a close reason is printable; the bytes sent to the
peer, except for requests, are bounded by those it sent; a connection that is not closed goes on when the metadata
comes, and the closed ones leave nothing behind.
"""

from __future__ import annotations

from typing import List

from support.magnet import Magnet

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.protocol import messages

from ..choices import Choices, cut
from ..target import Target, require, require_shown
from . import wire
from .peer import GRANTS, KEPT_ALIVE, SETTINGS, SHAPES, STATES, TURNS, _size, torrent_of

PAUSE = 0.02
MOST_MOMENTS = 8
"""Number of chunks that arrive one by one; the rest arrives at once."""


def check(data: bytes) -> None:
    """Four bytes select the torrent, its state, the chunks and how many come before the metadata; the rest is sent."""
    choices = Choices(data)
    torrent = torrent_of(choices.below(len(SHAPES)))
    options, way, early = choices.byte(), choices.byte(), choices.below(MOST_MOMENTS)
    have = range(torrent.metainfo.piece_count) if options & 1 else ()
    bench = Magnet(torrent, have=have, settings=SETTINGS, state=STATES[options >> 1 & 1])
    guest = bench.stranger()
    guest.greet(peerid=b"-GU0001-abcdefghijkl", fast=bool(options >> 2 & 1), extended=bool(options >> 3 & 1))
    chunks = cut(choices.rest(), way)
    sent = 0
    for number, chunk in enumerate([*chunks[:MOST_MOMENTS], b"".join(chunks[MOST_MOMENTS:]), b""]):
        if number == early:
            before = len(bench.torrent.peers)
            bench.give_info()
            require(len(bench.torrent.peers) + bool(guest.closed) >= before, "a connection was lost")
        if not guest.closed:
            sent += len(chunk)
            guest.say(chunk, seconds=PAUSE)
    if bench.torrent.payload is None:
        bench.give_info()
    bench.run(1.5)
    for reason in bench.reasons:
        require_shown(reason, 300, "the reason to close")
    connected = len(bench.torrent.peers)
    require(connected == len(list(bench.payload.exchange)) == (not guest.closed), "a closed connection is kept")
    rest = sum(map(_size, guest.heard()))
    introduced = 3 * 220  # the second time when there is metadata to offer, the third when no piece is wanted
    told = len(bytes(bench.payload.have)) + 9 * bench.payload.have.count + introduced
    require(rest <= TURNS * sent + told + GRANTS + KEPT_ALIVE, f"{rest} bytes heard for {sent} sent")


def seeds() -> List[bytes]:
    """Return, for each torrent, peers that say what they have in each way, before the metadata and after it."""
    found = []
    for shape in range(len(SHAPES)):
        count = torrent_of(shape).metainfo.piece_count
        last = max(0, count - 1)
        packed = messages.bitfield(bytes(Bitfield.filled(count)))
        extension = messages.extended(0, b"d1:md11:ut_metadatai3ee1:pi7000e4:reqqi1ee")
        ways = (
            (0x0C, [messages.HAVE_ALL_MESSAGE, extension, messages.UNCHOKE_MESSAGE, messages.allowed_fast(last)]),
            (0x08, [extension, packed, messages.have(last), messages.UNCHOKE_MESSAGE, messages.CHOKE_MESSAGE]),
            (0x05, [messages.HAVE_NONE_MESSAGE, messages.INTERESTED_MESSAGE, messages.request(last, 0, 16384)]),
            (0x02, [messages.have(last), messages.piece_headers([(last, 0, 20)])[0] + bytes(20)]),
        )
        found += [bytes([shape, options, 1, early]) + b"".join(said) for options, said in ways for early in (1, 6)]
    return found


TARGET = Target(check, seeds, (*wire.TARGET.tokens, b"1:pi6881e", b"d1:md11:ut_metadatai3eee"))
