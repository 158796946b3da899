"""The tracker's side of announces and scrapes: which peers are in which swarm (BEP 3, 7, 21, 23, 24, 48).

A peer is identified by its address: a client that was killed and started again replaces its old entry, and a client
with an IPv4 and an IPv6 address has two entries.  Every table is in the order of the last announce, so the entry to
drop is always the first.

The rule: the number of entries of one host is bounded, in a swarm and in all.  Beyond the bound the host loses its own
oldest entries, never those of others.
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
"""Entries of all swarms, about 1 KB each; one more replaces the entry with the oldest announce."""
MAX_SWARM = 2000
"""Entries of one swarm, replaced likewise."""
MAX_HOST = 1000
"""Entries of one host in all swarms: enough for a machine that seeds a thousand torrents."""
MAX_HOST_SWARM = 200
"""Entries of one host in one swarm: many clients can share one address."""
MAX_DESERTED = 1000
"""Swarms without peers whose number of downloads is kept."""
MAX_ANNOUNCES = 1000
"""Announces kept for inspection."""
MAX_FIELDS = 100
"""Fields of one query."""
MAX_WORD = 64
"""Characters kept of a key or a tracker id."""
NUMWANT = 50
"""Peers in a reply if the client asks for no number."""
MAX_NUMWANT = 200
"""Most peers in a reply."""
MIN_LIFETIME = 300.0
"""Seconds after the last announce until an entry expires; two intervals if that is longer."""

_EVENTS = frozenset({REGULAR, STARTED, STOPPED, COMPLETED, PAUSED, "empty"})


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def sample(self, population: Sequence[Any], k: int) -> List[Any]:
        """Return ``k`` different elements."""


class Announced(NamedTuple):
    """One announce that a tracker accepted."""

    infohash: bytes
    """20 bytes."""
    peerid: bytes
    """20 bytes."""
    address: Address
    """Numeric host and port at which the peer listens."""
    event: str
    """``started``, ``completed``, ``stopped``, ``paused``, or empty for a regular announce."""
    uploaded: int
    """Bytes."""
    downloaded: int
    """Bytes."""
    left: int
    """Bytes that the peer misses."""
    numwant: int
    """Number of peers in the reply, at most."""
    compact: bool
    """Whether the reply has compact addresses (BEP 23)."""
    key: str
    trackerid: bytes
    time: float
    """Seconds of the monotonic clock."""


class _Peer:
    """The entry of one address in one swarm."""

    __slots__ = ("address", "host", "infohash", "left", "paused", "peerid", "time")

    def __init__(self, announced: Announced, host: str) -> None:
        self.infohash = announced.infohash
        self.address = announced.address
        self.peerid = announced.peerid
        self.left = announced.left > 0
        """Whether the peer misses data: it is a leecher."""
        self.paused = announced.event == PAUSED
        self.time = announced.time
        self.host = host
        """Owner of the address that announced it (``address_scope.owner``)."""


class _Swarm:
    def __init__(self, downloaded: int) -> None:
        self.peers: Dict[Address, _Peer] = {}
        self.seeds = 0
        self.downloaders = 0
        """Number of leechers, partial seeds not included."""
        self.downloaded = downloaded


class _Refused(Exception):
    """An announce that is refused; the text is the failure reason."""


class Registry:
    """All swarms of a tracker.

    Args:
        interval: Seconds between regular announces, sent to clients.
        min_interval: Least seconds between announces, sent to clients.
        random: Random source that chooses the peers of a reply.
    """

    def __init__(self, *, interval: int, min_interval: int, random: Random) -> None:
        self.announces: Deque[Announced] = deque(maxlen=MAX_ANNOUNCES)
        """The latest announces."""
        self._interval = interval
        self._min_interval = min_interval
        self._lifetime = max(MIN_LIFETIME, 2.0 * interval)
        self._random = random
        self._swarms: Dict[bytes, _Swarm] = {}
        """Swarms that have peers, by infohash."""
        self._peers: Dict[_Peer, None] = {}
        self._hosts: Dict[str, Dict[_Peer, None]] = {}
        self._deserted: Dict[bytes, int] = {}
        """Number of downloads of each swarm without peers, by infohash."""

    def swarm(self, infohash: bytes, now: float) -> Tuple[Address, ...]:
        """Return the addresses of the peers in a swarm.

        Args:
            infohash: Infohash of the swarm.
            now: Seconds of the monotonic clock.
        """
        self._expire(now)
        swarm = self._swarms.get(infohash)
        return tuple(swarm.peers) if swarm is not None else ()

    def answer(self, path: str, query: str, host: str, now: float, *, local: bool = True) -> Optional[bytes]:
        """Return the body that answers an HTTP GET; None if nothing is at ``path``.

        Args:
            path: Path of the URL.
            query: Query of the URL.
            host: Numeric address of the client.
            now: Seconds of the monotonic clock.
            local: Whether a client on this machine may announce another address than its own.
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
        """Add the entry of an announce behind all others, or remove it after ``stopped``."""
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
            # A dictionary keeps the place of a key that is set again.
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
        """Remove an entry, and its swarm if that has no other."""
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
        # Some clients send -1 for any number.
        numwant=min(int(numwant), MAX_NUMWANT) if _is_number(numwant) else NUMWANT,
        compact=fields.get("compact") != "0",
        key=printable(fields.get("key", ""), MAX_WORD),
        trackerid=fields.get("trackerid", "")[:MAX_WORD].encode("latin-1"),
        time=now,
    )


def _peer_host(asked: str, host: str) -> str:
    """Return the host of a peer: its own ``ip`` only from this machine, since others could name a victim (BEP 7)."""
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
