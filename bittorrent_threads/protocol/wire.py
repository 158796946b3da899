"""The parser of everything that a peer sends after the handshake (BEP 3, BEP 6, BEP 10).

This is the hot path: a block costs one slice, and its bytes are not copied.  Therefore the view in a
PIECE points into the data given to ``receive`` and is valid only until that memory is used again.  A message that is
cut off at the end of the data is copied, and no other.  A call returns at most ``MAX_MESSAGES`` messages besides
blocks; a copy of the remaining bytes is ``held`` for the next call.

The parser checks each message against the number of pieces.  It does not check that ``begin`` and ``length`` lie inside
the piece, nor that a block was requested: the swarm layer does.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, List, Optional, Tuple, Union

from ..buffers import OwnedBuffer
from ..metainfo.metainfo import MAX_PIECES
from . import messages
from .early_availability import MAX_BITFIELD, EarlyAvailability
from .messages import BITFIELD, BLOCK_SIZE, EXTENDED, KEEPALIVE, NAMES, PIECE, PORT, REQUEST

Message = Tuple[int, Any, Any, Any]
"""``(kind, a, b, c)``; fields that are not named here are 0:

- PIECE: index, begin, list of the memoryview of the block; if neighbouring blocks of full length come directly one
  behind the other, they are one message, which has the begin of the first and the memoryviews of all
- REQUEST: list of ``(index, begin, length)``; requests that come directly one behind the other are one message
- CANCEL, REJECT: index, begin, length
- HAVE, SUGGEST, ALLOWED_FAST: index
- BITFIELD: packed bits as bytes
- EXTENDED: sub id, payload as bytes
- PORT: port number
"""

MAX_MESSAGE = 1024 * 1024
"""Bytes of the longest message taken, bitfields aside; libtorrent takes as many."""
MAX_PIECE_MESSAGE = 9 + BLOCK_SIZE
"""Bytes of the longest PIECE: no request is longer than a block."""
MAX_MESSAGES = 2048
"""Messages other than PIECE that one call returns: the caller handles so many in about 2 ms."""
MAX_UNKNOWN = 1000
"""Messages of unknown ids that are ignored: new ids may come into use, but a flood ends the connection."""

_START = struct.Struct(">IB")
_PIECE_START = struct.Struct(">IBII")
_NUMBER = struct.Struct(">I")
_BLOCK = struct.Struct(">III")
_REQUEST = struct.Struct(">5xIII")
_REQUEST_START = bytes((0, 0, 0, 13, REQUEST))
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
# BEP 10 has its handshake sent "immediately after" that of BEP 3, so clients send it before their bitfield, and some
# clients the DHT port as well.
_BEFORE_AVAILABILITY = frozenset({EXTENDED, PORT})


class Wire:
    """The receiving half of one connection.

    Args:
        piece_count: Number of pieces of the torrent, or None as long as its metadata is unknown.  Then indexes are only
            known to be below ``MAX_PIECES``, and the messages about the peer's pieces are kept in bounded memory until
            :meth:`set_piece_count` returns them.
        fast: Both ends set the bit of the fast extension (BEP 6).
        max_message: Bytes of the longest message taken, bitfields aside.
        objection: Returns why an extension message is not taken, given its id and the bytes of its payload (BEP 10);
            it is asked before memory is taken for the payload.
    """

    __slots__ = (
        "_early", "_held", "_max_message", "_objection_to", "_opening", "_partial", "_piece_count", "_sizes", "_target",
        "failed", "unknown",
    )  # fmt: skip

    def __init__(
        self,
        piece_count: Optional[int],
        *,
        fast: bool,
        max_message: int = MAX_MESSAGE,
        objection: Callable[[int, int], str] = lambda sub_id, size: "",
    ) -> None:
        self._early: Optional[EarlyAvailability] = None
        self._objection_to = objection
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
        """Empty, or the reason to close the connection."""
        self.unknown = 0
        """Number of messages that were ignored because of their id."""

    @property
    def partial(self) -> bool:
        """A message has begun and is incomplete."""
        return bool(self._partial)

    @property
    def held(self) -> int:
        """Bytes that wait for the next call of ``receive``, to which no new bytes need be given."""
        return len(self._held)

    @property
    def missing(self) -> int:
        """Bytes that the incomplete message needs at least; 0 if no message is incomplete."""
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

    def take_back(self, index: int) -> str:
        """The peer does not have a piece any more (BEP 54), and the number of pieces is not known.

        Args:
            index: The piece.

        Returns:
            The reason to close the connection, empty if there is none.

        Raises:
            ValueError: The number of pieces is known.
        """
        if self._early is None:
            raise ValueError("the number of pieces is known already")
        self._early.take_back(index)
        return self._early.failed

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
        """Parse bytes from the peer.

        Args:
            data: The next bytes; empty to parse what is ``held``.

        Returns:
            The messages that are complete, in order.  After a violation ``failed`` is set, the messages before it are
            returned, and later calls return nothing.
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
            # A buffer with a view into it cannot grow, so the next message gets another one.
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
        """Append the messages of ``view`` from ``pos`` on to ``found``; keep an incomplete message at the end."""
        end = len(view)
        piece_count = self._piece_count
        unpack = _PIECE_START.unpack_from
        append = found.append
        room = MAX_MESSAGES
        run: List[memoryview] = []
        run_index, run_end = -1, -1
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
                    if begin == run_end and index == run_index and length == MAX_PIECE_MESSAGE:
                        run.append(view[pos + 13 : stop])
                        run_end += BLOCK_SIZE
                    else:
                        run = [view[pos + 13 : stop]]
                        append((PIECE, index, begin, run))
                        run_index, run_end = index, begin + BLOCK_SIZE if length == MAX_PIECE_MESSAGE else -1
                        self._opening = False
                    pos = stop
                    continue
                run_end = -1
                if kind == REQUEST and length == 13 and index < piece_count and left >= 17:
                    # A peer asks for hundreds of blocks at once: 0.26 us each in runs of 64, one by one it was 0.5.
                    asked = _requests(view[pos : pos + 17 * min(left // 17, room)], piece_count)
                    append((REQUEST, asked, 0, 0))
                    self._opening = False
                    pos += 17 * len(asked)
                    room -= len(asked)
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
                if kind == EXTENDED:
                    if left == 5:
                        self._keep(view[pos:], 6)  # the id decides how long the message may be
                        return
                    self.failed = self._objection_to(view[pos + 5], length - 2)
                    if self.failed:
                        return
                self._keep(view[pos:], 4 + length)
                return
            message = self._message(kind, view[pos + 5 : stop])
            if message is not None:
                append(message)
            elif self.failed:
                return
            pos = stop

    def _keep(self, rest: memoryview, target: int) -> None:
        """Keep the beginning of a message until it has ``target`` bytes: first its prefix and id, then all of it."""
        self._partial = OwnedBuffer(rest)
        self._target = target

    def _objection(self, kind: int, length: int) -> str:
        """The violation that the first five bytes of a message show, before memory is taken for it; empty if none."""
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
        """Parse one message of the right size; None if it is ignored, or if ``failed`` was set because of it."""
        if kind in _BEFORE_AVAILABILITY:
            if kind == PORT:
                return (PORT, _PORT.unpack(payload)[0], 0, 0)
            self.failed = self._objection_to(payload[0], len(payload) - 1)
            if self.failed:
                return None
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


def _requests(view: memoryview, piece_count: int) -> List[Tuple[int, int, int]]:
    """The requests at the begin of ``view``, the first of which is known to be one for an existing piece."""
    data = bytes(view)  # columns of bytes are taken ten times faster than those of a memoryview
    count = len(data) // 17
    for place in range(5) if count > 1 else ():
        # How many messages have the right byte at this place.
        column = data[place : 17 * count : 17]
        count -= len(column.lstrip(_REQUEST_START[place : place + 1]))
    found = list(_REQUEST.iter_unpack(data[: 17 * count]))
    if max(found)[0] >= piece_count:
        # The first request for a piece that does not exist ends the connection, after those before it.
        del found[next(at for at, request in enumerate(found) if request[0] >= piece_count) :]
    return found
