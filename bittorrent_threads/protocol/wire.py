"""What a peer sends after the handshake, cut into messages (BEP 3, BEP 6, BEP 10).

This is the hot path: a block costs one tuple and one slice, and its bytes are not touched.  Hence the rule: the
view in a PIECE points into the data given to ``receive`` and is good only until that memory is used again.  Of a
message cut off at the end of the data a copy is kept, and only that message is copied when its rest arrives.  A call
returns ``MAX_MESSAGES`` at most, blocks aside; a copy of the rest is ``held`` for the next call.

Checked here is all that can be known from a message and the number of pieces.  Whether ``begin`` and ``length``
lie inside the piece, and whether a block was asked for, the swarm knows.
"""

from __future__ import annotations

import struct
from typing import Any, List, Optional, Tuple, Union

from ..buffers import OwnedBuffer
from ..metainfo.metainfo import MAX_PIECES
from . import messages
from .early_availability import MAX_BITFIELD, EarlyAvailability
from .messages import BITFIELD, BLOCK_SIZE, EXTENDED, KEEPALIVE, NAMES, PIECE, PORT, REQUEST

Message = Tuple[int, Any, Any, Any]
"""``(kind, a, b, c)``, where what is not named here is 0:

- PIECE: index, begin, memoryview of the block
- REQUEST, CANCEL, REJECT: index, begin, length
- HAVE, SUGGEST, ALLOWED_FAST: index
- BITFIELD: packed bits as bytes
- EXTENDED: sub id, payload as bytes
- PORT: port number
"""

MAX_MESSAGE = 1024 * 1024
"""Longest message taken, bitfields aside (limits: peer message length)."""
MAX_PIECE_MESSAGE = 9 + BLOCK_SIZE
"""Longest PIECE: no request asks for more than a block."""
MAX_MESSAGES = 2048
"""Messages other than PIECE returned at once: what they cost the caller is about 2 ms of the network thread."""
MAX_UNKNOWN = 1000
"""Messages of unknown ids ignored before the peer is given up: new ids may come (BEP 10), floods may not."""

_START = struct.Struct(">IB")
_PIECE_START = struct.Struct(">IBII")
_NUMBER = struct.Struct(">I")
_BLOCK = struct.Struct(">III")
_PORT = struct.Struct(">H")

_SIZES = {
    messages.CHOKE: 1,
    messages.UNCHOKE: 1,
    messages.INTERESTED: 1,
    messages.NOT_INTERESTED: 1,
    messages.HAVE: 5,
    messages.REQUEST: 13,
    messages.CANCEL: 13,
    messages.PORT: 3,
}
_FAST_SIZES = {
    messages.SUGGEST: 5,
    messages.HAVE_ALL: 1,
    messages.HAVE_NONE: 1,
    messages.REJECT: 13,
    messages.ALLOWED_FAST: 5,
}
_BARE = {kind: (kind, 0, 0, 0) for kind, size in {**_SIZES, **_FAST_SIZES}.items() if size == 1}
_KEEPALIVE = (KEEPALIVE, 0, 0, 0)
_NAMING_PIECE = frozenset({messages.HAVE, messages.SUGGEST, messages.ALLOWED_FAST})
# BEP 10 wants its handshake "immediately after" the other one, so clients send it before their bitfield, and some
# the DHT port as well.
_BEFORE_AVAILABILITY = frozenset({EXTENDED, PORT})


class Wire:
    """The receiving half of one connection.

    Args:
        piece_count: Number of pieces of the torrent, or None as long as its metadata is unknown.  Then indexes are only
            known to be below ``MAX_PIECES``, and the messages about the peer's pieces are kept in bounded memory until
            :meth:`set_piece_count` returns them.
        fast: Both ends set the bit of the fast extension (BEP 6).
        max_message: Bytes of the longest message taken, bitfields aside.
    """

    __slots__ = (
        "_early", "_held", "_max_message", "_opening", "_partial", "_piece_count", "_sizes", "_target",
        "failed", "unknown",
    )  # fmt: skip

    def __init__(self, piece_count: Optional[int], *, fast: bool, max_message: int = MAX_MESSAGE) -> None:
        self._early: Optional[EarlyAvailability] = None
        self._piece_count = MAX_PIECES
        self._max_message = max_message
        self._sizes = {**_SIZES, **_FAST_SIZES} if fast else dict(_SIZES)
        if piece_count is None:
            self._early = EarlyAvailability()
        else:
            self._limit(piece_count)
        self._opening = True
        self._partial = OwnedBuffer()
        self._target = 0
        self._held = memoryview(b"")
        self.failed = ""
        """Empty, or the reason why nothing more is read from this peer."""
        self.unknown = 0
        """Messages ignored because of their id."""

    @property
    def partial(self) -> bool:
        """A message has begun and is incomplete; how long it may stay so is the engine's to time."""
        return bool(self._partial)

    @property
    def held(self) -> int:
        """Bytes that wait for the next call of ``receive``, which may bring nothing new."""
        return len(self._held)

    @property
    def missing(self) -> int:
        """Bytes that the incomplete message needs at least; 0 if there is none."""
        return self._target - len(self._partial) if self._partial else 0

    def set_piece_count(self, piece_count: int) -> List[Message]:
        """Tell the number of pieces to a wire that was made without.

        Args:
            piece_count: Number of pieces of the torrent.

        Returns:
            What the peer has said about its pieces so far, as messages of :meth:`receive`: at most one BITFIELD, HAVE
            ALL or HAVE NONE, then SUGGEST and ALLOWED FAST.  ``failed`` is set if it does not fit the torrent.

        Raises:
            ValueError: The number of pieces is known already.
        """
        if self._early is None:
            raise ValueError("the number of pieces is known already")
        early, self._early = self._early, None
        self._limit(piece_count)
        if self.failed:
            return []
        said = early.settle(piece_count)
        self._check_early(early)
        return said

    def _check_early(self, early: EarlyAvailability) -> None:
        if early.failed:
            # It was found behind the parser, which may have kept the beginning of what follows.
            self.failed = early.failed
            self._partial = OwnedBuffer()
            self._held = memoryview(b"")

    def _limit(self, piece_count: int) -> None:
        self._piece_count = piece_count
        self._sizes[BITFIELD] = 1 + (piece_count + 7) // 8

    def receive(self, data: Union[bytes, bytearray, memoryview]) -> List[Message]:
        """The messages that ``data`` completes, in order.

        After a violation ``failed`` is set; the messages before it are still returned, later calls return nothing.
        """
        found: List[Message] = []
        if self.failed:
            return found
        view = memoryview(data)
        if self._held:
            view = memoryview(b"".join((self._held, view))) if view else self._held
            self._held = memoryview(b"")
        start = 0
        while self._partial:
            stop = start + self._target - len(self._partial)
            self._partial += view[start:stop]
            if stop > len(view):
                break
            start = stop
            # A bytearray that a block points into cannot grow: what comes next gets one of its own.
            message = memoryview(self._partial)
            self._partial = OwnedBuffer()
            self._parse(message, 0, found)
            if self.failed:
                break
        else:
            self._parse(view, start, found)
        if self._early is not None:
            found = self._early.take(found)
            self._check_early(self._early)
        return found

    def _parse(self, view: memoryview, pos: int, found: List[Message]) -> None:  # noqa: C901 - hot path
        """Append the messages of ``view`` from ``pos`` on to ``found``; what is incomplete at the end is kept."""
        end = len(view)
        piece_count = self._piece_count
        unpack = _PIECE_START.unpack_from
        unpack_length = _NUMBER.unpack_from
        append = found.append
        room = MAX_MESSAGES
        while pos < end:
            if not room:
                rest = view[pos:]
                self._held = rest if isinstance(view.obj, bytes) else memoryview(bytes(rest))
                return
            left = end - pos
            if left >= 13:
                length, kind, index, begin = unpack(view, pos)
                if kind == PIECE and 9 < length <= MAX_PIECE_MESSAGE and index < piece_count:
                    stop = pos + 4 + length
                    if stop > end:
                        self._keep(view[pos:], 4 + length)
                        return
                    append((PIECE, index, begin, view[pos + 13 : stop]))
                    self._opening = False
                    pos = stop
                    continue
                if kind == REQUEST and length == 13 and index < piece_count and left >= 17:
                    # 0.3 us; in the general way below it takes 0.8.
                    append((REQUEST, index, begin, unpack_length(view, pos + 13)[0]))
                    self._opening = False
                    pos += 17
                    room -= 1
                    continue
            elif left > 4:
                length, kind = _START.unpack_from(view, pos)
            elif left == 4 and not any(view[pos:]):
                append(_KEEPALIVE)
                return
            else:
                self._keep(view[pos:], 5 if left == 4 else 4)
                return
            room -= 1
            if length == 0:
                append(_KEEPALIVE)
                pos += 4
                continue
            self.failed = self._objection(kind, length)
            if self.failed:
                return
            stop = pos + 4 + length
            if stop > end:
                self._keep(view[pos:], 4 + length)
                return
            message = self._message(kind, view[pos + 5 : stop])
            if message is not None:
                append(message)
            elif self.failed:
                return
            pos = stop

    def _keep(self, rest: memoryview, target: int) -> None:
        """Hold the beginning of a message until it has ``target`` bytes: prefix, then id, then all of it."""
        self._partial = OwnedBuffer(rest)
        self._target = target

    def _objection(self, kind: int, length: int) -> str:
        """Why a message must not be taken, seen from its first five bytes: nothing too long is ever kept."""
        size = self._sizes.get(kind)
        if size is not None:
            if length != size:
                return f"{NAMES[kind]} message of {length} bytes instead of {size}"
            if kind == messages.HAVE_NONE and not self._opening:
                return f"{NAMES[kind]} after other messages"
            return ""
        if kind == PIECE:
            if 9 < length <= MAX_PIECE_MESSAGE:
                return ""
            return f"piece message of {length} bytes, not 10 to {MAX_PIECE_MESSAGE}"
        if kind == BITFIELD:
            most = 1 + MAX_BITFIELD
            return f"{NAMES[kind]} message of {length} bytes, more than {most}" if length > most else ""
        if kind in _FAST_SIZES:
            return f"{NAMES[kind]} message without the fast extension"
        if kind == EXTENDED and length < 2:
            return "extended message without an id"
        if length > self._max_message:
            return f"message of {length} bytes, more than {self._max_message}"
        return ""

    def _message(self, kind: int, payload: memoryview) -> Optional[Message]:
        """One message of the right size; None when it is ignored, or ``failed`` was set because of it."""
        if kind in _BEFORE_AVAILABILITY:
            if kind == PORT:
                return (PORT, _PORT.unpack(payload)[0], 0, 0)
            return (EXTENDED, payload[0], bytes(payload[1:]), 0)
        if kind not in NAMES:
            self.unknown += 1
            if self.unknown > MAX_UNKNOWN:
                self.failed = f"{self.unknown} messages of unknown ids"
            return None
        self._opening = False
        if kind in _BARE:
            return _BARE[kind]
        if kind == BITFIELD:
            if payload and payload[-1] & ((1 << -self._piece_count % 8) - 1):
                self.failed = f"bitfield with bits set beyond its {self._piece_count} pieces"
                return None
            return (BITFIELD, bytes(payload), 0, 0)
        (index,) = _NUMBER.unpack_from(payload)
        if index >= self._piece_count:
            self.failed = f"{NAMES[kind]} of piece {index}, there are {self._piece_count}"
            return None
        if kind in _NAMING_PIECE:
            return (kind, index, 0, 0)
        _, begin, length = _BLOCK.unpack(payload)
        return (kind, index, begin, length)
