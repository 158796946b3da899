"""The message of BEP 54, byte by byte."""

from __future__ import annotations

import pytest

from bittorrent_threads.protocol.dont_have import dont_haves, parse


def test_the_message_of_the_bep() -> None:
    assert dont_haves(7, [0x01020304]) == bytes.fromhex("00000006 14 07 01020304")
    assert dont_haves(9, [1, 2]) == bytes.fromhex("00000006 14 09 00000001 00000006 14 09 00000002")
    assert dont_haves(9, []) == b""


def test_what_is_sent_is_read() -> None:
    assert parse(dont_haves(3, [77])[6:]) == 77
    assert parse(b"\xff" * 4) == 2**32 - 1


@pytest.mark.parametrize("payload", [b"", b"\0" * 3, b"\0" * 5])
def test_another_size_is_none(payload: bytes) -> None:
    assert parse(payload) is None
