"""The tracker's side of announce and scrape: who is in which swarm (BEP 3, 7, 21, 23, 24, 48).

A peer is its address, so a client that was killed and started anew takes its own place, and one with both IPv4 and
IPv6 has two.  Both tables are kept in the order of the last announce: what has to go is always at the front.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from typing import Any, Deque, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple
from urllib.parse import parse_qsl

from ..metainfo import bencode
from . import addresses
from .addresses import Address
from .announce import COMPLETED, PAUSED, REGULAR, STARTED, STOPPED

MAX_SWARMS = 1000
MAX_SWARM = 2000
"""Peers kept of one swarm; one more takes the place of the one that was silent longest."""
MAX_ANNOUNCES = 1000
"""Announces remembered to be looked at."""
MAX_FIELDS = 100
"""Names in one query."""
MAX_WORD = 64
"""Characters kept of a key or a tracker id."""
NUMWANT = 50
MAX_NUMWANT = 200
"""Peers in an answer: when the client names no number, and at most."""
MIN_LIFETIME = 300.0
"""Silence after which a peer is forgotten at the earliest; it is two intervals if that is more."""

_EVENTS = frozenset({REGULAR, STARTED, STOPPED, COMPLETED, PAUSED, "empty"})


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def sample(self, population: Sequence[Any], k: int) -> List[Any]:
        """``k`` different elements."""


class Announced(NamedTuple):
    """One announce as it was understood; ``time`` is monotonic seconds."""

    infohash: bytes
    peerid: bytes
    address: Address
    event: str
    uploaded: int
    downloaded: int
    left: int
    numwant: int
    compact: bool
    key: str
    trackerid: bytes
    time: float


class _Swarm:
    def __init__(self) -> None:
        self.peers: Dict[Address, Announced] = {}
        self.downloaded = 0


class _Refused(Exception):
    """The text is the failure reason."""


class Registry:
    """All swarms of a tracker; ``interval`` and ``min_interval`` are seconds, told to the clients."""

    def __init__(self, *, interval: int, min_interval: int, random: Random) -> None:
        self.announces: Deque[Announced] = deque(maxlen=MAX_ANNOUNCES)
        """The latest ones."""
        self._interval = interval
        self._min_interval = min_interval
        self._lifetime = max(MIN_LIFETIME, 2.0 * interval)
        self._random = random
        self._swarms: Dict[bytes, _Swarm] = {}

    def swarm(self, infohash: bytes, now: float) -> Tuple[Address, ...]:
        """The addresses of the peers in one swarm."""
        swarm = self._swarms.get(infohash, _Swarm())
        self._expire(swarm, now)
        return tuple(swarm.peers)

    def answer(self, path: str, query: str, host: str, now: float) -> Optional[bytes]:
        """The body that answers a GET from ``host``, a numeric address; None when nothing is at ``path``."""
        if path not in ("/announce", "/scrape"):
            return None
        try:
            pairs = _split(query)
            reply = self._announce(_parse(dict(pairs), host, now)) if path == "/announce" else self._scrape(pairs, now)
        except _Refused as refused:
            reply = {"failure reason": str(refused)}
        return bencode.encode(reply)

    def _announce(self, announced: Announced) -> Dict[str, Any]:
        now = announced.time
        self.announces.append(announced)
        swarm = self._swarms.pop(announced.infohash, None) or self._new_swarm(now)
        self._swarms[announced.infohash] = swarm
        self._expire(swarm, now)
        self._enter(swarm, announced)
        return {
            "interval": self._interval,
            "min interval": self._min_interval,
            "external ip": addresses.pack_host(announced.address[0]),
            **_counts(swarm),
            **self._peers(swarm, announced),
        }

    def _enter(self, swarm: _Swarm, announced: Announced) -> None:
        before = swarm.peers.pop(announced.address, None)
        if announced.event == STOPPED:
            return
        if announced.event == COMPLETED and (before is None or before.left):
            swarm.downloaded += 1
        if len(swarm.peers) >= MAX_SWARM:
            del swarm.peers[next(iter(swarm.peers))]
        swarm.peers[announced.address] = announced

    def _peers(self, swarm: _Swarm, announced: Announced) -> Dict[str, Any]:
        if announced.event == STOPPED:
            return {"peers": b""}
        others = [peer for peer in swarm.peers.values() if peer.peerid != announced.peerid]
        chosen = self._random.sample(others, min(announced.numwant, len(others)))
        if not announced.compact:
            entries = [{"peer id": peer.peerid, "ip": peer.address[0], "port": peer.address[1]} for peer in chosen]
            return {"peers": entries}
        peers, peers6 = addresses.pack(peer.address for peer in chosen)
        return {"peers": peers, "peers6": peers6} if peers6 else {"peers": peers}

    def _scrape(self, pairs: List[Tuple[str, str]], now: float) -> Dict[str, Any]:
        infohashes = [value.encode("latin-1") for name, value in pairs if name == "info_hash"]
        files = {}
        for infohash in infohashes:
            swarm = self._swarms.get(infohash)
            if swarm is not None:
                self._expire(swarm, now)
                downloaders = sum(1 for peer in swarm.peers.values() if peer.left and peer.event != PAUSED)
                files[infohash] = {**_counts(swarm), "downloaders": downloaders}
        return {"files": files}

    def _new_swarm(self, now: float) -> _Swarm:
        if len(self._swarms) >= MAX_SWARMS:
            quietest = next(iter(self._swarms))
            self._expire(self._swarms[quietest], now)
            if self._swarms[quietest].peers:
                raise _Refused(f"this tracker has {MAX_SWARMS} torrents already")
            del self._swarms[quietest]
        return _Swarm()

    def _expire(self, swarm: _Swarm, now: float) -> None:
        while swarm.peers:
            address, announced = next(iter(swarm.peers.items()))
            if announced.time + self._lifetime > now:
                break
            del swarm.peers[address]


def _counts(swarm: _Swarm) -> Dict[str, Any]:
    complete = sum(1 for peer in swarm.peers.values() if peer.left == 0)
    return {"complete": complete, "incomplete": len(swarm.peers) - complete, "downloaded": swarm.downloaded}


def _split(query: str) -> List[Tuple[str, str]]:
    try:
        # Latin-1 gives each byte of an infohash one character.
        return parse_qsl(query, keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise _Refused(f"more than {MAX_FIELDS} names in the query") from None


def _parse(fields: Dict[str, str], host: str, now: float) -> Announced:
    event = fields.get("event", REGULAR)
    if event not in _EVENTS:
        raise _Refused("event is none of started, completed, stopped, paused")
    port = _number(fields, "port")
    if not 0 < port < 65536:
        raise _Refused(f"port is {port}, not 1 to 65535")
    numwant = fields.get("numwant", "")
    return Announced(
        infohash=_id(fields, "info_hash"),
        peerid=_id(fields, "peer_id"),
        address=(_peer_host(fields.get("ip", ""), host), port),
        event=REGULAR if event == "empty" else event,
        uploaded=_number(fields, "uploaded"),
        downloaded=_number(fields, "downloaded"),
        left=_number(fields, "left"),
        # Some clients send -1 for "as you like".
        numwant=min(int(numwant), MAX_NUMWANT) if _is_number(numwant) else NUMWANT,
        compact=fields.get("compact") != "0",
        key=fields.get("key", "")[:MAX_WORD],
        trackerid=fields.get("trackerid", "")[:MAX_WORD].encode("latin-1"),
        time=now,
    )


def _peer_host(asked: str, host: str) -> str:
    """``ip`` counts only from this machine: anyone else could have the swarm call a victim (BEP 7)."""
    own = addresses.numeric_host(host)
    local = ipaddress.ip_address(own).is_loopback
    return (local and addresses.numeric_host(asked)) or own


def _id(fields: Dict[str, str], name: str) -> bytes:
    value = fields.get(name, "").encode("latin-1")
    if len(value) != 20:
        raise _Refused(f"{name} has {len(value)} bytes, not 20")
    return value


def _number(fields: Dict[str, str], name: str) -> int:
    value = fields.get(name, "")
    if not _is_number(value):
        raise _Refused(f"{name} is missing" if not value else f"{name} is not a number")
    return int(value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
