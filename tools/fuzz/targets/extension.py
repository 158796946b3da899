"""Extension handshakes (BEP 10): nothing is raised, each field is absent or valid, and encoding keeps the fields."""

from __future__ import annotations

import ipaddress
from typing import Any, List

from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol.extension import MAX_MESSAGES, MAX_NAME, MAX_REQQ, ExtensionHandshake

from ..choices import Choices
from ..loose import recipe, written
from ..target import Target, require, require_shown

KEYS = (
    *(b"m", b"v", b"p", b"reqq", b"yourip", b"ipv4", b"ipv6", b"upload_only", b"metadata_size", b"ut_pex"),
    b"ut_metadata",
)
VALUES = (
    *(b"", b"\x7f\0\0\1", bytes(15) + b"\1", bytes(10) + b"\xff\xff\1\2\3\4", b"qB 5.0\x1b[2J"),
    *("\u202e".encode(), b"\xff"),
)
WORDS = (*KEYS, *VALUES, b"z" * 100)


def check(data: bytes) -> None:
    """The first byte selects bencoding or the encoding of ``loose``."""
    choices = Choices(data)
    payload = written(choices, WORDS) if choices.below(2) else choices.rest()
    said = ExtensionHandshake.parse(payload)
    if said.failed:
        require_shown(said.failed, 300, "the reason to close")
        require(said == ExtensionHandshake(failed=said.failed), "a field beside the failure")
        return
    require_shown(said.client, MAX_NAME, "the client's name")
    require(0 <= said.port < 65536 and 0 <= said.reqq <= MAX_REQQ, "a number out of range")
    require(len(said.messages) <= MAX_MESSAGES, "too many messages")
    for name, number in said.messages.items():
        require_shown(name, MAX_NAME, "a message's name")
        require(0 <= number < 256, f"id {number}")
    for host in (said.yourip, said.ipv4, said.ipv6):
        require(not host or str(ipaddress.ip_address(host)) == host, f"host {host!r:.60}")
    if not said.ipv6 or ":" in said.ipv6:
        require(ExtensionHandshake.parse(said.encode()) == said, "what it says does not come back")


def seeds() -> List[bytes]:
    """Return handshakes of clients, in both encodings."""
    said: List[Any] = [
        {},
        {b"m": {b"ut_pex": 1, b"ut_metadata": 2}, b"v": b"qB 5.0\x1b[2J", b"p": 6881, b"reqq": 2000},
        {b"yourip": b"\x7f\0\0\1", b"ipv6": bytes(15) + b"\1", b"ipv4": b"\x7f\0\0\1", b"upload_only": 1},
        {b"m": [], b"p": -1, b"reqq": 2**40, b"v": 7, b"yourip": b"\xff", b"upload_only": b""},
    ]
    return [b"\0" + bencode.encode(each) + b"tail" for each in said] + [b"\1" + recipe(each, WORDS) for each in said]


TARGET = Target(check, seeds, tuple(b"%d:%s" % (len(word), word) for word in WORDS), longest=600)
