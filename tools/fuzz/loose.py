"""Bencoding that cannot be malformed: every byte string stands for a value, so that a mutation of one gives another.

Mutated bencoding hardly ever decodes, as lengths and ends do not fit any more.  Here a value is an opcode and what
follows it; what is missing at the end of the data is empty.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .choices import Choices

_END, _DICTIONARY, _LIST, _SMALL, _WIDE, _WORD, _STRING, _LONG = range(8)
_MOST_DEPTH = 105


def written(choices: Choices, words: Sequence[bytes]) -> bytes:
    """The bencoding of the value that ``choices`` stand for; its keys are neither sorted nor always different."""
    parts: List[bytes] = []
    _write(choices, words, parts, 0)
    return b"".join(parts)


def _write(choices: Choices, words: Sequence[bytes], parts: List[bytes], depth: int) -> bool:
    # False at the end of a container, where nothing is written.
    opcode = choices.below(8) if choices else _END
    if opcode == _END or depth > _MOST_DEPTH:
        if not depth:
            parts.append(b"de")
        return False
    if opcode == _DICTIONARY:
        parts.append(b"d")
        while choices:
            key = choices.byte()
            if key == 0xFF:
                break
            parts.append(_string(words[key % len(words)]))
            if not _write(choices, words, parts, depth + 1):
                parts.append(b"i0e")
        parts.append(b"e")
    elif opcode == _LIST:
        parts.append(b"l")
        while _write(choices, words, parts, depth + 1):
            pass
        parts.append(b"e")
    else:
        parts.append(_scalar(opcode, choices, words))
    return True


def _scalar(opcode: int, choices: Choices, words: Sequence[bytes]) -> bytes:
    if opcode == _SMALL:
        return b"i%de" % choices.byte()
    if opcode == _WIDE:
        return b"i%de" % int.from_bytes(choices.take(8), "big", signed=True)
    if opcode == _WORD:
        return _string(words[choices.below(len(words))])
    if opcode == _STRING:
        return _string(choices.take(choices.byte()))
    return _string(choices.take(choices.byte()) * (1 + choices.byte()))


def _string(text: bytes) -> bytes:
    return b"%d:%s" % (len(text), text)


def recipe(value: Any, words: Sequence[bytes]) -> bytes:
    """What :func:`written` makes ``value`` of, if its keys are all ``words`` and no string is long and irregular."""
    places: Dict[bytes, int] = {word: place for place, word in enumerate(words)}
    if isinstance(value, int):
        small = 0 <= value < 256
        return bytes([_SMALL, value]) if small else bytes([_WIDE]) + value.to_bytes(8, "big", signed=True)
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        if value in places:
            return bytes([_WORD, places[value]])
        if len(value) < 256:
            return bytes([_STRING, len(value)]) + value
        return bytes([_LONG, 20]) + value[:20] + bytes([min(255, len(value) // 20 - 1)])
    if isinstance(value, dict):
        pairs = [(key.encode() if isinstance(key, str) else key, item) for key, item in value.items()]
        return bytes([_DICTIONARY]) + b"".join(bytes([places[k]]) + recipe(v, words) for k, v in pairs) + b"\xff"
    return bytes([_LIST]) + b"".join(recipe(item, words) for item in value) + bytes([_END])
