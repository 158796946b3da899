"""The tracker's side of announce and scrape: who is in which swarm (BEP 3, 7, 21, 23, 24, 48).

A peer is its address, so a client that was killed and started anew takes its own place, and one with both IPv4 and
IPv6 has two.  Every table is in the order of the last announce: what has to go is always at the front.

The rule: what one host can have kept is bounded, in a swarm and in all.  Beyond it the host loses its own oldest
entries, never those of others.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple
from urllib.parse import parse_qsl

from ..address_scope import is_loopback, owner
from ..metainfo import bencode
from ..text import printable
from . import addresses
from .addresses import Address
from .announce import COMPLETED, PAUSED, REGULAR, STARTED, STOPPED

MAX_PEERS = 20_000
"""Peers kept of all swarms, about 1 KB each; one more takes the place of the one that was silent longest."""
MAX_SWARM = 2000
"""Peers kept of one swarm, likewise."""
MAX_HOST = 1000
"""Peers kept that one host announced, in all swarms: enough for a machine that seeds a thousand torrents."""
MAX_HOST_SWARM = 200
"""Peers kept of one swarm that one host announced: many people can share an address."""
MAX_DESERTED = 1000
"""Swarms without peers of which it is remembered how often they were downloaded."""
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


class _Peer:
    """One address in one swarm."""

    __slots__ = ("address", "host", "infohash", "left", "paused", "peerid", "time")

    def __init__(self, announced: Announced, host: str) -> None:
        self.infohash = announced.infohash
        self.address = announced.address
        self.peerid = announced.peerid
        self.left = announced.left > 0
        """Something is missing."""
        self.paused = announced.event == PAUSED
        self.time = announced.time
        self.host = host
        """That announced it."""


class _Swarm:
    def __init__(self, downloaded: int) -> None:
        self.peers: Dict[Address, _Peer] = {}
        self.seeds = 0
        self.downloaders = 0
        """Leechers that are no partial seeds."""
        self.downloaded = downloaded


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
        """Those that have peers."""
        self._peers: Dict[_Peer, None] = {}
        self._hosts: Dict[str, Dict[_Peer, None]] = {}
        self._deserted: Dict[bytes, int] = {}
        """Downloads of swarms without peers, the latest deserted last."""

    def swarm(self, infohash: bytes, now: float) -> Tuple[Address, ...]:
        """The addresses of the peers in one swarm."""
        self._expire(now)
        swarm = self._swarms.get(infohash)
        return tuple(swarm.peers) if swarm is not None else ()

    def answer(self, path: str, query: str, host: str, now: float, *, local: bool = True) -> Optional[bytes]:
        """The body that answers a GET from ``host``, a numeric address; None when nothing is at ``path``.

        Only where ``local``, and ``host`` is this machine, the query may name another address than ``host``.
        """
        if path not in ("/announce", "/scrape"):
            return None
        self._expire(now)
        try:
            pairs = _split(query)
            reply = self._scrape(pairs) if path == "/scrape" else self._announce(dict(pairs), host, now, local=local)
        except _Refused as refused:
            reply = {"failure reason": str(refused)}
        return bencode.encode(reply)

    def _announce(self, fields: Dict[str, str], host: str, now: float, *, local: bool) -> Dict[str, Any]:
        announced = _parse(fields, host, now, local=local)
        self.announces.append(announced)
        self._enter(announced, owner(addresses.numeric_host(host)))
        swarm = self._swarms.get(announced.infohash) or _Swarm(self._deserted.get(announced.infohash, 0))
        return {
            "interval": self._interval,
            "min interval": self._min_interval,
            "external ip": addresses.pack_host(announced.address[0]),
            **_counts(swarm),
            **self._chosen(swarm, announced),
        }

    def _chosen(self, swarm: _Swarm, announced: Announced) -> Dict[str, Any]:
        if announced.event == STOPPED:
            return {"peers": b""}
        others = [peer for peer in swarm.peers.values() if peer.peerid != announced.peerid]
        chosen = self._random.sample(others, min(announced.numwant, len(others)))
        if not announced.compact:
            entries = [{"peer id": peer.peerid, "ip": peer.address[0], "port": peer.address[1]} for peer in chosen]
            return {"peers": entries}
        peers, peers6 = addresses.pack(peer.address for peer in chosen)
        return {"peers": peers, "peers6": peers6} if peers6 else {"peers": peers}

    def _scrape(self, pairs: List[Tuple[str, str]]) -> Dict[str, Any]:
        infohashes = [value.encode("latin-1") for name, value in pairs if name == "info_hash"]
        files = {}
        for infohash in infohashes:
            swarm = self._swarms.get(infohash)
            if swarm is None and infohash in self._deserted:
                swarm = _Swarm(self._deserted[infohash])
            if swarm is not None:
                files[infohash] = {**_counts(swarm), "downloaders": swarm.downloaders}
        return {"files": files}

    # -- the tables ------------------------------------------------------------------------------------------------

    def _enter(self, announced: Announced, host: str) -> None:
        """Put a peer behind all others, or take it out."""
        swarm = self._swarms.get(announced.infohash)
        before = swarm.peers.get(announced.address) if swarm is not None else None
        if announced.event == STOPPED:
            if before is not None:
                self._drop(before)
            return
        if swarm is None:
            swarm = self._swarms[announced.infohash] = _Swarm(self._deserted.pop(announced.infohash, 0))
        if announced.event == COMPLETED and (before is None or before.left):
            swarm.downloaded += 1
        peer = _Peer(announced, host)
        swarm.peers[peer.address] = peer
        if before is not None:
            self._forget(before, swarm)
            # The order of a dictionary is that of the first time.
            del swarm.peers[peer.address]
            swarm.peers[peer.address] = peer
        self._peers[peer] = None
        own = self._hosts.setdefault(host, {})
        own[peer] = None
        swarm.seeds += not peer.left
        swarm.downloaders += peer.left and not peer.paused
        self._make_room(swarm, own, host)

    def _make_room(self, swarm: _Swarm, own: Dict[_Peer, None], host: str) -> None:
        here = [peer for peer in swarm.peers.values() if peer.host == host] if len(own) > MAX_HOST_SWARM else []
        if len(here) > MAX_HOST_SWARM:
            self._drop(here[0])
        if len(own) > MAX_HOST:
            self._drop(next(iter(own)))
        if len(swarm.peers) > MAX_SWARM:
            self._drop(next(iter(swarm.peers.values())))
        if len(self._peers) > MAX_PEERS:
            self._drop(next(iter(self._peers)))

    def _expire(self, now: float) -> None:
        while self._peers:
            oldest = next(iter(self._peers))
            if oldest.time + self._lifetime > now:
                break
            self._drop(oldest)

    def _drop(self, peer: _Peer) -> None:
        """Take a peer out, and its swarm if that has no other."""
        swarm = self._swarms[peer.infohash]
        del swarm.peers[peer.address]
        self._forget(peer, swarm)
        if not swarm.peers:
            del self._swarms[peer.infohash]
            if swarm.downloaded:
                self._deserted[peer.infohash] = swarm.downloaded
                if len(self._deserted) > MAX_DESERTED:
                    del self._deserted[next(iter(self._deserted))]

    def _forget(self, peer: _Peer, swarm: _Swarm) -> None:
        del self._peers[peer]
        own = self._hosts[peer.host]
        del own[peer]
        if not own:
            del self._hosts[peer.host]
        swarm.seeds -= not peer.left
        swarm.downloaders -= peer.left and not peer.paused


def _counts(swarm: _Swarm) -> Dict[str, Any]:
    return {"complete": swarm.seeds, "incomplete": len(swarm.peers) - swarm.seeds, "downloaded": swarm.downloaded}


def _split(query: str) -> List[Tuple[str, str]]:
    try:
        # Latin-1 gives each byte of an infohash one character.
        return parse_qsl(query, keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise _Refused(f"more than {MAX_FIELDS} names in the query") from None


def _parse(fields: Dict[str, str], host: str, now: float, *, local: bool) -> Announced:
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
        address=(_peer_host(fields.get("ip", "") if local else "", host), port),
        event=REGULAR if event == "empty" else event,
        uploaded=_number(fields, "uploaded"),
        downloaded=_number(fields, "downloaded"),
        left=_number(fields, "left"),
        # Some clients send -1 for "as you like".
        numwant=min(int(numwant), MAX_NUMWANT) if _is_number(numwant) else NUMWANT,
        compact=fields.get("compact") != "0",
        key=printable(fields.get("key", ""), MAX_WORD),
        trackerid=fields.get("trackerid", "")[:MAX_WORD].encode("latin-1"),
        time=now,
    )


def _peer_host(asked: str, host: str) -> str:
    """``ip`` counts only from this machine: anyone else could have the swarm call a victim (BEP 7)."""
    own = addresses.numeric_host(host)
    return (is_loopback(own) and addresses.numeric_host(asked)) or own


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
