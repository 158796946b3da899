"""Messages of a peer in any chunks, for several numbers of pieces, with and without the fast extension (BEP 6).

Messages, close reason and count of unknown ids do not depend on the chunks; each message is valid for the torrent;
encoding the messages gives the bytes that were received; a message takes at least four bytes.
"""

from __future__ import annotations

import struct
from typing import Any, Iterable, List, Tuple

from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.metainfo.metainfo import MAX_PIECES
from bittorrent_threads.protocol import messages
from bittorrent_threads.protocol import wire as module
from bittorrent_threads.protocol.wire import MAX_MESSAGE, Message, Wire

from ..choices import Choices, cut
from ..target import Target, lowered, require, require_shown

PIECE_COUNTS = (0, 1, 2, 7, 8, 9, 16, 17, 2049, MAX_PIECES)
"""Numbers of pieces: none, one, bitfields with and without spare bits, and the largest number."""

_INDEXED = {
    messages.HAVE: messages.have,
    messages.SUGGEST: messages.suggest,
    messages.ALLOWED_FAST: messages.allowed_fast,
}
_ABOUT_PIECES = frozenset({messages.BITFIELD, messages.HAVE_ALL, messages.HAVE_NONE, *_INDEXED})
_BLOCKS = {messages.REQUEST: messages.request, messages.CANCEL: messages.cancel, messages.REJECT: messages.reject}
_BARE = {
    messages.KEEPALIVE: messages.KEEPALIVE_MESSAGE,
    messages.CHOKE: messages.CHOKE_MESSAGE,
    messages.UNCHOKE: messages.UNCHOKE_MESSAGE,
    messages.INTERESTED: messages.INTERESTED_MESSAGE,
    messages.NOT_INTERESTED: messages.NOT_INTERESTED_MESSAGE,
    messages.HAVE_ALL: messages.HAVE_ALL_MESSAGE,
    messages.HAVE_NONE: messages.HAVE_NONE_MESSAGE,
}


def check(data: bytes) -> None:
    """Three bytes select the torrent, the fast extension and the chunks; the rest is what the peer sends."""
    choices = Choices(data)
    piece_count, fast, way = choices.pick(PIECE_COUNTS), bool(choices.below(2)), choices.byte()
    stream = choices.rest()
    compare(piece_count, stream, fast=fast, way=way)
    compare_early(piece_count, stream, fast=fast, way=way)


def compare(piece_count: int, stream: bytes, *, fast: bool, way: int) -> None:
    """Compare the messages of the whole input with those of its chunks."""
    whole = Wire(piece_count, fast=fast)
    found = received(whole, [stream])
    pieces = Wire(piece_count, fast=fast)
    with lowered(module, MAX_MESSAGES=3):
        require(received(pieces, cut(stream, way)) == found, "other messages when cut")
    require((pieces.failed, pieces.unknown) == (whole.failed, whole.unknown), "another end when cut")
    require(whole.receive(b"\0\0\0\0") == [] if whole.failed else True, "goes on after it failed")
    require_shown(whole.failed, 200, "the reason to close")
    require(len(found) <= len(stream) // 4, "a message of less than four bytes")
    for message in found:
        fit(message, piece_count, fast=fast)
    if not whole.unknown:
        text = b"".join(map(rewritten, found))
        require(stream.startswith(text), "the messages are not what came")
        if not whole.failed:
            left = stream[len(text) :]
            length = int.from_bytes(left[:4], "big")
            require(len(left) < 4 or len(left) < 4 + length, "a whole message is kept back")


def compare_early(piece_count: int, stream: bytes, *, fast: bool, way: int) -> None:
    """Compare the same for a wire that is told the number of pieces behind the input."""
    whole, pieces = Wire(None, fast=fast), Wire(None, fast=fast)
    found = received(whole, [stream])
    with lowered(module, MAX_MESSAGES=3):
        require(received(pieces, cut(stream, way)) == found, "other early messages when cut")
    require(pieces.failed == whole.failed, "another early end when cut")
    require(not whole.failed or not (whole.held or pieces.held), "bytes are kept after a violation")
    for message in found:
        require(message[0] not in _ABOUT_PIECES, f"early {messages.NAMES[message[0]]}")
        fit(message, MAX_PIECES, fast=fast)
    said = whole.set_piece_count(piece_count)
    require(pieces.set_piece_count(piece_count) == said, "another availability when cut")
    require(pieces.failed == whole.failed, "another end when cut, with the number of pieces")
    require_shown(whole.failed, 200, "the reason to close")
    require(not (whole.failed and said), "an availability in spite of a violation")
    for message in said:
        require(message[0] in _ABOUT_PIECES, f"late {messages.NAMES[message[0]]}")
        fit(message, piece_count, fast=fast)


def received(wire: Wire, chunks: Iterable[bytes]) -> List[Message]:
    """Return all messages, with blocks copied to bytes; the wire keeps no more bytes than it received."""
    found: List[Message] = []
    for chunk in chunks:
        memory = bytearray(chunk)
        data = memoryview(memory)
        while data or wire.held:
            for message in wire.receive(data):
                found += copied(message)
            memory[:] = bytes(len(memory))
            data = data[:0]
    return found


def copied(message: Message) -> List[Message]:
    """Return a message for each block of a PIECE, with the block copied, and for each REQUEST; others as they are."""
    kind, index, begin, blocks = message
    if kind == messages.REQUEST:
        return [(kind, *request) for request in index]
    if kind != messages.PIECE:
        return [message]
    require(len(blocks) == 1 or all(len(block) == BLOCK for block in blocks), "a run with a short block")
    return [(kind, index, begin + place * BLOCK, bytes(block)) for place, block in enumerate(blocks)]


def fit(message: Message, piece_count: int, *, fast: bool) -> None:
    """Require that a message is valid for this torrent."""
    kind, a, b, c = message
    if kind == messages.BITFIELD:
        Bitfield(piece_count, a)
    elif kind == messages.PIECE:
        require(a < piece_count and 0 < len(c) <= BLOCK, f"block of {len(c)} bytes of piece {a}")
    elif kind in _INDEXED or kind in _BLOCKS:
        require(a < piece_count, f"{messages.NAMES[kind]} of piece {a}")
    elif kind == messages.EXTENDED:
        require(len(b) < MAX_MESSAGE, f"extended message of {len(b)} bytes")
    else:
        require((a, b, c) == (0, 0, 0) or kind == messages.PORT, "fields of a message without any")
    require(fast or kind < messages.SUGGEST or kind == messages.EXTENDED, "a message of the fast extension")


def rewritten(message: Message) -> bytes:
    """Return the encoding of a message."""
    kind, a, b, c = message
    if kind in _BARE:
        return _BARE[kind]
    if kind in _INDEXED:
        return _INDEXED[kind](a)
    if kind in _BLOCKS:
        return _BLOCKS[kind](a, b, c)
    if kind == messages.BITFIELD:
        return messages.bitfield(a)
    if kind == messages.EXTENDED:
        return messages.extended(a, b)
    if kind == messages.PORT:
        return struct.pack(">IBH", 3, messages.PORT, a)
    return messages.piece_headers([(a, b, len(c))])[0] + bytes(c)


def spoken(piece_count: int) -> List[bytes]:
    """Return every message once, for a torrent of ``piece_count`` pieces."""
    last = max(0, piece_count - 1)
    bits = bytes(Bitfield.filled(piece_count))[:600]
    said: List[Any] = [*_BARE.values(), messages.bitfield(bits), messages.have(last)]
    said += [write(last, 0, BLOCK) for write in _BLOCKS.values()]
    said += [messages.piece_headers([(last, 0, 20)])[0] + bytes(20), messages.suggest(0), messages.allowed_fast(last)]
    said += [messages.extended(0, b"d1:md6:ut_pexi1eee"), struct.pack(">IBH", 3, messages.PORT, 6881), b"\0\0\0\1\x63"]
    return said


def seeds() -> List[bytes]:
    """Return each message alone and all together, for each torrent."""
    found = []
    for place, piece_count in enumerate(PIECE_COUNTS):
        said = spoken(piece_count)
        found += [bytes([place, 1, 1]) + each for each in said[5:]]
        found += [bytes([place, fast, 3]) + b"".join(said) for fast in (0, 1)]
        found.append(bytes([place, 1, 2]) + b"".join(said[7:]))
    return found


_HEADS: Tuple[bytes, ...] = tuple(struct.pack(">IB", 1, kind) for kind in range(22))
TARGET = Target(check, seeds, (*_HEADS, *spoken(1), struct.pack(">IB", 13, messages.PIECE), b"\0\0\0\0", b"\xff" * 4))
