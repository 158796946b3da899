"""What may reach a terminal or a log."""

from __future__ import annotations

import pytest

from bittorrent_threads.protocol.text import printable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"libtorrent/2.1.1", "libtorrent/2.1.1"),
        ("µTorrent 3.5".encode(), "µTorrent 3.5"),
        (b"two\r\nlines\tand \x1b[31mred\x00", "two lines and [31mred"),
        ("turned \u202egnorw\u2028".encode(), "turned gnorw"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b"x" * 100, "x" * 20),
        ("\U0001f431".encode() * 100, "\U0001f431" * 20),
    ],
)
def test_printable(raw: bytes, shown: str) -> None:
    assert printable(raw, 20 if len(raw) > 50 else 64) == shown


def test_an_endless_text_is_not_decoded_whole() -> None:
    assert printable(b"\x00" * 10_000_000 + b"x", 10) == ""
