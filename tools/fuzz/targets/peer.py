"""A whole engine in virtual time, and a peer that sends whatever it likes, greeted or not, choked or not.

Nothing is raised inside and no promise of the network is broken; a reason to close can be shown; what the peer hears
beside blocks and requests is no more than a few times what it sent; a block is sent only for a request; the requests
that wait and the addresses that are known are few.
"""

from __future__ import annotations

import functools
from typing import List, Tuple

from support.bench import Bench, Guest
from support.lying_peer import handshake
from support.simulation.torrent import SimTorrent, make_torrent

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.protocol import messages
from bittorrent_threads.protocol.wire import Wire
from bittorrent_threads.settings import Settings

from ..choices import Choices, cut
from ..target import Target, require, require_shown
from . import wire

BLOCK = 16384
SHAPES = (
    *((0, BLOCK), (1, BLOCK), (BLOCK, BLOCK), (9 * BLOCK - 1, BLOCK), (7 * 2 * BLOCK + 20_000, 2 * BLOCK)),
    *((2049, 1), (300, 40)),
)
"""Bytes of the torrent, and of a piece."""
STATES = ("active", "paused")
SETTINGS = Settings(reqq=20, max_requests=200)
GRANTS = 10 * 9
"""Bytes of the allowed fast set."""
KEPT_ALIVE = 8
"""Bytes of the keep-alives and changes of mind in the seconds that a peer is watched."""
TURNS = 3
"""Bytes heard for a byte sent: REJECT of 17 for a REQUEST of 17, INTERESTED of 5 for a HAVE of 9 or a CHOKE of 5."""


@functools.cache
def torrent_of(shape: int) -> SimTorrent:
    """A torrent with the hashes of its content."""
    size, piece_length = SHAPES[shape]
    return make_torrent(size=size, piece_length=piece_length)


def check(data: bytes) -> None:
    """Three bytes choose the torrent, what we have, how the peer begins, and the cuts; the rest is what it sends."""
    choices = Choices(data)
    torrent = torrent_of(choices.below(len(SHAPES)))
    options, way = choices.byte(), choices.byte()
    count = torrent.metainfo.piece_count
    have = (range(count), range(0), range(0, count, 2))[options % 3]
    state, silent = STATES[options >> 2 & 1], options >> 3 & 1
    fast, extended = bool(options >> 4 & 1), bool(options >> 5 & 1)
    stream = choices.rest()
    bench = Bench(torrent, have=have, settings=SETTINGS, state=state)
    guest = bench.stranger()
    if not silent:
        guest.greet(peerid=b"-GU0001-abcdefghijkl", fast=fast, extended=extended)
    for chunk in cut(stream, way)[:200]:
        if not guest.closed:
            guest.say(chunk, seconds=0.02)
    bench.run(1.5)
    _end(bench, guest, stream, fast=fast, silent=bool(silent))


def _end(bench: Bench, guest: Guest, stream: bytes, *, fast: bool, silent: bool) -> None:
    for reason in bench.reasons:
        require_shown(reason, 300, "the reason to close")
    status = bench.status
    require(status.known <= 2, f"{status.known} addresses known")
    for peer in status.peers:
        require(peer.remote_requests <= SETTINGS.reqq, f"{peer.remote_requests} requests wait")
    heard = guest.heard()
    said = Wire(len(bench.torrent.have), fast=fast).receive(stream)
    asked = sum(message[0] == messages.REQUEST for message in said)
    blocks = sum(message[0] == messages.PIECE for message in heard)
    require(silent or blocks <= asked, f"{blocks} blocks for {asked} requests")
    rest = sum(map(_size, heard))
    allowed = TURNS * len(stream) + len(bytes(bench.torrent.have)) + 200 + GRANTS + KEPT_ALIVE
    require(rest <= allowed, f"{rest} bytes heard for {len(stream)} sent")


def _size(heard: Tuple[object, ...]) -> int:
    kind = heard[0]
    if kind in (messages.PIECE, messages.REQUEST, messages.CANCEL):
        return 0
    payload = heard[-1] if len(heard) > 1 else b""
    return 5 + (len(payload) if isinstance(payload, bytes) else 4 * (len(heard) - 1))


def seeds() -> List[bytes]:
    """For each torrent a peer that has nothing and asks, one that has all and gives, and one that greets by itself."""
    found = []
    for shape in range(len(SHAPES)):
        metainfo = torrent_of(shape).metainfo
        count = metainfo.piece_count
        last = max(0, count - 1)
        size = metainfo.layout.piece_size(last) if count else 1
        asks = [messages.HAVE_NONE_MESSAGE, messages.INTERESTED_MESSAGE, messages.request(last, 0, min(size, BLOCK))]
        asks += [messages.cancel(last, 0, min(size, BLOCK)), messages.NOT_INTERESTED_MESSAGE]
        gives = [messages.bitfield(bytes(Bitfield.filled(count))), messages.UNCHOKE_MESSAGE, messages.CHOKE_MESSAGE]
        gives += [messages.reject(last, 0, min(size, BLOCK)), messages.have(last), messages.HAVE_ALL_MESSAGE]
        gives.append(messages.piece_headers([(last, 0, 20)])[0] + bytes(20))
        extension = messages.extended(0, b"d1:md6:ut_pexi1ee1:pi7000e4:reqqi1ee")
        more = [messages.allowed_fast(0), messages.suggest(last), extension]
        for options in (0x10, 0x31, 0x12, 0x02, 0x34, 0x00):
            found.append(bytes([shape, options, 1]) + b"".join([*asks, *more]))
            found.append(bytes([shape, options, 1]) + b"".join([*more[2:], *gives, *more]))
        greeting = handshake(metainfo.infohash, peerid=b"-GU0001-abcdefghijkl", fast=True, extended=True)
        found.append(bytes([shape, 0x38, 3]) + greeting + b"".join([*asks, *gives]))
    return found


TARGET = Target(check, seeds, (*wire.TARGET.tokens, b"1:pi6881e", b"1:v3:\x1b[2", b"d1:md6:ut_pexi1eee"))
