"""The messages in which peers send each other the metadata of a torrent, its info dictionary (BEP 9, ``ut_metadata``).

The metadata is cut into pieces of 16 KiB.  A message is a bencoded dictionary; behind that of a DATA message follow the
bytes of the piece.  A message is at most ``MAX_MESSAGE`` bytes, and the decoder stops after ``MAX_TOKENS`` tokens, so
that its cost is bounded by a few microseconds.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from ..errors import BencodeError
from ..metainfo import bencode

NAME = "ut_metadata"
SIZE_KEY = b"metadata_size"
"""The key of the extension handshake with the number of bytes."""
PIECE_SIZE = 16 * 1024
"""Bytes of every piece of the metadata but the last."""
REQUEST, DATA, REJECT = 0, 1, 2
"""The types of messages."""
UNKNOWN = -1
"""A type that a later version may define: such a message is to be ignored (BEP 9)."""

MAX_HEAD = 1024
"""Bytes of the dictionary of a message; a usual one has 50."""
USUAL_HEAD = 64
"""Bytes of the dictionary of a message that are charged as decoded; ``MAX_TOKENS`` bounds the cost of more."""
MAX_MESSAGE = MAX_HEAD + PIECE_SIZE
MAX_DEPTH = 5
MAX_TOKENS = 50
"""Limits of the decoder; a usual message has eight tokens."""
MAX_NUMBER = 2**31 - 1
"""Greatest piece or size taken, far beyond every limit on the size of metadata."""


class MetadataMessage(NamedTuple):
    """One message."""

    kind: int = UNKNOWN
    """REQUEST, DATA, REJECT or UNKNOWN."""
    piece: int = 0
    """Index of the piece of the metadata."""
    total_size: int = 0
    """Bytes of the whole metadata, in a DATA message; 0 if it does not say."""
    data: bytes = b""
    """The bytes of the piece, in a DATA message."""
    failed: str = ""
    """What is wrong with the message, as the reason to close the connection; then no other field is set."""


def parse(payload: bytes) -> MetadataMessage:
    """Decode one message from an untrusted peer; sets ``failed`` instead of raising."""
    try:
        said, end = bencode.decode_prefix(payload, max_depth=MAX_DEPTH, max_tokens=MAX_TOKENS, sorted_keys=False)
    except BencodeError as error:
        return MetadataMessage(failed=f"{NAME} message: {error}")
    if not isinstance(said, dict):
        return MetadataMessage(failed=f"{NAME} message: not a dictionary")
    if end > MAX_HEAD:
        return MetadataMessage(failed=f"{NAME} message: a dictionary of {end} bytes, more than {MAX_HEAD}")
    kind = said.get(b"msg_type")
    if not isinstance(kind, int):
        return MetadataMessage(failed=f"{NAME} message without a type")
    if kind not in (REQUEST, DATA, REJECT):
        return MetadataMessage()
    piece, total_size = _number(said.get(b"piece")), _number(said.get(b"total_size", 0))
    if piece < 0:
        return MetadataMessage(failed=f"{NAME} message without the index of a piece")
    if kind != DATA:
        return MetadataMessage(kind, piece)
    if total_size < 0 or not 0 < len(payload) - end <= PIECE_SIZE:
        return MetadataMessage(failed=f"{NAME} piece of {len(payload) - end} bytes of {total_size}")
    return MetadataMessage(DATA, piece, total_size, payload[end:])


def request(piece: int) -> bytes:
    """The message that asks for a piece."""
    return bencode.encode({b"msg_type": REQUEST, b"piece": piece})


def data(piece: int, total_size: int, block: bytes) -> bytes:
    """The message that has a piece of metadata of ``total_size`` bytes."""
    return bencode.encode({b"msg_type": DATA, b"piece": piece, b"total_size": total_size}) + block


def reject(piece: int) -> bytes:
    """The message that says that a piece is not sent."""
    return bencode.encode({b"msg_type": REJECT, b"piece": piece})


def claimed_size(extra: Mapping[bytes, Any]) -> int:
    """The size of the metadata that an extension handshake tells; 0 if it tells none.

    Args:
        extra: The keys of the handshake that are not those of BEP 10 itself.
    """
    size = extra.get(SIZE_KEY)
    return size if isinstance(size, int) and 0 < size <= MAX_NUMBER else 0


def piece_count(size: int) -> int:
    """The number of pieces of metadata of so many bytes."""
    return -(-size // PIECE_SIZE)


def piece_size(piece: int, size: int) -> int:
    """Bytes of one piece of metadata of ``size`` bytes; 0 or less if there is no such piece."""
    return min(PIECE_SIZE, size - piece * PIECE_SIZE)


def _number(value: object) -> int:
    # -1 for what is none.
    return value if isinstance(value, int) and 0 <= value <= MAX_NUMBER else -1
