"""Bencoding (BEP 3): a strict decoder, and an encoder that checks values and calls the package ``bencoder``.

The decoder is iterative and takes linear time: each step consumes input, no string is longer than the remaining input,
and depth and number of tokens have limits, so the cost of a message is bounded by its size.  The decoder of
``bencoder`` is not used: it is recursive and quadratic, and takes truncated strings for whole ones.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..buffers import Buffer as Buffer
from ..errors import BencodeError
from .encoder import encoder

MAX_DEPTH = 100
"""Lists and dictionaries inside each other; libtorrent takes as many."""
MAX_TOKENS = 2_000_000
"""Strings, integers, and beginnings and ends of containers in one value: so many take at most 0.8 s and 160 MB.

A list or dictionary counts as one more, for the memory it takes, and as two more in a dictionary.  An entry of the file
list counts as three more, for the memory of the parsed file.
"""
BYTES_PER_TOKEN = 6
"""A long .torrent may have one token for so many bytes: a hybrid torrent of many files (BEP 52) has one for 6.3."""

_INT64 = 2**63
_COLON, _END, _INTEGER, _LIST, _DICTIONARY, _MINUS = b":eild-"
_WHITESPACE = b" \t\r\n"


class Document(NamedTuple):
    """A decoded .torrent file, and where in its bytes the hashed value is."""

    value: Any
    span: Tuple[int, int]
    """Begin and end of the hashed list or dictionary; both 0 if there is none."""


def decode(data: Buffer, *, max_depth: int = MAX_DEPTH, max_tokens: int = MAX_TOKENS, sorted_keys: bool = True) -> Any:
    """Decode one value in canonical bencoding.

    Args:
        data: The bencoding of one value, and no bytes behind it.
        max_depth: Lists and dictionaries inside each other.
        max_tokens: Strings, integers, and beginnings and ends of containers.
        sorted_keys: Refuse dictionaries whose keys are not sorted; a key that occurs twice is always refused.

    Returns:
        An int of 64 bits, bytes, a list, or a dict with bytes as keys.

    Raises:
        BencodeError: The bytes are not canonical bencoding, or exceed a limit.
    """
    value, end = decode_prefix(data, max_depth=max_depth, max_tokens=max_tokens, sorted_keys=sorted_keys)
    if end != len(data):
        raise BencodeError(f"{len(data) - end} bytes follow the value", end)
    return value


def decode_prefix(
    data: Buffer, *, max_depth: int = MAX_DEPTH, max_tokens: int = MAX_TOKENS, sorted_keys: bool = True
) -> Tuple[Any, int]:
    """Decode the value at the beginning of a message that has a payload behind it; arguments as of :func:`decode`.

    Returns:
        The value, and the offset of the first byte behind it.

    Raises:
        BencodeError: The bytes do not begin with a canonical value, or exceed a limit.
    """
    return _Scanner(bytes(data), max_depth, max_tokens, sorted_keys=sorted_keys).scan()


def document_tokens(size: int, room: int = 0) -> int:
    """The tokens that a .torrent file may have: more than ``MAX_TOKENS`` in a long file, or if the caller has room.

    Args:
        size: Bytes of the file.
        room: Bytes by which the caller raised the limit of the size above its default; a torrent of very many files
            has a token for two bytes of it.
    """
    return max(MAX_TOKENS, size // BYTES_PER_TOKEN, room // 2)


def decode_document(data: Buffer, hashed: bytes, *, max_tokens: int = MAX_TOKENS) -> Document:
    """Decode a .torrent file, as leniently as other clients do.

    Keys may be in any order and occur twice (the last counts), and white space may follow the value.  Inside the hashed
    value, and for its key, a second occurrence is refused: clients that take the first and clients that take the last
    would see two torrents with one hash.

    Args:
        data: The bytes of the file.
        hashed: The key of the outermost dictionary whose value is hashed.
        max_tokens: As in :func:`decode`; see :func:`document_tokens`.

    Returns:
        The value, and where the hashed value is.

    Raises:
        BencodeError: The bytes are not such a file, or exceed a limit.
    """
    data = bytes(data)
    scanner = _Scanner(data, MAX_DEPTH, max_tokens, sorted_keys=False, hashed=hashed)
    value, end = scanner.scan()
    if data[end:].strip(_WHITESPACE):
        raise BencodeError(f"{len(data) - end} bytes follow the value", end)
    return Document(value, scanner.span)


_match_length = re.compile(rb"(0|[1-9][0-9]{0,9}):").match
_match_integer = re.compile(rb"i(0|-?[1-9][0-9]{0,18})e").match
_match_file = re.compile(rb"d6:lengthi(0|[1-9][0-9]{0,17})e4:pathl").match


class _Scanner:
    """Decodes one buffer in one pass."""

    def __init__(
        self, data: bytes, max_depth: int, max_tokens: int, *, sorted_keys: bool, hashed: Optional[bytes] = None
    ) -> None:
        # If ``hashed`` is given, keys outside of its value may occur twice.
        self.data = data
        self.max_depth = max_depth
        self.max_tokens = max_tokens
        self.sorted_keys = sorted_keys
        self.hashed = hashed
        self.span = (0, 0)

    def scan(self) -> Tuple[Any, int]:
        """The first value of the buffer, and its end."""
        head = self.data[:1]
        if head in (b"d", b"l"):
            return self._container(head == b"d")
        if head == b"i":
            return self._integer(0)
        if not head.isdigit():
            raise self._unexpected(0)
        begin, end = self._any_string(0)
        if end > len(self.data):
            raise self._cut_short(end)
        return self.data[begin:end], end

    def _container(self, keyed: bool) -> Tuple[Any, int]:  # noqa: C901 - hot path, without further calls
        # The hot loop.  The end of a string is not compared with the end of the data: if a string is cut short, ``pos``
        # is behind the data, and the next step raises IndexError.
        data = self.data
        # ``top`` is the innermost list or dictionary and ``start`` its offset.  In a dictionary, ``key`` is the key of
        # the next value, and ``last`` the greatest key so far.
        top: Any = {} if keyed else []
        start, pos = 0, 1
        key: Optional[bytes] = None
        last = b""
        enclosing: List[Tuple[Any, int, Optional[bytes], bytes]] = []
        tokens = self.max_tokens
        try:
            while tokens > 0:
                tokens -= 1
                byte = data[pos]
                if 0x30 <= byte <= 0x39:
                    begin, end = self._string(pos)
                    value: Any = data[begin:end]
                    if keyed and key is None:
                        key = value
                        if value > last:
                            last = value
                        elif top:
                            self._check_key(value, top, pos, enclosing[0][2] if enclosing else value)
                        pos = end
                        continue
                    pos = end
                elif byte == _END:
                    if key is not None:
                        raise BencodeError(f"dictionary key {_shown(key)} has no value", pos)
                    pos += 1
                    if not enclosing:
                        return top, pos
                    value, begin = top, start
                    top, start, key, last = enclosing.pop()
                    keyed = key is not None
                    if key is not None and key == self.hashed and not enclosing:
                        self.span = (begin, pos)
                elif keyed and key is None:
                    raise BencodeError("a dictionary key must be a string", pos)
                elif byte == _INTEGER:
                    end = data.find(b"e", pos, pos + 20)
                    digits = data[pos + 1 : end] if end > 0 else b""
                    if digits.isdigit() and (digits[0] != 0x30 or digits == b"0"):
                        value, pos = int(digits), end + 1
                    else:
                        value, pos = self._integer(pos, digits)
                elif byte in (_DICTIONARY, _LIST):
                    room = self.max_depth - len(enclosing)
                    usual = self._usual_file(pos) if room > 2 and not keyed and byte == _DICTIONARY else None
                    if usual is None or usual[1] > tokens + 1:  # one is counted already
                        if room < 2:
                            raise BencodeError(f"more than {self.max_depth} levels deep", pos)
                        tokens -= 2 if keyed else 1  # with its key it takes as long as three values
                        enclosing.append((top, start, key, last))
                        keyed = byte == _DICTIONARY
                        top = {} if keyed else []
                        start, key, last = pos, None, b""
                        pos += 1
                        continue
                    value, used, pos = usual
                    tokens -= used - 1
                else:
                    raise self._unexpected(pos)
                if key is None:
                    top.append(value)
                else:
                    top[key] = value
                    key = None
        except IndexError:
            raise self._cut_short(pos) from None
        raise BencodeError(f"more than {self.max_tokens} tokens", pos)

    def _usual_file(self, pos: int) -> Optional[Tuple[Any, int, int]]:
        # An entry of the file list in the usual form, its number of tokens and its end; None for another form.  This
        # halves the time for a torrent of 20,000 files, which has 180,000 tokens.
        match = _match_file(self.data, pos)
        if match is None:
            return None
        data, path, pos = self.data, [], match.end()
        try:
            byte = data[pos]
            while byte != _END:
                begin, end = self._string(pos)
                path.append(data[begin:end])
                pos = end
                byte = data[pos]
            if data[pos + 1] == _END:
                return {b"length": int(match[1]), b"path": path}, 10 + len(path), pos + 2
        except (IndexError, BencodeError):
            pass  # the loop raises the error with the reason
        return None

    def _check_key(self, key: bytes, earlier: Dict[bytes, Any], pos: int, outermost: Optional[bytes]) -> None:
        # Called for a key that is not greater than all before it; ``outermost`` is the key in the outermost dictionary.
        if key in earlier:
            if self.hashed is None or outermost == self.hashed:
                raise BencodeError(f"dictionary key {_shown(key)} occurs twice", pos, (self.hashed or b"").decode())
        elif self.sorted_keys:
            raise BencodeError(f"dictionary key {_shown(key)} is out of order", pos)

    def _string(self, pos: int) -> Tuple[int, int]:
        # Begin and end of the text.  Lengths of one and two digits are read without a regular expression.
        data = self.data
        first, second = data[pos], data[pos + 1]
        if second == _COLON and 0x30 <= first <= 0x39:
            return pos + 2, pos + 2 + first - 0x30
        if data[pos + 2] == _COLON and 0x31 <= first <= 0x39 and 0x30 <= second <= 0x39:
            return pos + 3, pos + 3 + first * 10 + second - 0x210
        return self._any_string(pos)

    def _any_string(self, pos: int) -> Tuple[int, int]:
        match = _match_length(self.data, pos)
        if match is None:
            raise BencodeError(f"not a canonical string length: {_shown(self.data[pos : pos + 12])}", pos)
        return match.end(), match.end() + int(match[1])

    def _integer(self, pos: int, digits: bytes = b"") -> Tuple[int, int]:
        # ``digits`` is the text of an integer that ends within 20 bytes; a regular expression takes twice as long.
        figures = digits[1:]
        if figures.isdigit() and digits[0] == _MINUS and figures[0] != 0x30:
            return -int(figures), pos + len(digits) + 2
        match = _match_integer(self.data, pos)
        if match is None:
            raise BencodeError(f"not a canonical integer of 64 bits: {_shown(self.data[pos : pos + 24])}", pos)
        value = int(match[1])
        if not -_INT64 <= value < _INT64:
            raise BencodeError(f"{value} is not an integer of 64 bits", pos)
        return value, match.end()

    def _cut_short(self, pos: int) -> BencodeError:
        size = len(self.data)
        missing = f"{pos - size} bytes of a string are missing" if pos > size else "the data ends inside a value"
        return BencodeError(missing, size)

    def _unexpected(self, pos: int) -> BencodeError:
        found = self.data[pos : pos + 1]
        return BencodeError(f"no value begins with {_shown(found)}" if found else "there is no data", pos)


def _shown(text: bytes) -> str:
    return repr(text if len(text) <= 40 else text[:40] + b"...")[1:]


def encode(value: object) -> bytes:
    """Encode a value.

    Args:
        value: int, bool (encoded as 0 or 1), str (encoded as UTF-8), bytes, list, tuple, or dict with str or bytes as
            keys, which are sorted.

    Raises:
        TypeError: A value or a key is of another type.
        ValueError: :func:`decode` would refuse the result: an integer has more than 64 bits, two keys are equal, or
            containers are too deep.
    """
    return encoder(_plain(value, MAX_DEPTH))


def _plain(value: object, depth: int) -> Any:
    # bencoder writes True as "iTruee" and an IntEnum by its name, and takes only ASCII text.
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise ValueError(f"{value:#x} is not an integer of 64 bits")
        return int(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if not isinstance(value, (list, tuple, dict)):
        raise TypeError(f"cannot bencode {type(value).__name__}: {value!r:.80}")
    if not depth:
        raise ValueError(f"more than {MAX_DEPTH} levels deep")
    if not isinstance(value, dict):
        return [_plain(item, depth - 1) for item in value]
    plain: Dict[bytes, Any] = {}
    for key, item in value.items():
        if not isinstance(key, (bytes, str)):
            raise TypeError(f"a dictionary key must be bytes or str, not {type(key).__name__}: {key!r:.80}")
        name = _plain(key, depth)
        if name in plain:
            raise ValueError(f"two dictionary keys are {_shown(name)}")
        plain[name] = _plain(item, depth - 1)
    return plain
