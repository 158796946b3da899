"""Every message, byte for byte as the BEPs write it."""

from __future__ import annotations

import struct

import pytest

from bittorrent_threads.protocol import messages


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (messages.KEEPALIVE_MESSAGE, "00000000"),
        (messages.CHOKE_MESSAGE, "00000001 00"),
        (messages.UNCHOKE_MESSAGE, "00000001 01"),
        (messages.INTERESTED_MESSAGE, "00000001 02"),
        (messages.NOT_INTERESTED_MESSAGE, "00000001 03"),
        (messages.have(258), "00000005 04 00000102"),
        (messages.bitfield(b"\xa0\x80"), "00000003 05 a080"),
        (messages.request(1, 16384, 16383), "0000000d 06 00000001 00004000 00003fff"),
        (b"".join(messages.piece_headers([(2, 32768, 16384)])), "00004009 07 00000002 00008000"),
        (messages.cancel(1, 2, 3), "0000000d 08 00000001 00000002 00000003"),
        (messages.port(6881), "00000003 09 1ae1"),
        (messages.suggest(7), "00000005 0d 00000007"),
        (messages.HAVE_ALL_MESSAGE, "00000001 0e"),
        (messages.HAVE_NONE_MESSAGE, "00000001 0f"),
        (messages.reject(1, 2, 3), "0000000d 10 00000001 00000002 00000003"),
        (messages.allowed_fast(7), "00000005 11 00000007"),
        (messages.extended(0, b"de"), "00000004 14 00 6465"),
    ],
)
def test_the_bytes_of_each_message(message: bytes, expected: str) -> None:
    assert message == bytes.fromhex(expected)


def test_batches_are_single_messages_back_to_back() -> None:
    blocks = [(0, 0, 16384), (0, 16384, 16384), (9, 0, 5)]
    assert messages.requests(blocks) == b"".join(messages.request(*block) for block in blocks)
    assert messages.haves(iter([3, 1, 2])) == messages.have(3) + messages.have(1) + messages.have(2)
    assert messages.rejects(blocks) == b"".join(messages.reject(*block) for block in blocks)
    assert messages.piece_headers(blocks) == [messages.piece_headers([block])[0] for block in blocks]
    assert messages.requests([]) == messages.haves([]) == messages.rejects([]) == b""


def test_every_id_has_a_name() -> None:
    ids = {value for name, value in vars(messages).items() if name.isupper() and isinstance(value, int)}
    assert ids - {messages.BLOCK_SIZE} == set(messages.NAMES)


def test_a_value_too_large_for_its_field_is_our_own_mistake() -> None:
    with pytest.raises(struct.error):
        messages.have(2**32)
