"""``Mutator`` makes inputs by random mutations of seeds, for runs without coverage."""

from __future__ import annotations

import random
from typing import Sequence

NUMBERS = (0, 1, 2, 7, 8, 9, 13, 19, 20, 21, 255, 256, 16384, 16385, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
"""Boundary values of fields."""
DIGITS = (b"0", b"-1", b"00", b"1", b"9", b"20", b"65536", b"4294967296", b"9223372036854775807", b"9" * 25, b"1e9")


class Mutator:
    """An endless sequence of inputs of at most ``longest`` bytes, determined by ``random``."""

    def __init__(self, random: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes], longest: int) -> None:
        self._random = random
        self._seeds = list(seeds) or [b""]
        self._tokens = list(tokens) or [b"\0"]
        self._longest = longest

    def next(self) -> bytes:
        """Return the next input."""
        chance = self._random
        data = bytearray(chance.choice(self._seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 9))):
            chance.choice(_WAYS)(self, data)
        return bytes(data[: self._longest])

    def _place(self, data: bytearray) -> int:
        # The first bytes select the parameters, so they are mutated more often than others.
        return self._random.randrange(min(len(data), 8) + 1 if self._random.random() < 0.2 else len(data) + 1)

    def _run(self, data: bytearray) -> slice:
        at = self._place(data)
        return slice(at, at + self._random.choice((1, 1, 2, 4, 8, 20, 64, 256)))

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def _set(self, data: bytearray) -> None:
        if data:
            data[min(self._place(data), len(data) - 1)] = self._random.randrange(256)

    def _token(self, data: bytearray) -> None:
        at = self._place(data)
        token = self._random.choice(self._tokens)
        data[at : at + len(token) * self._random.randrange(2)] = token

    def _delete(self, data: bytearray) -> None:
        del data[self._run(data)]

    def _repeat(self, data: bytearray) -> None:
        run = self._run(data)
        data[run.start : run.start] = data[run] * self._random.choice((1, 1, 2, 3, 30))

    def _splice(self, data: bytearray) -> None:
        other = self._random.choice(self._seeds)
        data[self._place(data) :] = other[self._random.randrange(len(other) + 1) :]

    def _cut(self, data: bytearray) -> None:
        del data[self._place(data) :]

    def _number(self, data: bytearray) -> None:
        at, size = self._place(data), self._random.choice((1, 2, 4, 4, 8))
        data[at : at + size] = (self._random.choice(NUMBERS) & ((1 << 8 * size) - 1)).to_bytes(size, "big")

    def _digits(self, data: bytearray) -> None:
        starts = [at for at, byte in enumerate(data) if 0x30 <= byte <= 0x39]
        if starts:
            at = self._random.choice(starts)
            data[at : at + 1] = self._random.choice(DIGITS)

    def _noise(self, data: bytearray) -> None:
        data[self._run(data)] = self._random.getrandbits(8 * 12).to_bytes(12, "big")[: self._random.randrange(13)]


_WAYS = (
    *(Mutator._flip, Mutator._set, Mutator._token, Mutator._token, Mutator._delete, Mutator._repeat),
    *(Mutator._splice, Mutator._cut, Mutator._number, Mutator._digits, Mutator._noise),
)
