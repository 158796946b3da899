"""The torrents that are exchanged with every real client.

Each value of layout (one file, or several and some empty) meets each piece length (16 KiB, 256 KiB, 4 MiB) and each end
(an exact multiple of the piece length, or not).
"""

from __future__ import annotations

from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

SHAPES = (
    SampleTorrent(20 * 16 * KIB, piece_length=16 * KIB, name="single-16K-exact"),
    SampleTorrent(6 * 256 * KIB + 12345, piece_length=256 * KIB, name="single-256K-uneven"),
    SampleTorrent(2 * 4 * MIB, piece_length=4 * MIB, name="single-4M-exact"),
    SampleTorrent(
        {"a.bin": 16 * KIB + 1, "b/empty": 0, "b/c.bin": 3, "c/d/e.bin": 30 * 16 * KIB - 1, "z-empty": 0, "z.bin": 777},
        piece_length=16 * KIB,
        name="several-16K-uneven",
    ),
    SampleTorrent(
        {"0-empty": 0, "a.bin": 256 * KIB, "b/c.bin": 2 * 256 * KIB - 100, "b/d.bin": 100, "e.bin": 256 * KIB},
        piece_length=256 * KIB,
        name="several-256K-exact",
    ),
    SampleTorrent(
        {"a.bin": 5 * MIB + 1, "b/empty": 0, "c.bin": 1, "d.bin": 4 * MIB},
        piece_length=4 * MIB,
        name="several-4M-uneven",
    ),
)
