"""Ways to split a stream into chunks; the result of a parser must not depend on them."""

from __future__ import annotations

import random
from typing import Iterator, List


def random_chunks(data: bytes, seed: int, longest: int) -> List[bytes]:
    """Return ``data`` in random chunks of 1 to ``longest`` bytes."""
    chance = random.Random(seed)
    chunks = []
    while data:
        size = chance.randint(1, longest)
        chunks.append(data[:size])
        data = data[size:]
    return chunks


def cuts(data: bytes) -> Iterator[List[bytes]]:
    """Yield the data whole, byte by byte, split in two at several places, and in random chunks."""
    yield [data]
    yield [data[pos : pos + 1] for pos in range(len(data))]
    for pos in range(1, min(len(data), 40)):
        yield [data[:pos], data[pos:]]
    for seed in range(5):
        yield random_chunks(data, seed, 3 + seed * seed * 10)
