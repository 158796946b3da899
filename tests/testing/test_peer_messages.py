"""Messages and handshakes, byte for byte as BEP 3, 6 and 10 write them."""

from __future__ import annotations

from bittorrent_threads.testing import peer_messages as messages
from bittorrent_threads.testing.peer_messages import handshake, message

INFOHASH = b"i" * 20


def test_messages_have_a_length_an_id_and_fields() -> None:
    assert message(messages.CHOKE) == b"\0\0\0\1\0"
    assert message(messages.HAVE, 7) == b"\0\0\0\5\4\0\0\0\7"
    assert message(messages.PIECE, 1, 2, payload=b"abc") == b"\0\0\0\x0c\7\0\0\0\1\0\0\0\2abc"


def test_a_handshake_has_the_bits_that_are_asked_for() -> None:
    greeting = handshake(INFOHASH, fast=True, extended=True)
    assert greeting == b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x04" + INFOHASH + messages.PEERID
    assert handshake(INFOHASH, fast=False, reserved=1 << 63)[20:28] == b"\x80" + bytes(7)
