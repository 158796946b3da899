"""A whole engine in virtual time, and a peer that sends any bytes, with or without a handshake, choked or unchoked.

No callback raises and no rule of the network interfaces is broken; a close reason is printable; except for blocks and
requests, the bytes sent to the peer are bounded by those it sent; a block is sent only for a request; the numbers of
waiting requests and of known addresses are bounded.
"""

from __future__ import annotations

import functools
from typing import Any, List, NamedTuple, Tuple

from support.bench import Bench

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.protocol import messages
from bittorrent_threads.protocol.wire import Wire
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import handshake
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent

from ..choices import Choices, cut
from ..target import Target, require, require_shown
from . import wire

Heard = List[Tuple[Any, ...]]

BLOCK = 16384
SHAPES = (
    *((0, BLOCK), (1, BLOCK), (BLOCK, BLOCK), (9 * BLOCK - 1, BLOCK), (7 * 2 * BLOCK + 20_000, 2 * BLOCK)),
    *((2049, 1), (300, 40)),
)
"""Bytes of the torrent, and of one piece."""
STATES = ("active", "paused")
RIGHT, WRONG, TWICE = "right", "wrong", "twice"
SERVES = ("", RIGHT, WRONG, TWICE)
"""How a peer answers requests: not at all, or with blocks of these kinds."""
MOST_ANSWERS = 8
"""Messages that are answered in one step."""
SETTINGS = Settings(reqq=20, max_requests=200)
GRANTS = 10 * 9
"""Bytes of the allowed fast set."""
KEPT_ALIVE = 8
"""Bytes of keep-alives and of interest messages that the engine may send during the run."""
MOST_MOMENTS = 16
"""Number of chunks that arrive one by one; the rest arrives at once."""
TURNS = 3
"""Most bytes sent for each byte received: a REJECT of 17 bytes answers a REQUEST of 17, an INTERESTED a HAVE."""


@functools.cache
def torrent_of(shape: int) -> SimTorrent:
    """Return a torrent with the hashes of its content."""
    size, piece_length = SHAPES[shape]
    return make_torrent(size=size, piece_length=piece_length)


def check(data: bytes) -> None:
    """Three bytes select the torrent, our pieces, the peer's behaviour and the chunks; the rest is what it sends."""
    choices = Choices(data)
    torrent = torrent_of(choices.below(len(SHAPES)))
    options, way = choices.byte(), choices.byte()
    count = torrent.metainfo.piece_count
    have = (range(count), range(0), range(0, count, 2), range(1))[options & 3]
    manners = Manners(greets=not options >> 3 & 1, fast=bool(options >> 4 & 1), extended=bool(options >> 5 & 1))
    manners = manners._replace(serves=SERVES[options >> 6])
    bench = Bench(torrent, have=have[:count], settings=SETTINGS, state=STATES[options >> 2 & 1])
    visit(bench, torrent, manners, cut(choices.rest(), way), pause=0.4 if way & 0x80 else 0.02)


class Manners(NamedTuple):
    """How a peer behaves apart from the bytes that it sends."""

    greets: bool
    fast: bool
    extended: bool
    serves: str = ""


def visit(bench: Bench, torrent: SimTorrent, manners: Manners, chunks: List[bytes], *, pause: float) -> None:
    """Connect a peer that sends these chunks and answers requests as ``manners`` say."""
    guest = bench.stranger()
    if manners.greets:
        guest.greet(peerid=b"-GU0001-abcdefghijkl", fast=manners.fast, extended=manners.extended)
    heard: List[Heard] = []
    sent = 0
    for chunk in [*chunks[:MOST_MOMENTS], b"".join(chunks[MOST_MOMENTS:]), b""]:
        if guest.closed:
            break
        heard.append(guest.heard())
        answers = [_answered(torrent, message, manners.serves) for message in heard[-1]] if manners.serves else []
        said = b"".join([chunk, *answers[:MOST_ANSWERS]])
        sent += len(said)
        guest.say(said, seconds=pause)
    bench.run(1.5)
    heard.append(guest.heard())
    _end(bench, [message for each in heard for message in each], b"".join(chunks), sent, manners)


def _answered(torrent: SimTorrent, message: Tuple[Any, ...], serves: str) -> bytes:
    if message[0] != messages.REQUEST:
        return b""
    _, index, begin, length = message
    block = torrent.content.read(index * torrent.metainfo.piece_length + begin, length)
    if serves == WRONG:
        block = bytes(length)
    return (messages.piece_headers([(index, begin, length)])[0] + block) * (2 if serves == TWICE else 1)


def _end(bench: Bench, heard: Heard, stream: bytes, sent: int, manners: Manners) -> None:
    for reason in bench.reasons:
        require_shown(reason, 300, "the reason to close")
    status = bench.status
    require(status.known <= 2, f"{status.known} addresses known")
    for peer in status.peers:
        require(peer.remote_requests <= SETTINGS.reqq, f"{peer.remote_requests} requests wait")
    said = Wire(len(bench.payload.have), fast=manners.fast).receive(stream)
    asked = sum(len(message[1]) for message in said if message[0] == messages.REQUEST)
    blocks = sum(message[0] == messages.PIECE for message in heard)
    require(not manners.greets or blocks <= asked, f"{blocks} blocks for {asked} requests")
    rest = sum(map(_size, heard))
    allowed = TURNS * sent + len(bytes(bench.payload.have)) + 200 + GRANTS + KEPT_ALIVE
    require(rest <= allowed, f"{rest} bytes heard for {sent} sent")


def _size(message: Tuple[Any, ...]) -> int:
    kind = message[0]
    if kind in (messages.PIECE, messages.REQUEST, messages.CANCEL):
        return 0
    return 5 + sum(len(field) if isinstance(field, bytes) else 4 for field in message[1:])


def seeds() -> List[bytes]:
    """Return, for each torrent, a leecher, a seeder, and a peer that sends its own handshake."""
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
        for number, options in enumerate((0x10, 0x31, 0x12, 0x02, 0x34, 0x00, 0x51, 0x91, 0xD3)):
            said = ([*asks, *more], [*more[2:], *gives[:2]], [*more[2:], *gives, *more])[(shape + number) % 3]
            found.append(bytes([shape, options, (1, 0x80)[number & 1]]) + b"".join(said))
        handshaker = handshake(metainfo.infohash, peerid=b"-GU0001-abcdefghijkl", fast=True, extended=True)
        found.append(bytes([shape, 0x38, 3]) + handshaker + b"".join([*asks, *gives]))
    return found


TARGET = Target(check, seeds, (*wire.TARGET.tokens, b"1:pi6881e", b"1:v3:\x1b[2", b"d1:md6:ut_pexi1eee"))
