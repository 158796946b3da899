"""Announcing to an HTTP tracker (BEP 3): what is asked, and what comes back.

Peers come as a string of compact addresses (BEP 23, and BEP 7 for IPv6) or as a list of dictionaries or of such
strings, whatever was asked for.  Names of hosts in that list are dropped: a tracker could make us look up any name.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple
from urllib.parse import parse_qsl, quote_from_bytes, urlsplit

from . import addresses
from .addresses import Address
from .tracker_reply import TrackerFailure, decode_reply, optional_count, optional_text

STARTED = "started"
STOPPED = "stopped"
COMPLETED = "completed"
PAUSED = "paused"
"""Regular announce of a partial seed (BEP 21)."""
REGULAR = ""

MAX_PEERS = 2000
"""Addresses kept of one reply; ten times what we ask for."""
MAX_TRACKERID = 1024
"""Bytes of a tracker id that we are willing to send back."""


_OURS = frozenset({"info_hash", "peer_id", "port", "uploaded", "downloaded", "left", "event"})


class AnnounceRequest(NamedTuple):
    """One announce; the sizes are bytes, ``key`` is up to eight letters and digits, the same for the whole session."""

    infohash: bytes
    peerid: bytes
    port: int
    uploaded: int
    downloaded: int
    left: int
    event: str = REGULAR
    numwant: int = 50
    key: str = ""
    trackerid: bytes = b""
    ip: str = ""
    """Numeric address at which we can be reached, if it is not that of the connection."""

    def url(self, base: str) -> str:
        """The URL to fetch from the tracker whose URL is ``base``; a query that it has already is kept."""
        query = [
            ("info_hash", quote_from_bytes(self.infohash, safe="")),
            ("peer_id", quote_from_bytes(self.peerid, safe="")),
            ("port", self.port),
            ("uploaded", self.uploaded),
            ("downloaded", self.downloaded),
            ("left", self.left),
            ("compact", 1),
            ("numwant", self.numwant),
            ("key", self.key),
            ("event", self.event),
            ("ip", self.ip),
            ("trackerid", quote_from_bytes(self.trackerid, safe="")),
        ]
        return with_query(base, [(name, str(value)) for name, value in query if value != ""])


def url_objection(url: str) -> str:
    """Why no announce can be sent to this tracker; empty when it can."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return f"{parts.scheme} trackers are not supported yet"
    # Such a URL is an attempt to let us speak to something else, or for somebody else (limits: tracker SSRF).
    doubled = sorted(_OURS.intersection(name for name, _ in parse_qsl(parts.query, keep_blank_values=True)))
    return f"the URL has {', '.join(doubled)} already" if doubled else ""


def with_query(base: str, query: Iterable[Tuple[str, str]]) -> str:
    """``base`` with quoted names and values added to its query, and without its fragment."""
    parts = urlsplit(base)
    added = "&".join(f"{name}={value}" for name, value in query)
    query_string = f"{parts.query}&{added}" if parts.query else added
    return parts._replace(path=parts.path or "/", query=query_string, fragment="").geturl()


@dataclasses.dataclass(frozen=True)
class AnnounceReply:
    """A tracker's answer; None stands for what it did not say."""

    peers: Tuple[Address, ...] = ()
    """Each once, at most 2000, none without a port."""
    interval: Optional[int] = None
    """Seconds until the next regular announce."""
    min_interval: Optional[int] = None
    """Seconds before which no other announce is welcome, events aside."""
    trackerid: bytes = b""
    """To be sent back with the next announces, when it is not empty."""
    complete: Optional[int] = None
    """Seeds."""
    incomplete: Optional[int] = None
    """Leechers."""
    downloaded: Optional[int] = None
    """Downloads that were completed."""
    warning: str = ""
    external_ip: str = ""
    """Our address as the tracker sees it (BEP 24)."""

    @classmethod
    def parse(cls, body: bytes) -> AnnounceReply:
        """The answer in the body of a response; raises :class:`TrackerFailure`, which is a ``TrackerError``."""
        reply = decode_reply(body)
        trackerid = reply.get(b"tracker id")
        external_ip = reply.get(b"external ip")
        return cls(
            peers=_peers(reply),
            interval=optional_count(reply, b"interval"),
            min_interval=optional_count(reply, b"min interval"),
            trackerid=trackerid if isinstance(trackerid, bytes) and len(trackerid) <= MAX_TRACKERID else b"",
            complete=optional_count(reply, b"complete"),
            incomplete=optional_count(reply, b"incomplete"),
            downloaded=optional_count(reply, b"downloaded"),
            warning=optional_text(reply, b"warning message"),
            external_ip=addresses.unpack_host(external_ip) if isinstance(external_ip, bytes) else "",
        )


def _peers(reply: Dict[bytes, Any]) -> Tuple[Address, ...]:
    peers = reply.get(b"peers", b"")
    if not isinstance(peers, (bytes, list)) and b"peers6" not in reply:
        raise TrackerFailure(f"peers is neither a string nor a list, but {type(peers).__name__}")
    found = [*_addresses(peers, addresses.IPV4_SIZE), *_addresses(reply.get(b"peers6"), addresses.IPV6_SIZE)]
    return tuple(dict.fromkeys(found))[:MAX_PEERS]


def _addresses(peers: Any, size: int) -> List[Address]:
    """What can be dialled among these; ``size`` is that of an entry of a string."""
    if isinstance(peers, bytes):
        return _unpacked(peers[: min(len(peers) // size, MAX_PEERS) * size], size)
    found: List[Address] = []
    for peer in peers[:MAX_PEERS] if isinstance(peers, list) else ():
        if isinstance(peer, dict):
            found += _address(peer)
        elif isinstance(peer, bytes) and len(peer) in (addresses.IPV4_SIZE, addresses.IPV6_SIZE):
            found += _unpacked(peer, len(peer))
    return found


def _unpacked(packed: bytes, size: int) -> List[Address]:
    return addresses.unpack_ipv4(packed) if size == addresses.IPV4_SIZE else addresses.unpack_ipv6(packed)


def _address(peer: Dict[bytes, Any]) -> List[Address]:
    """The address of an entry of the long form, if it can be dialled."""
    host, port = peer.get(b"ip"), optional_count(peer, b"port")
    if not isinstance(host, bytes) or port is None or not 0 < port < 65536:
        return []
    numeric = addresses.numeric_host(host.decode("latin-1"))
    return [(numeric, port)] if numeric else []
