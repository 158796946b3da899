"""The torrents that are exchanged with every real client.

Each value of layout (one file, or several and some empty) meets each piece length (16 KiB, 256 KiB, 4 MiB) and each end
(an exact multiple of the piece length, or not).
"""

from __future__ import annotations

from .content import KIB, MIB, Content

SHAPES = (
    Content.of("single-16K-exact", {"": 20 * 16 * KIB}, 16 * KIB),
    Content.of("single-256K-uneven", {"": 6 * 256 * KIB + 12345}, 256 * KIB),
    Content.of("single-4M-exact", {"": 2 * 4 * MIB}, 4 * MIB),
    Content.of(
        "several-16K-uneven",
        {"a.bin": 16 * KIB + 1, "b/empty": 0, "b/c.bin": 3, "c/d/e.bin": 30 * 16 * KIB - 1, "z-empty": 0, "z.bin": 777},
        16 * KIB,
    ),
    Content.of(
        "several-256K-exact",
        {"0-empty": 0, "a.bin": 256 * KIB, "b/c.bin": 2 * 256 * KIB - 100, "b/d.bin": 100, "e.bin": 256 * KIB},
        256 * KIB,
    ),
    Content.of("several-4M-uneven", {"a.bin": 5 * MIB + 1, "b/empty": 0, "c.bin": 1, "d.bin": 4 * MIB}, 4 * MIB),
)
