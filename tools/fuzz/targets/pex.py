"""Peer exchange messages (BEP 11): nothing is raised, fields are bounded and valid, and encoding keeps them.

What is taken of them (``PexLimit``) is no more than was sent, and of networks that the sender may know.
"""

from __future__ import annotations

import ipaddress
from typing import Any, List

from bittorrent_threads import address_scope
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol.pex import MAX_CONTACTS, PexMessage
from bittorrent_threads.swarm.pex_limit import MAX_FIRST, PexLimit

from ..choices import Choices
from ..loose import recipe, written
from ..target import Target, require, require_shown

KEYS = (b"added", b"added.f", b"added6", b"added6.f", b"dropped", b"dropped6")
VALUES = (
    *(b"", b"\x01\x02\x03\x04\x1a\xe1", b"\x7f\0\0\1\0\0", b"\x0a\0\0\1\x1a\xe1" * 60, b"\xe0\0\0\1\0\1", b"\x1f" * 7),
    *(bytes(15) + b"\1\x1a\xe1", bytes(10) + b"\xff\xff\1\2\3\4\x1a\xe1", b"\xfe\x80" + bytes(14) + b"\0\1"),
)
WORDS = (*KEYS, *VALUES)
TELLERS = ("127.0.0.1", "10.0.0.9", "9.9.9.9", "2a00::1")


def check(data: bytes) -> None:
    """The first byte selects bencoding or the encoding of ``loose``, the second who sends it."""
    choices = Choices(data)
    loose, teller = choices.below(2), TELLERS[choices.below(len(TELLERS))]
    payload = written(choices, WORDS) if loose else choices.rest()
    said = PexMessage.parse(payload)
    if said.failed:
        require_shown(said.failed, 300, "the reason to close")
        require(said == PexMessage(failed=said.failed), "a field beside the failure")
        return
    for addresses in (said.added, said.dropped):
        require(len(addresses) <= min(2 * MAX_CONTACTS, len(payload) // 6), f"{len(addresses)} contacts")
        for host, port in addresses:
            require(str(ipaddress.ip_address(host)) == host and 0 < port < 65536, f"peer {host!r:.60} port {port}")
    again = PexMessage.parse(said.encode())
    mixed = {":" in host for host, _ in (*said.added, *said.dropped)} == {True, False}
    require(again == said or (mixed and dict(again.added) == dict(said.added)), "what it says does not come back")
    found, objection = PexLimit(teller).take(payload, 0.0)
    require(not objection and len(found) <= 2 * MAX_FIRST, objection or f"{len(found)} addresses")
    require(all(address_scope.reachable_from(host, teller) for host, _ in found), "another network")


def seeds() -> List[bytes]:
    """Return messages of peers, in both encodings."""
    said: List[Any] = [
        {},
        {b"added": VALUES[1], b"added.f": b"\x12", b"dropped": VALUES[3]},
        {b"added": VALUES[3], b"added6": VALUES[7] + VALUES[6], b"added6.f": b"\2"},
        {b"added": 5, b"added.f": [], b"dropped6": {b"added": VALUES[1]}},
        {b"dropped6": VALUES[6] + VALUES[8], b"dropped": VALUES[1] + VALUES[2] + VALUES[4] + VALUES[5]},
    ]
    encoded = [b"\0" + bytes([at % 4]) + bencode.encode(each) for at, each in enumerate(said)]
    return encoded + [b"\1" + bytes([at % 4]) + recipe(each, WORDS) for at, each in enumerate(said)]


TARGET = Target(check, seeds, tuple(b"%d:%s" % (len(word), word) for word in WORDS), longest=800)
