"""The checksum of BEP 40 and BEP 42."""

from __future__ import annotations

from bittorrent_threads.protocol.crc32c import crc32c


def test_the_check_values() -> None:
    """RFC 3720, B.4, and the usual check value."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"123456789") == 0xE3069283
