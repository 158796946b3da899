"""What may reach a terminal or a log."""

from __future__ import annotations

from typing import Union

import pytest

from bittorrent_threads.text import escaped, masked, printable


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
        ("text too \x07\u2066", "text too"),
        ("no\u3164 \ufe0fwid\U000e0041th\u034f", "no width"),
        ("half a pair \ud800.", "half a pair ."),
    ],
)
def test_printable(raw: Union[bytes, str], shown: str) -> None:
    assert printable(raw, 20 if len(raw) > 50 else 64) == shown


def test_an_endless_text_is_not_decoded_whole() -> None:
    assert printable(b"\x00" * 10_000_000 + b"x", 10) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode", "plain ünïcode"),
        ("a\u202eb\x1b\n", "a\\u202eb\\x1b\\n"),
        ("unseen\u3164\U000e0041", "unseen\\u3164\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://tracker.example:80/announce", "http://tracker.example:80/announce"),
        ("udp://tracker.example:80", "udp://tracker.example:80"),
        ("http://[2001:db8::1]:80/announce?x=1&info=", "http://[2001:db8::1]:80/announce?x=1&info="),
        ("http://h/ubuntu-24.04-desktop-amd64/announce.php", "http://h/ubuntu-24.04-desktop-amd64/announce.php"),
        ("http://me:secret@h/announce", "http://me:***@h/announce"),
        ("HTTPS://me:sec:ret@h", "HTTPS://me:***@h"),
        ("http://secret@h/announce", "http://***@h/announce"),
        ("http://:secret@h/announce", "http://***@h/announce"),
        ("http://a@b:secret@h/announce", "http://a@b:***@h/announce"),
        ("http://h/announce?passkey=secret&x=1", "http://h/announce?passkey=***&x=1"),
        ("http://h/announce?PassKey=secret;auth=secret&key=secret", "http://h/announce?PassKey=***;auth=***&key=***"),
        (
            "http://h/announce?torrent_pass=secret&authkey=a&apiToken=b",
            "http://h/announce?torrent_pass=***&authkey=***&apiToken=***",
        ),
        ("http://h/announce?uk=0123456789abcdef01", "http://h/announce?uk=***"),
        ("http://h/announce?0123456789abcdef01", "http://h/announce?***"),
        ("http://h/d41d8cd98f00b204e9800998ecf8427e/announce", "http://h/***/announce"),
        ("http://h/0aZ1bY2cX3dW4eV5fU6g/announce#secret", "http://h/***/announce"),
        ("me:secret@h/announce", "me:***@h/announce"),
        ("//me:secret@h", "//me:***@h"),
        ("http://h/\x1b]0;x\x07\u202e", "http://h/ ]0;x"),
        ("", ""),
        ("http://h/" + "a" * 9000, "http://h/" + "a" * 291),
    ],
)
def test_masked(url: str, shown: str) -> None:
    assert masked(url) == shown
    assert masked(shown) == shown
