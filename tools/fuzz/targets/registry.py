"""The tables of a tracker: requests of many clients.

Our own client can parse every reply; no table exceeds its limit; a reply lists only hosts that announced, except for
addresses that a client on this machine gives with ``ip=``.
"""

from __future__ import annotations

import random
from typing import List, Set, Tuple
from urllib.parse import quote_from_bytes

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol import registry as module
from bittorrent_threads.protocol.announce import AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.registry import MAX_NUMWANT, Registry
from bittorrent_threads.protocol.scrape import SwarmCounts, parse_scrape

from ..choices import Choices
from ..target import Target, lowered, require

HOSTS = ("127.0.0.1", "1.2.3.4", "2001:db8::1", "::ffff:1.2.3.4", "::1", "10.0.0.1", "5.6.7.8", "::ffff:127.0.0.1")
LOCAL = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
PATHS = ("/announce", "/scrape", "/", "")
PAUSES = (0.0, 1.0, 400.0, 5000.0)
INFOHASH = b"i" * 20
INFOHASHES = (INFOHASH, b"j" * 20, bytes(20))


def check(data: bytes) -> None:
    """The input has requests separated by newlines: one byte selects host, path and time, then comes the query."""
    with lowered(module, MAX_PEERS=6, MAX_SWARM=4, MAX_HOST=3, MAX_HOST_SWARM=2, MAX_DESERTED=2, MAX_ANNOUNCES=5):
        _ask(data)


def _ask(data: bytes) -> None:
    registry = Registry(interval=1800, min_interval=60, random=random.Random(1))
    now = 1000.0
    announced: Set[str] = set()
    lying = False
    for number, line in enumerate(data.split(b"\n")[:64], 1):
        choices = Choices(line)
        who = choices.byte()
        host, path, pause = HOSTS[who & 7], PATHS[who >> 3 & 3], PAUSES[who >> 6]
        now += pause
        query = choices.rest().decode("latin-1")
        announced.add(host.rpartition("ffff:")[2])
        lying |= host in LOCAL and "ip" in query
        body = registry.answer(path, query, host, now)
        require((body is None) == (path not in PATHS[:2]), "an answer for another path")
        if body is not None:
            bencode.decode(body)
            _read(path, body, announced, lying=lying)
        require(len(registry.announces) <= min(number, module.MAX_ANNOUNCES), "too many announces")
        if number % 8 == 0:
            _count(registry, now, number)
    _count(registry, now, data.count(b"\n") + 1)


def _count(registry: Registry, now: float, announces: int) -> None:
    sizes = []
    for infohash in INFOHASHES:
        swarm = registry.swarm(infohash, now)
        counts = parse_scrape(
            registry.answer("/scrape", f"info_hash={quote_from_bytes(infohash)}", "9.9.9.9", now) or b""
        )
        said = counts.get(infohash, SwarmCounts(0, 0))
        require((said.complete or 0) + (said.incomplete or 0) == len(swarm), f"{said} of {len(swarm)} peers")
        require((said.downloaders or 0) <= (said.incomplete or 0), f"{said}")
        require(len(swarm) <= min(announces, module.MAX_SWARM), f"{len(swarm)} peers in a swarm")
        sizes.append(len(swarm))
    require(sum(sizes) <= module.MAX_PEERS, f"{sizes} peers")


def _read(path: str, body: bytes, announced: Set[str], *, lying: bool) -> None:
    try:
        if path == "/scrape":
            counts = parse_scrape(body)
            require(len(counts) <= 100, f"{len(counts)} swarms in a scrape")
            return
        reply = AnnounceReply.parse(body)
    except TrackerError:
        require(len(body) < 500, f"a failure of {len(body)} bytes")
        return
    require(len(reply.peers) <= MAX_NUMWANT, f"{len(reply.peers)} peers")
    require(lying or announced.issuperset(host for host, _ in reply.peers), "a host that did not announce")
    require(len(body) < 100 + 100 * (len(reply.peers) + 3), f"{len(body)} bytes for {len(reply.peers)} peers")


def request(
    event: str = "",
    port: int = 6881,
    left: int = 1,
    peerid: bytes = b"p" * 20,
    *,
    numwant: int = 50,
    infohash: bytes = INFOHASH,
) -> str:
    """Return the query of an announce."""
    asked = AnnounceRequest(infohash, peerid, port, 0, 0, left, event, numwant)
    return asked.url("http://t/announce").partition("?")[2]


def seeds() -> List[bytes]:
    """Return announces that start, complete and stop."""
    scrape = f"info_hash={quote_from_bytes(INFOHASH)}&info_hash={quote_from_bytes(bytes(20))}"
    runs: List[List[Tuple[int, str]]] = [
        [(1, request("started")), (2, request("started", 7000, 0, b"q" * 20)), (9, scrape), (1, request("stopped"))],
        [(0, request() + "&ip=9.9.9.9"), (4, request() + "&ip=::5"), (1, request("completed", left=0) + "&compact=0")],
        [(3, request("paused")), (128 + 5, request("empty", numwant=0)), (192 + 6, request(peerid=b"r" * 20))],
        [(who, request(port=port, infohash=info)) for who in (1, 2, 6) for port in (1, 2) for info in INFOHASHES[:2]],
        [(1, request("nonsense")), (1, request(port=0)), (1, "info_hash=%ff"), (16, ""), (9, ""), (1, "&" * 200)],
    ]
    return [b"\n".join(bytes([who]) + query.encode() for who, query in run) for run in runs]


TOKENS = (
    *(b"\n\1", b"\n\0", b"\n\x09", b"\n\x82", b"info_hash=", b"peer_id=", b"port=", b"left=", b"event=started"),
    *(b"&", b"="),
    *(b"event=stopped", b"event=completed", b"numwant=", b"compact=0", b"ip=", b"::1", b"1.2.3.4", b"%", b"%00", b"-1"),
    *(b"j" * 20, b"p" * 20, b"0", b"65536", b"9" * 19, b"\xb2", b";", b"no_peer_id=1", b"key=", b"trackerid=", b"%zz"),
)
TARGET = Target(check, seeds, TOKENS, longest=1500)
