"""Replies of HTTP trackers to announce and scrape: only ``TrackerFailure`` is raised, and accepted values are valid.

The number of peers is bounded, peers are distinct and have valid addresses; counts are not negative; text is printable.
"""

from __future__ import annotations

import ipaddress
from typing import Any, List

from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol import addresses
from bittorrent_threads.protocol.announce import MAX_PEERS, MAX_TRACKERID, AnnounceReply
from bittorrent_threads.protocol.scrape import parse_scrape
from bittorrent_threads.protocol.tracker_reply import MAX_TEXT, TrackerFailure

from ..choices import Choices
from ..loose import recipe, written
from ..target import Target, require, require_shown

KEYS = (
    *(b"interval", b"min interval", b"peers", b"peers6", b"ip", b"port", b"peer id", b"complete", b"incomplete"),
    *(b"downloaded", b"downloaders", b"tracker id", b"failure reason", b"retry in", b"warning message", b"external ip"),
    *(b"files", bytes(20), b"flags", b"i" * 20),
)
VALUES = (
    *(b"", b"never", b"5", b"127.0.0.1", b"::1", b"::ffff:1.2.3.4", b"fe80::1%eth0", b"tracker.example", b"\x1b]0;x\7"),
    *(b"\1\2\3\4\x1a\xe1", b"\1\2\3\4\0\0", bytes(15) + b"\1\x1a\xe1", bytes(10) + b"\xff\xff\1\2\3\4\x1a\xe1"),
    b"\xff",
    *("\u202e".encode(), b"z" * 300, b"\x7f\0\0\1"),
)
WORDS = (*KEYS, *VALUES)


def check(data: bytes) -> None:
    """The first byte selects bencoding or the encoding of ``loose``."""
    choices = Choices(data)
    body = written(choices, WORDS) if choices.below(2) else choices.rest()
    try:
        _usable(AnnounceReply.parse(body), body)
    except TrackerFailure as failure:
        _failure(failure)
    try:
        counts = parse_scrape(body)
    except TrackerFailure as failure:
        _failure(failure)
    else:
        require(len(counts) <= len(body) // 20, "more swarms than bytes")
        for infohash, swarm in counts.items():
            require(len(infohash) == 20, f"an infohash of {len(infohash)} bytes")
            require(all(count is None or count >= 0 for count in swarm), "a negative count")


def _usable(reply: AnnounceReply, body: bytes) -> None:
    require(len(reply.peers) <= min(MAX_PEERS, len(body) // 6), f"{len(reply.peers)} peers")
    require(len({*reply.peers}) == len(reply.peers), "a peer twice")
    for host, port in reply.peers:
        require(str(ipaddress.ip_address(host)) == host and 0 < port < 65536, f"peer {host!r:.60} port {port}")
    packed, packed6 = addresses.pack(reply.peers)
    again = [*addresses.unpack_ipv4(packed), *addresses.unpack_ipv6(packed6)]
    require(set(again) == set(reply.peers), "packed and unpacked, the peers are others")
    counts = (reply.interval, reply.min_interval, reply.complete, reply.incomplete, reply.downloaded)
    require(all(count is None or count >= 0 for count in counts), "a negative count")
    require(len(reply.trackerid) <= MAX_TRACKERID, "a long tracker id")
    require_shown(reply.warning, MAX_TEXT, "the warning")
    require(not reply.external_ip or ipaddress.ip_address(reply.external_ip), "our address")


def _failure(failure: TrackerFailure) -> None:
    require_shown(str(failure), 500, "the failure")
    require(failure.retry_in is None or failure.retry_in > 0, "a pause of nothing")


def answers() -> List[Any]:
    """Return replies of trackers."""
    entry = {b"ip": b"127.0.0.1", b"peer id": b"i" * 20, b"port": 6881}
    return [
        {b"interval": 1800, b"peers": b"\1\2\3\4\x1a\xe1", b"peers6": bytes(15) + b"\1\x1a\xe1", b"complete": 1},
        {b"interval": 1800, b"min interval": 60, b"peers": [entry, {**entry, b"ip": b"::1"}, {**entry, b"ip": b"x"}]},
        {b"failure reason": b"\x1b]0;x\7", b"retry in": b"never"},
        {b"failure reason": b"", b"retry in": 5},
        {b"warning message": b"z" * 300, b"external ip": b"\x7f\0\0\1", b"tracker id": b"5", b"interval": -1},
        {b"files": {bytes(20): {b"complete": 1, b"incomplete": 2, b"downloaded": 3, b"downloaders": 1}}, b"flags": {}},
        [],
        {},
    ]


def seeds() -> List[bytes]:
    """Return replies in both encodings."""
    return [b"\0" + bencode.encode(each) for each in answers()] + [b"\1" + recipe(each, WORDS) for each in answers()]


TARGET = Target(check, seeds, tuple(b"%d:%s" % (len(word), word) for word in WORDS), longest=600)
